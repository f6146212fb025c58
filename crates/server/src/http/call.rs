//! A request as the doors see it.

use super::Trace;
use crate::config::Origin;
use http::{HeaderMap, Method, Uri};
use std::net::IpAddr;
use std::sync::Arc;

/// How many headers a request may have: far more than registry clients send.
pub(crate) const MAX_HEADERS: usize = 100;

/// A request without its body.
#[derive(Debug)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// Path and query, exactly as sent (signatures depend on them).
    pub uri: Uri,
    /// The headers, exactly as sent; `Host` is the target's, if the target is absolute.
    pub headers: HeaderMap,
    /// How the client reached this server: the base of URLs in responses.
    pub origin: Origin,
    /// Whether the client reached this server over TLS, as far as trusted proxies say. `--public-url` proves nothing here.
    pub secure: bool,
    /// Client and id of the request, and what the logs are told of it.
    pub trace: Arc<Trace>,
}

impl Call {
    /// The client's address, as far as trusted proxies say.
    pub fn client(&self) -> IpAddr {
        self.trace.client()
    }

    /// A UUID, which is logged and sent as `x-amzn-RequestId` or `x-request-id`.
    pub fn request_id(&self) -> &str {
        self.trace.request_id()
    }
}
