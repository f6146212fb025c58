//! A request as the doors see it.

use super::Trace;
use crate::config::Origin;
use http::{HeaderMap, Method, Uri};
use roadstead_registry::Arrival;
use std::net::IpAddr;
use std::sync::Arc;

/// The maximum number of headers of a request: far more than registry clients send.
pub(crate) const MAX_HEADERS: usize = 100;

/// A request without its body.
#[derive(Debug)]
pub struct Call {
    pub method: Method,
    /// Path and query, exactly as sent, because signatures depend on them.
    pub uri: Uri,
    /// The headers, exactly as sent, except that an absolute target replaces `Host`.
    pub headers: HeaderMap,
    /// How the client reached this server: the base of URLs in responses.
    pub origin: Origin,
    /// Whether the client reached this server over TLS, as far as trusted proxies say. `--public-url` proves nothing here.
    pub secure: bool,
    /// What is read for this request is not older. See [`roadstead_registry::Installation::at`].
    pub arrival: Arrival,
    pub trace: Arc<Trace>,
}

impl Call {
    /// The client's address, as far as trusted proxies say.
    pub fn client(&self) -> IpAddr {
        self.trace.client()
    }

    /// A UUID, logged and sent as `x-amzn-RequestId` or `x-request-id`.
    pub fn request_id(&self) -> &str {
        self.trace.request_id()
    }
}
