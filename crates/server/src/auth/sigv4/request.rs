//! Signed requests.

use http::{HeaderMap, Method, Uri};

/// A request without its body, as received.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub method: &'a str,
    /// Percent-encoded.
    pub path: &'a str,
    /// Percent-encoded, without the question mark.
    pub query: &'a str,
    pub headers: &'a HeaderMap,
    /// HTTP/2's `:authority`, which replaces a missing `Host`.
    pub authority: Option<&'a str>,
}

impl<'a> Request<'a> {
    pub fn new(method: &'a Method, uri: &'a Uri, headers: &'a HeaderMap) -> Self {
        let authority = uri.authority().map(|authority| authority.as_str());
        Self { method: method.as_str(), path: uri.path(), query: uri.query().unwrap_or_default(), headers, authority }
    }

    pub(super) fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
    }
}
