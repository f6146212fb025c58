//! Response headers for browsers: Content Security Policy, HSTS and CORS.
//!
//! Pushed content is served from this server's own origin, with a media type that the pusher chose. Therefore every response is
//! inert unless it is a page of the gallery.

use super::door::Door;
use crate::config::{Config, Cors};
use crate::http::{Peer, Reply, Response, forwarded};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Request, StatusCode};

/// The policy of a response that loads nothing, runs nothing, and has an opaque origin.
static INERT: HeaderValue = HeaderValue::from_static("default-src 'none'; sandbox");
/// The policy of the gallery's pages, which load their own style, script and pictures, and nothing of other hosts. Their script
/// connects to nothing, but tools that audit a page read `robots.txt` in its name.
static PAGE: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'",
);
/// Other sites do not learn which page a link was on, and get no hold of its window.
static NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");
static SAME_ORIGIN: HeaderValue = HeaderValue::from_static("same-origin");
const CROSS_ORIGIN_OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
static NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");

/// The response headers that pages of other sites may read.
static EXPOSED: HeaderValue = HeaderValue::from_static(
    "Accept-Ranges, Content-Length, Content-Range, Docker-Content-Digest, Docker-Distribution-API-Version, ETag, Link, \
     OCI-Filters-Applied, OCI-Subject, Range, Retry-After, WWW-Authenticate, X-Request-Id",
);
static READS: HeaderValue = HeaderValue::from_static("GET, HEAD");
/// The headers that pages of other sites may send with a read. Browsers never add credentials on their own.
static SENT: HeaderValue = HeaderValue::from_static("Accept, Authorization, Cache-Control, If-None-Match, If-Range, Range");
/// How long browsers may cache a preflight, in seconds: the longest time that any browser supports.
static PREFLIGHT_AGE: HeaderValue = HeaderValue::from_static("7200");
static ANYBODY: HeaderValue = HeaderValue::from_static("*");
static ORIGIN: HeaderValue = HeaderValue::from_static("Origin");

/// Whether a response is a page of the gallery. Its other responses, such as pictures pushed by publishers, are as inert as any.
fn is_page(door: Door, headers: &HeaderMap) -> bool {
    let is_html = || headers.get(header::CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"text/html"));
    door == Door::Gallery && is_html()
}

/// Whether pages of other sites may be allowed to read this door's responses.
fn is_shared(door: Door) -> bool {
    door == Door::Oci
}

/// The sites that may read a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Share {
    No,
    WithAnybody,
    /// The requesting site, at this index of the list.
    WithSite(usize),
    /// Sites of the list, but not the requesting one.
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

/// The facts about a request that the response headers depend on.
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
    pub(super) fn new(config: &Config) -> Self {
        // Digits are valid in a header.
        let hsts = config.hsts.and_then(|age| HeaderValue::from_str(&format!("max-age={}", age.as_secs())).ok());
        Self { hsts, cors: config.cors.clone() }
    }

    pub(super) fn audience<B>(&self, peer: &Peer, door: Door, request: &Request<B>) -> Audience {
        let is_secure = self.hsts.is_some() && forwarded::is_secure(peer.is_proxy, request.headers(), peer.scheme);
        let is_read = || matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
        let share = if is_shared(door) && is_read() { Share::of(&self.cors, request.headers()) } else { Share::No };
        Audience { is_secure, share }
    }

    /// Answers a CORS preflight (Fetch standard, "CORS-preflight request"). Returns `None` for any other request.
    pub(super) fn preflight(&self, door: Door, head: &Parts) -> Option<Response> {
        let is_answered = head.method == Method::OPTIONS && self.cors != Cors::Nobody && is_shared(door);
        let is_preflight = || [header::ORIGIN, header::ACCESS_CONTROL_REQUEST_METHOD].iter().all(|name| head.headers.contains_key(name));
        if !is_answered || !is_preflight() {
            return None;
        }
        let mut response = Reply::empty(StatusCode::NO_CONTENT).into_response();
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, READS.clone());
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, SENT.clone());
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_AGE.clone());
        Some(response)
    }

    pub(super) fn set(&self, response: &mut Response, door: Door, audience: Audience) {
        let headers = response.headers_mut();
        let is_page = is_page(door, headers);
        headers.insert(header::CONTENT_SECURITY_POLICY, if is_page { PAGE.clone() } else { INERT.clone() });
        if is_page {
            headers.insert(header::REFERRER_POLICY, NO_REFERRER.clone());
            headers.insert(CROSS_ORIGIN_OPENER_POLICY, SAME_ORIGIN.clone());
        }
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF.clone());
        // Only over secure connections (RFC 6797, section 7.2).
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
    fn a_response_is_shared_only_with_the_sites_that_the_operator_lists() {
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
    fn only_pages_of_the_gallery_may_load_anything_in_a_browser() {
        let of = |media_type: &'static str| HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(media_type))]);
        let (html, png) = (of("text/html; charset=utf-8"), of("image/png"));
        for door in [Door::Aws, Door::Oci, Door::Logo, Door::Health, Door::Readiness, Door::Metrics, Door::WrongMethod("GET"), Door::None] {
            assert!(!is_page(door, &html), "{door:?}");
        }
        assert!(is_page(Door::Gallery, &html) && !is_page(Door::Gallery, &png) && !is_page(Door::Gallery, &HeaderMap::new()));
    }
}
