//! What the handler of a page returns: a [`Page`], or the [`Failure`] that explains why there is none.

use crate::http::budget::Crowded;
use crate::rates::TooFast;
use askama::Template;
use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use roadstead_registry::Error;
use serde::Serialize;

/// Tells search engines not to list a page (Google, "Robots meta tag specifications").
const X_ROBOTS_TAG: HeaderName = HeaderName::from_static("x-robots-tag");

/// A rendered page, or a document for programs.
#[derive(Debug, Clone)]
pub(super) struct Page {
    pub(super) status: StatusCode,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: Bytes,
}

/// Why there is no page.
#[derive(Debug)]
pub(super) enum Failure {
    /// Nothing has this address.
    NotFound,
    /// The query of the address makes no sense, for this reason.
    BadRequest(String),
    TooFast(TooFast),
    Crowded,
    /// The storage, or a template, failed.
    Broken(Error),
}

impl Page {
    /// A document of any media type.
    pub(super) fn new(media_type: &'static str, body: impl Into<Bytes>) -> Self {
        let media_type = (CONTENT_TYPE, HeaderValue::from_static(media_type));
        Self { status: StatusCode::OK, headers: vec![media_type], body: body.into() }
    }

    pub(super) fn html(template: &impl Template) -> Result<Self, Failure> {
        Self::rendered("text/html; charset=utf-8", template)
    }

    /// A document of any media type, from a template.
    pub(super) fn rendered(media_type: &'static str, template: &impl Template) -> Result<Self, Failure> {
        Ok(Self::new(media_type, template.render()?))
    }

    pub(super) fn json(document: &impl Serialize) -> Self {
        // Structs of text and numbers always serialise.
        Self::new("application/json", serde_json::to_vec(document).unwrap_or_default())
    }

    /// Sends the client to another address, for now.
    pub(super) fn see_other(path: &str) -> Self {
        Self { status: StatusCode::SEE_OTHER, headers: Vec::new(), body: Bytes::new() }.with(LOCATION, path)
    }

    /// Sets a header. An invalid value is ignored.
    pub(super) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// Keeps the page out of search engines, because it repeats other pages.
    pub(super) fn unlisted(self) -> Self {
        self.with(X_ROBOTS_TAG, "noindex")
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::RegistryNotFound(_) | Error::RepositoryNotFound(_) | Error::ImageNotFound { .. } => Self::NotFound,
            error => Self::Broken(error),
        }
    }
}

impl From<askama::Error> for Failure {
    fn from(error: askama::Error) -> Self {
        Self::Broken(Error::Internal(format!("a template failed: {error}")))
    }
}

impl From<TooFast> for Failure {
    fn from(error: TooFast) -> Self {
        Self::TooFast(error)
    }
}

impl From<Crowded> for Failure {
    fn from(_: Crowded) -> Self {
        Self::Crowded
    }
}
