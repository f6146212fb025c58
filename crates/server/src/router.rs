//! The router: picks the door of a request, and sets what all responses have in common.

mod browser;
mod door;
pub(crate) mod emulator;
mod exchange;
mod refusal;
mod request_id;
mod unnamed_proxies;
mod unread_body;

use crate::admission::ForwardedRequest;
use crate::config::Origin;
use crate::gallery::Gallery;
use crate::http::budget::Crowded;
use crate::http::held_response::{self, HeldResponse};
use crate::http::request_host::request_host;
use crate::http::{BlobAccess, Body, Call, Peer, Reply, Response, Trace, forwarded};
use crate::server::Server;
use crate::{aws, gallery, oci, probes};
use browser::BrowserHeaders;
use door::Door;
use exchange::{Exchange, ExchangeBody};
use futures_util::FutureExt;
use http::header::{ALLOW, CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderName, HeaderValue};
use http::request::Parts;
use http::{HeaderMap, Method, Request, StatusCode, Uri, Version};
use hyper::body::{Body as _, Incoming};
use refusal::{broken, crowded, too_many};
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tracing::Instrument;
use unnamed_proxies::UnnamedProxies;

/// The id of a request, in responses of all doors except AWS's, which has its own header.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Routes the requests of a server to its doors.
pub(crate) struct Router {
    pub(crate) server: Arc<Server>,
    browser_headers: BrowserHeaders,
    unnamed_proxies: UnnamedProxies,
    gallery: Gallery,
}

impl Router {
    pub(crate) fn new(server: Arc<Server>) -> Self {
        Self {
            browser_headers: BrowserHeaders::new(&server.config),
            unnamed_proxies: UnnamedProxies::default(),
            gallery: Gallery::new(&server.config),
            server,
        }
    }

    /// Answers a request. A panic becomes a 500 and ends only its own request.
    pub(crate) async fn answer(&self, peer: &Peer, request: Request<Incoming>) -> http::Response<ExchangeBody> {
        let server = &*self.server;
        let door = Door::of(peer.surface, request.method(), request.uri().path());
        let audience = self.browser_headers.audience(peer, door, &request);
        let client = forwarded::client(peer.address.ip(), request.headers(), &server.config.trusted_proxies);
        let trace = Arc::new(Trace::new(client, request_id::new(), Some(peer.activity.clone()), server.audit.is_on()));
        let exchange = Exchange::begin(server, peer, &request, door, trace.clone());
        let (is_head, version) = (request.method() == Method::HEAD, request.version());
        let is_announced = !request.body().is_end_stream() && request.headers().contains_key(EXPECT);
        let (head, mut body) = request.into_parts();
        let forwarded_request = admit_forwarded(server, peer, client);
        let mut response = match &forwarded_request {
            Ok(_) => {
                let routed = self.route(peer, head, &mut body, door, trace.clone()).instrument(exchange.span());
                let routed = AssertUnwindSafe(routed).catch_unwind().await;
                routed.unwrap_or_else(|_| {
                    tracing::error!(request_id = trace.request_id(), "this request ended with the panic logged before");
                    broken(door)
                })
            }
            Err(TooManyForwarded) => too_many(server, door),
        };
        if !body.is_end_stream() {
            Box::pin(unread_body::close_after(peer, version, &mut body, is_announced, &mut response)).await;
        }
        if is_head {
            let body = std::mem::replace(response.body_mut(), Body::empty());
            set_length(&mut response, &body);
        }
        response.body_mut().set_access(BlobAccess::of(version, server.tls.is_some()));
        let held = hold(server, &exchange, &mut response, door, version);
        if door == Door::Aws {
            response.headers_mut().entry("x-amzn-requestid").or_insert_with(|| header_value(trace.request_id()));
        } else {
            response.headers_mut().insert(REQUEST_ID, header_value(trace.request_id()));
        }
        if server.is_draining() && version == Version::HTTP_11 {
            // A proxy that keeps the connection would send a request at the moment at which the server stops.
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        self.browser_headers.set(&mut response, door, audience);
        exchange.answered_with(response, forwarded_request.ok().flatten(), held)
    }

    async fn route(&self, peer: &Peer, mut head: Parts, body: &mut Incoming, door: Door, trace: Arc<Trace>) -> Response {
        let server = &*self.server;
        let Some(origin) = origin_of(server, peer, &head.uri, &head.headers) else {
            return Reply::text(StatusCode::BAD_REQUEST, "The Host header is not a host name with an optional port.\n").into_response();
        };
        if let Some(refusal) = emulator::refuse(server, peer, door, &head) {
            return refusal;
        }
        if let Some(preflight) = self.browser_headers.preflight(door, &head) {
            return preflight;
        }
        // An absolute target replaces the header (RFC 9112, section 3.2.2), because clients sign the host of the target.
        if let Some(authority) = head.uri.authority() {
            let is_same = head.headers.get(HOST).is_some_and(|host| host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes()));
            if !is_same {
                head.headers.insert(HOST, header_value(authority.as_str()));
            }
        }
        let secure = forwarded::is_secure(peer.is_proxy, &head.headers, peer.scheme);
        let arrival = server.installation.arrival();
        let call = Call { method: head.method, uri: head.uri, headers: head.headers, origin, secure, arrival, trace };
        // A future is as large as its largest branch and is moved several times before it runs, so all branches except pulls are
        // boxed.
        let response = match door {
            Door::Aws => Box::pin(aws::answer(server, &call, body)).await,
            Door::Oci => oci::answer(server, &call, body).await,
            Door::Gallery => Box::pin(self.gallery.answer(server, &call, body)).await,
            Door::Logo => Box::pin(gallery::logo(server, &call)).await,
            Door::Health => Reply::text(StatusCode::OK, "alive\n").into_response(),
            Door::Readiness => Box::pin(probes::readiness(server)).await,
            Door::Metrics => probes::metrics(server),
            Door::WrongMethod(allowed) => Reply::text(StatusCode::METHOD_NOT_ALLOWED, "This method is not allowed here.\n")
                .with_static(ALLOW, allowed)
                .into_response(),
            Door::None => Reply::text(StatusCode::NOT_FOUND, "There is nothing here.\n").into_response(),
        };
        // Of the OCI door's responses, only the challenge depends on the origin.
        if door != Door::Oci || response.status() == StatusCode::UNAUTHORIZED {
            self.unnamed_proxies.check(server, peer, &call.headers);
        }
        response
    }
}

