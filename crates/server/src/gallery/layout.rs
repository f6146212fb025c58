//! What all pages have in common: head, header with the search box, and footer.
//!
//! The template of a page begins with `{% extends "layout/page.html" %}`, fills the block `main`, and its struct has a field `layout`.

use super::urls;
use super::visit::Visit;
use crate::config::GalleryConfig;
use roadstead_model::Timestamp;
use roadstead_model::gallery::visible_text::visible;

/// The values of `layout/page.html`.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) title: String,
    /// The name of this gallery.
    pub(super) site: String,
    pub(super) description: String,
    /// The text in the search box.
    pub(super) searched: String,
    /// The absolute address of the page, if it is one that search engines may list.
    pub(super) canonical: Option<String>,
    pub(super) feed: Option<String>,
    /// The absolute address of the picture that stands for the page.
    pub(super) picture: Option<String>,
    pub(super) notice: Option<String>,
    pub(super) imprint: Option<String>,
    pub(super) contact: Option<String>,
    pub(super) origin: String,
    /// When the page is made, for the filter `ago`.
    pub(super) now: Timestamp,
    pub(super) is_home: bool,
}

impl Layout {
    pub(super) fn new(visit: &Visit<'_>, title: impl Into<String>) -> Self {
        let GalleryConfig { notice, imprint, contact, .. } = &visit.server.config.gallery;
        let (title, site) = (visible(&title.into()).into_owned(), visit.site().to_owned());
        Self {
            description: format!("{title} at {site}, a public registry of container images."),
            title,
            site,
            searched: String::new(),
            canonical: None,
            feed: None,
            picture: None,
            notice: notice.clone(),
            imprint: imprint.clone(),
            contact: contact.clone(),
            origin: visit.origin().to_string(),
            now: visit.now,
            is_home: false,
        }
    }

    /// Sets what search engines and chat programs show of the page, unless the text is empty.
    pub(super) fn described(self, description: impl Into<String>) -> Self {
        let description = visible(&description.into()).into_owned();
        if description.is_empty() { self } else { Self { description, ..self } }
    }

    /// Sets the one address of the page, from its path.
    pub(super) fn canonical(self, path: &str) -> Self {
        Self { canonical: Some([self.origin.as_str(), path].concat()), ..self }
    }

    /// Offers a feed to feed readers.
    pub(super) fn feed(self, path: String) -> Self {
        Self { feed: Some(path), ..self }
    }

    /// Sets the path of the picture that stands for the page.
    pub(super) fn picture(self, path: &str) -> Self {
        Self { picture: Some([self.origin.as_str(), path].concat()), ..self }
    }

    /// Fills the search box.
    pub(super) fn searched(self, words: impl Into<String>) -> Self {
        Self { searched: words.into(), ..self }
    }

    /// Marks the front page.
    pub(super) fn home(self) -> Self {
        Self { is_home: true, ..self }
    }

    /// The results for the text in the search box.
    pub(super) fn search(&self) -> String {
        urls::search(&self.searched)
    }
}
