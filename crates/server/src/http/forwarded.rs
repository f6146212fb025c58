//! `X-Forwarded-…` headers. They count only from peers that `--trusted-proxy` names.

use super::network::is_proxy;
use crate::config::{Config, Origin};
use http::header::HOST;
use http::{HeaderMap, HeaderValue};
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

/// The client's address: the rightmost one of `X-Forwarded-For` that is not a trusted proxy. Clients can forge those before it.
pub(crate) fn client(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> IpAddr {
    let mut client = peer.to_canonical();
    if is_proxy(client, proxies) {
        for address in values(headers, "x-forwarded-for").map_while(address) {
            client = address;
            if !is_proxy(client, proxies) {
                break;
            }
        }
    }
    client
}

/// The scheme that a trusted proxy reports, else the connection's `own`.
fn scheme<'a>(is_proxy: bool, headers: &'a HeaderMap, own: &'a str) -> &'a str {
    is_proxy.then(|| values(headers, "x-forwarded-proto").next()).flatten().unwrap_or(own)
}

/// The origin that a trusted proxy reports, else `host` with the connection's `scheme`. Returns `None` if neither is valid.
pub(crate) fn origin(is_proxy: bool, headers: &HeaderMap, scheme: &str, host: &str) -> Option<Origin> {
    let own = || Origin::new(scheme, host);
    if !is_proxy {
        return own();
    }
    let scheme = self::scheme(is_proxy, headers, scheme);
    let forwarded = values(headers, "x-forwarded-host").next().and_then(|host| Origin::new(scheme, host));
    forwarded.or_else(|| Origin::new(scheme, host)).or_else(own)
}

/// Whether the client uses TLS, by the report of a trusted proxy, else by the connection's `own` scheme.
pub(crate) fn is_secure(is_proxy: bool, headers: &HeaderMap, own: &str) -> bool {
    scheme(is_proxy, headers, own).eq_ignore_ascii_case("https")
}

/// The hosts that a client may have named before a proxy replaced the host of its request, whether or not the proxy is trusted: they
/// explain errors, and decide nothing.
pub(crate) fn replaced_hosts(config: &Config, headers: &HeaderMap) -> Vec<HeaderValue> {
    let public = config.public_url.as_ref().map(|origin| origin.authority.as_str());
    let forwarded = values(headers, "x-forwarded-host").next();
    // A proxy that passes on the name alone, as with nginx's `$host`.
    let named = headers.get(HOST).and_then(|host| host.to_str().ok());
    let with_port = named.zip(values(headers, "x-forwarded-port").next()).map(|(host, port)| format!("{host}:{port}"));
    let candidates = [public, forwarded, with_port.as_deref()];
    candidates.into_iter().flatten().filter(|host| named != Some(*host)).filter_map(|host| HeaderValue::from_str(host).ok()).collect()
}

/// Whether a proxy says that it forwarded a request.
pub(crate) fn is_forwarded(headers: &HeaderMap) -> bool {
    const BY_PROXIES: [&str; 7] =
        ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "x-real-ip", "forwarded", "via"];
    BY_PROXIES.iter().any(|name| headers.contains_key(*name))
}

/// The items of a list header, that of the nearest proxy first.
fn values<'a>(headers: &'a HeaderMap, name: &'static str) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).iter().rev().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.rsplit(',')).map(str::trim)
}

/// Parses an address as proxies write it: some append the port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = || text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok();
    text.parse::<SocketAddr>().map(|address| address.ip()).ok().or_else(bare).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn proxies() -> Vec<IpNet> {
        vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]
    }

    #[test]
    fn a_client_without_a_trusted_proxy_cannot_choose_its_address() {
        let headers = headers(&[("x-forwarded-for", "1.2.3.4")]);
        assert_eq!(client(ip("203.0.113.9"), &headers, &proxies()), ip("203.0.113.9"));
    }

    #[test]
    fn the_client_is_the_rightmost_address_that_is_no_proxy() {
        let headers = headers(&[("x-forwarded-for", "6.6.6.6, 198.51.100.7"), ("x-forwarded-for", "10.1.1.1:4711")]);
        assert_eq!(client(ip("10.0.0.1"), &headers, &proxies()), ip("198.51.100.7"));
        assert_eq!(client(ip("::ffff:10.0.0.1"), &headers, &proxies()), ip("198.51.100.7"));
    }

    #[test]
    fn an_invalid_address_ends_the_search() {
        let headers = headers(&[("x-forwarded-for", "6.6.6.6, unknown, 10.1.1.1")]);
        assert_eq!(client(ip("10.0.0.1"), &headers, &proxies()), ip("10.1.1.1"));
        assert_eq!(client(ip("10.0.0.1"), &HeaderMap::new(), &proxies()), ip("10.0.0.1"));
    }

    #[test]
    fn a_proxy_names_the_origin_only_if_it_is_trusted() {
        let headers = headers(&[("x-forwarded-proto", "https"), ("x-forwarded-host", "registry.example")]);
        let seen_from = |peer: &str| origin(is_proxy(ip(peer), &proxies()), &headers, "http", "inner:5000").unwrap().to_string();
        assert_eq!(seen_from("10.0.0.1"), "https://registry.example");
        assert_eq!(seen_from("203.0.113.9"), "http://inner:5000");
    }

    #[test]
    fn a_connection_is_secure_by_itself_or_if_a_trusted_proxy_says_so() {
        let says = |scheme: &str| headers(&[("x-forwarded-proto", scheme)]);
        let (proxy, untrusted) = (is_proxy(ip("10.0.0.1"), &proxies()), is_proxy(ip("203.0.113.9"), &proxies()));
        for own in ["https", "http"] {
            assert_eq!(is_secure(untrusted, &says("https"), own), own == "https");
            assert_eq!(is_secure(proxy, &HeaderMap::new(), own), own == "https");
            assert!(is_secure(proxy, &says("HTTPS"), own));
            assert!(is_secure(proxy, &says("http, https"), own), "the nearest proxy wrote the last one");
            assert!(!is_secure(proxy, &says("http"), own));
            assert!(!is_secure(proxy, &says("gopher"), own));
        }
    }

    #[test]
    fn a_replaced_host_is_guessed_from_the_public_url_and_from_what_the_proxy_says() {
        let config = Config { public_url: Origin::new("https", "registry.example:8443"), ..Config::default() };
        let shown = |lines: &[(&'static str, &str)]| replaced_hosts(&config, &headers(lines));
        assert_eq!(shown(&[("host", "backend")]), ["registry.example:8443"]);
        assert_eq!(shown(&[("host", "registry.example:8443")]), Vec::<HeaderValue>::new());
        let all = [("host", "inner"), ("x-forwarded-host", "outer"), ("x-forwarded-port", "444")];
        assert_eq!(shown(&all), ["registry.example:8443", "outer", "inner:444"]);
        assert!(is_forwarded(&headers(&[("via", "1.1 proxy")])) && !is_forwarded(&headers(&[("host", "inner")])));
    }

    #[test]
    fn an_invalid_forwarded_host_or_scheme_is_ignored() {
        let bad_host = headers(&[("x-forwarded-proto", "https"), ("x-forwarded-host", "a\"b")]);
        assert_eq!(origin(true, &bad_host, "http", "inner:5000").unwrap().to_string(), "https://inner:5000");
        let bad_scheme = headers(&[("x-forwarded-proto", "gopher"), ("x-forwarded-host", "registry.example")]);
        assert_eq!(origin(true, &bad_scheme, "http", "inner:5000").unwrap().to_string(), "http://inner:5000");
    }
}
