//! The HTTP connections to an S3 server. Every attempt at a request has a time limit and is counted.

use crate::span;
use async_trait::async_trait;
use object_store::ClientOptions;
use object_store::client::{HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService, ReqwestConnector};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU16, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tracing::Instrument;

/// How long an attempt may take until its response begins, besides the time for its body.
const ATTEMPT: Duration = Duration::from_secs(10);
/// How long establishing a connection may take.
const CONNECT: Duration = Duration::from_secs(3);
/// How long a connection is kept for the next request. Servers close idle ones after about 20 seconds.
const IDLE: Duration = Duration::from_secs(15);
/// The bytes per second at which a body is sent at least.
const SLOWEST: u64 = 1 << 20;

/// What has been sent to an S3 server, and what its clock shows.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    /// Attempts at requests.
    pub(super) requests: AtomicU64,
    /// Attempts without a response, and responses that report an error of the server.
    pub(super) failures: AtomicU64,
    /// Bytes of the bodies of requests.
    pub(super) sent: AtomicU64,
    /// By how many microseconds the server's clock is ahead of this machine's.
    ahead: AtomicI64,
    /// The status of the last response; 0 after an attempt without one.
    last_status: AtomicU16,
}

impl Traffic {
    /// By how many microseconds the server's clock is ahead of this machine's, to the second.
    pub(super) fn ahead(&self) -> i64 {
        self.ahead.load(Ordering::Relaxed)
    }

    /// Whether the last attempt was answered, and another one would be answered likewise.
    pub(super) fn is_answered_for_good(&self) -> bool {
        let status = self.last_status.load(Ordering::Relaxed);
        // Request Timeout, Conflict (another request at the same time) and Too Many Requests.
        (200..500).contains(&status) && ![408, 409, 429].contains(&status)
    }

    fn count(&self, answered: &Result<HttpResponse, HttpError>) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.last_status.store(answered.as_ref().map_or(0, |response| response.status().as_u16()), Ordering::Relaxed);
        match answered {
            Ok(response) if !response.status().is_server_error() => {
                if let Some(ahead) = response.headers().get("date").and_then(|date| ahead(date.to_str().ok()?)) {
                    self.ahead.store(ahead, Ordering::Relaxed);
                }
            }
            _ => {
                self.failures.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// By how many microseconds a `Date` header is ahead of this machine's clock.
fn ahead(date: &str) -> Option<i64> {
    let theirs = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date).ok()?.as_microsecond();
    let ours = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_micros();
    Some(theirs - i64::try_from(ours).ok()?)
}

/// The options of all connections. A request has no limit in total, because its response may be as long as a blob.
pub(super) fn options(allow_http: bool) -> ClientOptions {
    // Otherwise a system without certificates of authorities could not even send requests in plain text.
    let untrusting = allow_http && rustls_native_certs::load_native_certs().certs.is_empty();
    let options = ClientOptions::new().with_timeout_disabled().with_connect_timeout(CONNECT).with_pool_idle_timeout(IDLE);
    options.with_http1_only().with_allow_http(allow_http).with_no_system_certificates(untrusting)
}

#[derive(Debug, Clone, Default)]
pub(super) struct Connector(pub(super) Arc<Traffic>);

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = ReqwestConnector::default().connect(options)?;
        Ok(HttpClient::new(Limited { client, traffic: self.0.clone() }))
    }
}

#[derive(Debug)]
struct Limited {
    client: HttpClient,
    traffic: Arc<Traffic>,
}

#[async_trait]
impl HttpService for Limited {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let limit = ATTEMPT + Duration::from_secs(request.body().content_length() as u64 / SLOWEST);
        self.traffic.sent.fetch_add(request.body().content_length() as u64, Ordering::Relaxed);
        let answered = tokio::time::timeout(limit, self.client.execute(request).instrument(span!("bucket request"))).await;
        let answered = answered.unwrap_or_else(|elapsed| Err(HttpError::new(HttpErrorKind::Timeout, elapsed)));
        self.traffic.count(&answered);
        answered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_header_shows_how_far_a_clock_is_ahead() {
        let year = Duration::from_secs(365 * 24 * 3600).as_micros() as i64;
        assert!(ahead("Fri, 31 Dec 1999 23:59:59 GMT").expect("a date") < -20 * year);
        assert_eq!(ahead("yesterday"), None);
    }
}