/// A client has reached its limit of forwarded requests in flight.
struct TooManyForwarded;

/// Counts a request by its client if a trusted proxy forwarded it.
fn admit_forwarded(server: &Server, peer: &Peer, client: IpAddr) -> Result<Option<ForwardedRequest>, TooManyForwarded> {
    if !peer.is_proxy || client == peer.address.ip().to_canonical() {
        return Ok(None);
    }
    server.connections.forwarded_requests.begin(client).map(Some).ok_or(TooManyForwarded)
}

/// Takes a share of the budget for a response. Without room, a refusal replaces a large response. Without room even for small
/// responses, the refusal has no body, so that no memory is held for the client.
fn hold(server: &Server, exchange: &Exchange, response: &mut Response, door: Door, version: Version) -> Option<Arc<HeldResponse>> {
    let is_stream = version == Version::HTTP_2;
    let holder = || server.budget.sender(&exchange.trace);
    let in_flight = || exchange.in_flight.clone();
    let reason = match held_response::hold(response.body_mut(), is_stream, &server.shared_content, holder, in_flight) {
        Ok(held) => return held,
        Err(reason) => reason,
    };
    if !is_stream {
        replace(response, door, reason);
        return None;
    }
    let held = held_response::hold_small(&server.budget, exchange.trace.client(), in_flight);
    if held.is_none() || !held_response::is_small(response.body()) {
        replace(response, door, reason);
    }
    if held.is_none() {
        *response.body_mut() = Body::empty();
        response.headers_mut().remove(CONTENT_LENGTH);
    }
    held
}

/// Puts a refusal in place of a response. It still announces that the connection closes after a body that was not received.
fn replace(response: &mut Response, door: Door, reason: Crowded) {
    let connection = response.headers_mut().remove(CONNECTION);
    *response = crowded(door, reason);
    if let Some(connection) = connection {
        response.headers_mut().insert(CONNECTION, connection);
    }
}

/// `--public-url`, else the origin that the request or a trusted proxy names, else the local address. Returns `None` if the host
/// must not be echoed.
fn origin_of(server: &Server, peer: &Peer, uri: &Uri, headers: &HeaderMap) -> Option<Origin> {
    if let Some(public) = &server.config.public_url {
        return Some(public.clone());
    }
    let host = request_host(uri, headers).ok()?.map_or_else(|| peer.local.to_string(), str::to_owned);
    forwarded::origin(peer.is_proxy, headers, peer.scheme, &host)
}

/// Sets the length of the body that a response to HEAD lacks, unless the door has set one.
fn set_length(response: &mut Response, body: &Body) {
    let bodiless = response.status() == StatusCode::NO_CONTENT || response.status() == StatusCode::NOT_MODIFIED;
    if let (false, Some(length)) = (bodiless, http_body::Body::size_hint(body).exact()) {
        response.headers_mut().entry(CONTENT_LENGTH).or_insert_with(|| length.into());
    }
}

/// A header value, empty if the text is not valid in one.
fn header_value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_in_place_of_a_response_still_closes_the_connection() {
        let reply = Reply::text(StatusCode::OK, "large").with_static(CONNECTION, "close").with_static(ALLOW, "GET");
        let mut response = reply.into_response();
        replace(&mut response, Door::Oci, Crowded::InAll);
        assert_eq!(
            (response.status(), &response.headers()[CONNECTION]),
            (StatusCode::SERVICE_UNAVAILABLE, &HeaderValue::from_static("close"))
        );
        assert!(!response.headers().contains_key(ALLOW));
    }

    #[test]
    fn the_length_that_a_door_sets_for_a_head_request_stays() {
        let mut response = Reply::text(StatusCode::OK, Body::empty()).into_response();
        response.headers_mut().insert(CONTENT_LENGTH, 42.into());
        set_length(&mut response, &Body::empty());
        assert_eq!(response.headers()[CONTENT_LENGTH], "42");
        let mut response = Reply::text(StatusCode::OK, Body::empty()).into_response();
        set_length(&mut response, &Body::from("seven b"));
        assert_eq!(response.headers()[CONTENT_LENGTH], "7");
    }
}
