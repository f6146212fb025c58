//! Response headers for browser_headers: Content Security Policy, HSTS and CORS.
//!
//! Content that anybody may push is served from this server's own origin with a media type that the pusher chose. So every
//! response is inert unless its door has a policy of its own in [`policy`].

use super::door::Door;
use crate::config::{Config, Cors};
use crate::http::{Peer, Reply, Response, forwarded};
use http::header::{self, HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Method, Request, StatusCode};

/// Loads nothing, runs nothing, and has an opaque origin.
static INERT: HeaderValue = HeaderValue::from_static("default-src 'none'; sandbox");
/// A page of this server, with inline styles only.
static PAGE: HeaderValue =
    HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
static NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");

/// Which headers of a response a page of another site may see.
static EXPOSED: HeaderValue = HeaderValue::from_static(
    "Accept-Ranges, Content-Length, Content-Range, Docker-Content-Digest, Docker-Distribution-API-Version, ETag, Link, \
     OCI-Filters-Applied, OCI-Subject, Range, Retry-After, WWW-Authenticate, X-Request-Id",
);
static READS: HeaderValue = HeaderValue::from_static("GET, HEAD");
/// Which headers a page of another site may send with a read. BrowserHeaders never send credentials on their own.
static SENT: HeaderValue = HeaderValue::from_static("Accept, Authorization, Cache-Control, If-None-Match, If-Range, Range");
/// How long browser_headers may cache a preflight, in seconds: the longest that any of them does.
static PREFLIGHT_AGE: HeaderValue = HeaderValue::from_static("7200");
static ANYBODY: HeaderValue = HeaderValue::from_static("*");
static ORIGIN: HeaderValue = HeaderValue::from_static("Origin");

/// The Content Security Policy of a door's responses, refusals included.
fn policy(door: Door) -> &'static HeaderValue {
    match door {
        Door::Landing => &PAGE,
        _ => &INERT,
    }
}

/// Whether pages of other sites may read this door's responses.
fn is_shared(door: Door) -> bool {
    matches!(door, Door::Oci)
}

/// Which sites may read a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Share {
    No,
    WithAnybody,
    /// The site at this index of the list.
    WithSite(usize),
    /// Sites of the list, but not the one that asks.
    WithOthers,
}

impl Share {
    fn of(cors: &Cors, headers: &HeaderMap) -> Self {
        match cors {
            Cors::Nobody => Self::No,
            Cors::Anybody => Self::WithAnybody,
            Cors::Sites(sites) => {
                let origin = headers.get(header::ORIGIN);
                origin.and_then(|origin| sites.iter().position(|site| site == origin)).map_or(Self::WithOthers, Self::WithSite)
            }
        }
    }
}

/// What the response headers depend on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Audience {
    is_secure: bool,
    share: Share,
}

/// The headers, prepared at start.
#[derive(Debug)]
pub(super) struct BrowserHeaders {
    hsts: Option<HeaderValue>,
    cors: Cors,
}

impl BrowserHeaders {
    /// As configured.
    pub(super) fn new(config: &Config) -> Self {
        // Digits are valid in a header.
        let hsts = config.hsts.and_then(|age| HeaderValue::from_str(&format!("max-age={}", age.as_secs())).ok());
        Self { hsts, cors: config.cors.clone() }
    }

    /// What the headers of the response to this request depend on.
    pub(super) fn audience<B>(&self, peer: &Peer, door: Door, request: &Request<B>) -> Audience {
        let is_secure = self.hsts.is_some() && forwarded::is_secure(peer.is_proxy, request.headers(), peer.scheme);
        let is_read = || matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
        let share =
            if self.cors != Cors::Nobody && is_shared(door) && is_read() { Share::of(&self.cors, request.headers()) } else { Share::No };
        Audience { is_secure, share }
    }

    /// Answers a CORS preflight (Fetch standard, "CORS-preflight request"); none for any other request.
    pub(super) fn preflight(&self, door: Door, head: &Parts) -> Option<Response> {
        let asks = |name| head.headers.contains_key(name);
        if head.method != Method::OPTIONS || self.cors == Cors::Nobody || !is_shared(door) {
            return None;
        }
        if !asks(header::ORIGIN) || !asks(header::ACCESS_CONTROL_REQUEST_METHOD) {
            return None;
        }
        let mut response = Reply::empty(StatusCode::NO_CONTENT).into_response();
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, READS.clone());
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, SENT.clone());
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_AGE.clone());
        Some(response)
    }

    /// Sets the headers.
    pub(super) fn set(&self, response: &mut Response, door: Door, audience: Audience) {
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, policy(door).clone());
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF.clone());
        // RFC 6797, section 7.2: only over secure connections.
        if let Some(hsts) = self.hsts.as_ref().filter(|_| audience.is_secure) {
            headers.insert(header::STRICT_TRANSPORT_SECURITY, hsts.clone());
        }
        let allowed = match (audience.share, &self.cors) {
            (Share::WithAnybody, _) => Some(&ANYBODY),
            (Share::WithSite(at), Cors::Sites(sites)) => sites.get(at),
            _ => None,
        };
        if matches!(audience.share, Share::WithSite(_) | Share::WithOthers) {
            headers.append(header::VARY, ORIGIN.clone());
        }
        if let Some(allowed) = allowed {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed.clone());
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowing(sites: &[&str]) -> Cors {
        let mut cors = Cors::default();
        sites.iter().for_each(|site| cors.allow(site).unwrap());
        cors
    }

    #[test]
    fn an_answer_is_shared_with_whom_the_operator_lists_and_nobody_else() {
        let asked = |cors: &Cors, origin: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
            Share::of(cors, &headers)
        };
        let two = allowing(&["https://one.example", "https://two.example"]);
        assert_eq!(asked(&two, "https://two.example"), Share::WithSite(1));
        for other in ["https://three.example", "http://two.example", "https://two.example:8443", "null"] {
            assert_eq!(asked(&two, other), Share::WithOthers, "{other}");
        }
        assert_eq!(asked(&allowing(&["https://one.example", "*"]), "null"), Share::WithAnybody);
        assert_eq!(asked(&allowing(&[]), "https://one.example"), Share::No);
    }

    #[test]
    fn only_the_page_of_this_server_may_do_anything_in_a_browser() {
        for door in [Door::Aws, Door::Oci, Door::Logo, Door::Health, Door::Readiness, Door::Metrics, Door::WrongMethod("GET"), Door::None] {
            assert_eq!(policy(door), &INERT, "{door:?}");
        }
        assert_eq!(policy(Door::Landing), &PAGE);
    }
}
