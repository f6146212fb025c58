//! What every door needs of HTTP: the request as it came in, the answer's body, and the signpost that picks a door.

pub(crate) mod arriving;
mod body;
mod browser;
pub(crate) mod budget;
mod dialect;
mod emulated;
pub(crate) mod forwarded;
mod landing;
pub(crate) mod leaving;
mod listings;
mod logo;
mod origin;
mod probes;
mod query;
mod record;
mod seeming;
mod unread;

pub use arriving::Slowest;
pub use body::{BlobPart, Body, Manner, Reading};
pub(crate) use browser::Browsers;
pub use browser::{Cors, CorsOrigin};
pub use budget::Budget;
pub(crate) use emulated::reason_to_refuse as emulator_refusal;
pub(crate) use listings::Listings;
pub(crate) use logo::logo_path;
pub use origin::Origin;
pub(crate) use query::Query;
pub(crate) use record::Recorded;
pub(crate) use seeming::SeemingProxies;

use crate::audit::Trace;
use crate::connection::{Forwarded, Peer, Surface};
use crate::{Server, aws, oci};
use dialect::{broken, crowded, too_many};
use futures_util::FutureExt;
use http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST, HeaderName, HeaderValue};
use http::request::Parts;
use http::{HeaderMap, Method, Request, StatusCode, Uri, Version};
use hyper::body::{Body as _, Incoming};
use leaving::Held;
use origin::RequestHost;
use record::Record;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

/// An answer of any door.
pub type Response = http::Response<Body>;

/// Where a client finds the id of its request, at every door but AWS's, which has a header of its own.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

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

/// Who answers a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    Aws,
    Oci,
    Landing,
    Logo,
    Health,
    Readiness,
    Metrics,
    /// The path leads to a door that does not know the method; these are the methods that it knows.
    WrongMethod(&'static str),
    None,
}

impl Door {
    /// The signpost: a method and a path name a door.
    fn of(surface: Surface, method: &Method, path: &str) -> Self {
        let is_probe = || matches!(path, "/healthz" | "/readyz" | "/metrics");
        match surface {
            Surface::Public if is_probe() => return Self::None,
            Surface::Admin if !is_probe() => return Self::None,
            Surface::Everything | Surface::Public | Surface::Admin => {}
        }
        let read = *method == Method::GET || *method == Method::HEAD;
        match path {
            "/" if *method == Method::POST => Self::Aws,
            "/" if read => Self::Landing,
            "/" => Self::WrongMethod("GET, HEAD, POST"),
            "/v2" | "/token" | "/token/" => Self::Oci,
            _ if path.starts_with("/v2/") => Self::Oci,
            _ if logo::is_logo(path) && read => Self::Logo,
            _ if logo::is_logo(path) => Self::WrongMethod("GET, HEAD"),
            "/healthz" | "/readyz" | "/metrics" if !read => Self::WrongMethod("GET, HEAD"),
            "/healthz" => Self::Health,
            "/readyz" => Self::Readiness,
            "/metrics" => Self::Metrics,
            _ => Self::None,
        }
    }

    /// What metrics and logs call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Oci => "oci",
            Self::Landing | Self::Logo => "gallery",
            Self::Health | Self::Readiness | Self::Metrics => "probe",
            Self::WrongMethod(_) | Self::None => "none",
        }
    }
}

/// Answers one request, whatever happens: a panic becomes a 500 and ends nothing but its own request.
pub(crate) async fn answer(server: &Server, peer: &Peer, request: Request<Incoming>) -> http::Response<Recorded> {
    let door = Door::of(peer.surface, request.method(), request.uri().path());
    let reader = server.browsers.reader(server, peer, door, &request);
    let client = forwarded::client(peer.address.ip(), request.headers(), &server.config.trusted_proxies);
    let trace = Arc::new(Trace::new(&server.audit, client, request_id(), peer.standing()));
    let record = Record::begin(&server.telemetry, peer, &request, door, trace.clone());
    let (is_head, version) = (request.method() == Method::HEAD, request.version());
    let is_announced = !request.body().is_end_stream() && request.headers().contains_key(EXPECT);
    let (head, mut body) = request.into_parts();
    let share = share_of(server, peer, client);
    let mut response = match &share {
        Ok(_) => match AssertUnwindSafe(route(server, peer, head, &mut body, door, trace.clone())).catch_unwind().await {
            Ok(response) => response,
            Err(_) => {
                tracing::error!(request_id = trace.request_id(), "the defect just logged ended this request");
                broken(door)
            }
        },
        Err(TooMany) => too_many(server, door),
    };
    if !body.is_end_stream() {
        Box::pin(unread::close_after(peer, version, &mut body, is_announced, &mut response)).await;
    }
    if is_head {
        let body = std::mem::replace(response.body_mut(), Body::empty());
        announce_length(&mut response, &body);
    }
    response.body_mut().take_in(Manner::of(version, server.tls.is_some()));
    let held = hold(server, &record, &mut response, door, version);
    if door == Door::Aws {
        response.headers_mut().entry("x-amzn-requestid").or_insert_with(|| header_value(trace.request_id()));
    } else {
        response.headers_mut().insert(REQUEST_ID, header_value(trace.request_id()));
    }
    server.browsers.instruct(&mut response, door, reader);
    record.answered_with(response, share.ok().flatten(), held)
}

