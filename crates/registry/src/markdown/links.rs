//! Targets of links and sources of pictures.

use super::outline::{ID_PREFIX, slug};
use roadstead_model::gallery::link::web_or_mail_address;
use std::collections::BTreeMap;

/// The addresses of the pictures that were pushed with a text, by the titles with which the text refers to them.
pub(crate) type Pictures = BTreeMap<String, String>;

/// What the addresses of pushed pictures begin with.
pub const PICTURE_PREFIX: &str = "/-/asset/";

/// What `target` becomes on the page: an absolute address of an allowed scheme, or a heading of the text. `None` if it must not be a
/// link: other schemes can run scripts, and a relative address has no base here.
pub(super) fn link(target: &str) -> Option<String> {
    if let Some(fragment) = target.strip_prefix('#') {
        return Some(format!("#{ID_PREFIX}{}", slug(fragment)));
    }
    web_or_mail_address(target).map(str::to_owned)
}

/// The address of the pushed picture to which a text refers.
pub(super) fn picture<'p>(pictures: &'p Pictures, source: &str) -> Option<&'p str> {
    let title = source.strip_prefix("./").unwrap_or(source);
    pictures.get(title).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_absolute() {
        assert_eq!(link("https://example.org/a").as_deref(), Some("https://example.org/a"));
        for other in ["javascript:alert(1)", "docs/a.md", ""] {
            assert_eq!(link(other), None, "{other}");
        }
    }

    #[test]
    fn a_fragment_leads_to_the_heading_of_the_text() {
        assert_eq!(link("#how-to-use-it").as_deref(), Some("#h-how-to-use-it"));
        assert_eq!(link("#\"><script>").as_deref(), Some("#h-script"));
    }

    #[test]
    fn a_picture_is_found_by_its_title() {
        let pictures = Pictures::from([("docs/logo.png".to_owned(), "/-/asset/sha256:00".to_owned())]);
        assert_eq!(picture(&pictures, "./docs/logo.png"), Some("/-/asset/sha256:00"));
        assert_eq!(picture(&pictures, "logo.png"), None);
    }
}
