//! A signed request.

use http::{HeaderMap, Method, Uri};

/// A request without its body, as it came over the wire.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The method.
    pub method: &'a str,
    /// The path, still percent-encoded.
    pub path: &'a str,
    /// The query without its question mark, still percent-encoded.
    pub query: &'a str,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// HTTP/2's `:authority`, which stands for a missing `Host`.
    pub authority: Option<&'a str>,
}

impl<'a> Request<'a> {
    /// The request that hyper read.
    pub fn new(method: &'a Method, uri: &'a Uri, headers: &'a HeaderMap) -> Self {
        let authority = uri.authority().map(|authority| authority.as_str());
        Self { method: method.as_str(), path: uri.path(), query: uri.query().unwrap_or_default(), headers, authority }
    }

    pub(super) fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
    }
}