/// Whose requests under way are as many as they may be.
struct TooMany;

/// Counts a request that a proxy forwards for somebody else under that address.
fn share_of(server: &Server, peer: &Peer, client: IpAddr) -> Result<Option<Forwarded>, TooMany> {
    if !peer.is_proxy || client == peer.address.ip().to_canonical() {
        return Ok(None);
    }
    server.connections.forward(client).map(Some).ok_or(TooMany)
}

/// Takes a share of the budget for an answer. When there is no room, a refusal takes the place of a large answer; when there is no
/// room for answers of a few words either, that refusal has no body, so that nothing waits for the client.
fn hold(server: &Server, record: &Record, response: &mut Response, door: Door, version: Version) -> Option<Arc<Held>> {
    let is_stream = version == Version::HTTP_2;
    let holder = || server.budget.sender(record.trace());
    let in_flight = || record.in_flight().clone();
    let reason = match leaving::hold(response.body_mut(), is_stream, &server.copies, holder, in_flight) {
        Ok(held) => return held,
        Err(reason) => reason,
    };
    if !is_stream {
        *response = crowded(door, reason);
        return None;
    }
    let held = leaving::hold_small(&server.budget, record.trace().client(), in_flight);
    if held.is_none() || !leaving::is_small(response.body()) {
        *response = crowded(door, reason);
    }
    if held.is_none() {
        *response.body_mut() = Body::empty();
        response.headers_mut().remove(CONTENT_LENGTH);
    }
    held
}

/// A UUID for a request. Nothing secret depends on it, so it costs no call of the system: a seed tells processes apart, and
/// a counter, spread over all digits by an odd factor, tells requests apart.
fn request_id() -> String {
    static SEED: LazyLock<u128> = LazyLock::new(|| uuid::Uuid::new_v4().as_u128());
    static COUNT: AtomicU64 = AtomicU64::new(1);
    const FACTOR: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
    let spread = u128::from(COUNT.fetch_add(1, Ordering::Relaxed)).wrapping_mul(FACTOR);
    uuid::Builder::from_random_bytes((*SEED ^ spread).to_be_bytes()).into_uuid().to_string()
}

async fn route(server: &Server, peer: &Peer, mut head: Parts, body: &mut Incoming, door: Door, trace: Arc<Trace>) -> Response {
    let Some(origin) = origin_of(server, peer, &head.uri, &head.headers) else {
        return plain(StatusCode::BAD_REQUEST, "The Host header is not a host name with an optional port.\n");
    };
    if let Some(refusal) = emulated::refuse(server, peer, door, &head) {
        return refusal;
    }
    if let Some(preflight) = server.browsers.preflight(door, &head) {
        return preflight;
    }
    // A target that names the host makes the header mean nothing (RFC 9112, section 3.2.2): whoever signs, signs that host.
    if let Some(authority) = head.uri.authority() {
        let is_said = head.headers.get(HOST).is_some_and(|host| host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes()));
        if !is_said {
            head.headers.insert(HOST, header_value(authority.as_str()));
        }
    }
    let secure = forwarded::is_secure(peer.is_proxy, &head.headers, peer.scheme(server));
    let call = Call { method: head.method, uri: head.uri, headers: head.headers, origin, secure, trace };
    // A future is as large as its largest part, and is moved several times before it runs: what pulls do not need is boxed.
    let response = match door {
        Door::Aws => Box::pin(aws::answer(server, &call, body)).await,
        Door::Oci => oci::answer(server, &call, body).await,
        Door::Landing => Box::pin(landing::page(server, &call)).await,
        Door::Logo => Box::pin(logo::serve(server, &call)).await,
        Door::Health => plain(StatusCode::OK, "alive\n"),
        Door::Readiness => Box::pin(probes::readiness(server)).await,
        Door::Metrics => probes::metrics(server),
        Door::WrongMethod(allowed) => wrong_method(allowed),
        Door::None => plain(StatusCode::NOT_FOUND, "There is nothing here.\n"),
    };
    // Of the oci door's answers only the challenge sends clients to the origin: pulls skip this.
    if door != Door::Oci || response.status() == StatusCode::UNAUTHORIZED {
        server.seeming_proxies.look_at(server, peer, &call.headers);
    }
    response
}

