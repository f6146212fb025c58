//! A request as the doors get it.

use super::Trace;
use crate::config::Origin;
use http::{HeaderMap, Method, Uri};
use std::net::IpAddr;
use std::sync::Arc;

/// How many headers a request may have: far more than any client of ours sends.
pub(crate) const MAX_HEADERS: usize = 100;

/// One request, without its body.
#[derive(Debug)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// Path and query, exactly as sent (signatures depend on it).
    pub uri: Uri,
    /// The headers, exactly as sent; only `Host` is what the target says, where the target names a host.
    pub headers: HeaderMap,
    /// How the client reached this server: what URLs in answers start with.
    pub origin: Origin,
    /// Whether the client reached this server over TLS, seen through trusted proxies. What `--public-url` says is no proof of it.
    pub secure: bool,
    /// The client and the id of the request, and where a door notes who calls and what is done.
    pub trace: Arc<Trace>,
}

impl Call {
    /// The client's address, seen through trusted proxies.
    pub fn client(&self) -> IpAddr {
        self.trace.client()
    }

    /// A UUID made for this request; it is logged and answered as `x-amzn-RequestId` or `x-request-id`.
    pub fn request_id(&self) -> &str {
        self.trace.request_id()
    }
}