/// `--public-url`, else what the request or a trusted proxy says, else this end of the connection. None when the
/// request names its host in a way that cannot be repeated to anybody.
fn origin_of(server: &Server, peer: &Peer, uri: &Uri, headers: &HeaderMap) -> Option<Origin> {
    if let Some(public) = &server.config.public_url {
        return Some(public.clone());
    }
    let local = || peer.local.to_string();
    let host = match origin::request_host(uri, headers) {
        RequestHost::Named(host) => host.to_owned(),
        RequestHost::Absent => local(),
        RequestHost::Invalid => return None,
    };
    forwarded::origin(peer.is_proxy, headers, peer.scheme(server), &host)
}

/// An answer of one sentence.
pub(crate) fn plain(status: StatusCode, text: impl Into<Body>) -> Response {
    let mut response = http::Response::new(text.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

fn wrong_method(allowed: &'static str) -> Response {
    let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "This method is not allowed here.\n");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

/// The answer to HEAD has the length of the body that it lacks, unless the door said so itself.
fn announce_length(response: &mut Response, body: &Body) {
    let bodiless = response.status() == StatusCode::NO_CONTENT || response.status() == StatusCode::NOT_MODIFIED;
    if let (false, Some(length)) = (bodiless, http_body::Body::size_hint(body).exact()) {
        response.headers_mut().entry(CONTENT_LENGTH).or_insert_with(|| length.into());
    }
}

/// A header's value from text that is known to be fit for one; empty should it ever not be.
fn header_value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signpost_knows_every_door() {
        for (method, path, door) in [
            (Method::POST, "/", Door::Aws),
            (Method::GET, "/", Door::Landing),
            (Method::HEAD, "/", Door::Landing),
            (Method::PUT, "/", Door::WrongMethod("GET, HEAD, POST")),
            (Method::GET, "/v2", Door::Oci),
            (Method::GET, "/v2/", Door::Oci),
            (Method::PATCH, "/v2/a1b2c3d4/app/blobs/uploads/1", Door::Oci),
            (Method::GET, "/v20/", Door::None),
            (Method::GET, "/token", Door::Oci),
            (Method::POST, "/token/", Door::Oci),
            (Method::GET, "/tokens", Door::None),
            (Method::GET, "/logo/1.png", Door::Logo),
            (Method::PUT, "/logo/1.png", Door::WrongMethod("GET, HEAD")),
            (Method::GET, "/healthz", Door::Health),
            (Method::HEAD, "/readyz", Door::Readiness),
            (Method::GET, "/metrics", Door::Metrics),
            (Method::POST, "/metrics", Door::WrongMethod("GET, HEAD")),
            (Method::POST, "/v1", Door::None),
        ] {
            assert_eq!(Door::of(Surface::Everything, &method, path), door, "{method} {path}");
        }
    }

    #[test]
    fn what_operators_ask_is_found_at_their_own_address_and_nothing_else_is() {
        for (path, door) in [("/healthz", Door::Health), ("/readyz", Door::Readiness), ("/metrics", Door::Metrics)] {
            assert_eq!(Door::of(Surface::Admin, &Method::GET, path), door);
            assert_eq!(Door::of(Surface::Admin, &Method::POST, path), Door::WrongMethod("GET, HEAD"));
            assert_eq!(Door::of(Surface::Public, &Method::GET, path), Door::None);
            assert_eq!(Door::of(Surface::Public, &Method::POST, path), Door::None);
        }
        for (method, path) in [(Method::POST, "/"), (Method::GET, "/"), (Method::GET, "/v2/"), (Method::GET, "/token")] {
            assert_eq!(Door::of(Surface::Admin, &method, path), Door::None);
            assert_eq!(Door::of(Surface::Public, &method, path), Door::of(Surface::Everything, &method, path));
        }
    }

    #[test]
    fn every_request_has_an_id_of_its_own() {
        let ids: std::collections::HashSet<String> = (0..1000).map(|_| request_id()).collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.iter().all(|id| uuid::Uuid::parse_str(id).is_ok_and(|id| id.get_version_num() == 4)));
    }

    #[test]
    fn the_length_that_a_door_gives_to_a_head_request_stays() {
        let mut response = plain(StatusCode::OK, Body::empty());
        response.headers_mut().insert(CONTENT_LENGTH, 42.into());
        announce_length(&mut response, &Body::empty());
        assert_eq!(response.headers()[CONTENT_LENGTH], "42");
        let mut response = plain(StatusCode::OK, Body::empty());
        announce_length(&mut response, &Body::from("seven b"));
        assert_eq!(response.headers()[CONTENT_LENGTH], "7");
    }
}
