//! The requests that an emulator refuses. It accepts any access key, so every client that reaches it has full access. Therefore it
//! refuses other machines, unless `--emulator-on-network` is set, and web pages in a browser on this machine, which could reach it
//! by DNS rebinding or across origins.

use super::door::Door;
use super::refusal::Refusal;
use crate::config::{Config, Origin, host_and_port};
use crate::http::request_host::request_host;
use crate::http::{Peer, Response, Surface};
use crate::server::Server;
use http::header::{HeaderValue, ORIGIN};
use http::request::Parts;
use http::{Method, StatusCode};
use std::net::IpAddr;

/// Returns how a configuration would expose an emulator to other machines without `--emulator-on-network`, or `None` if it would
/// not.
pub(crate) fn exposure(config: &Config) -> Option<String> {
    if !config.emulator || config.emulator_on_network {
        return None;
    }
    if !config.trusted_proxies.is_empty() {
        return Some("--emulator would give everybody who comes through a --trusted-proxy every right".to_owned());
    }
    let public = config.public_url.as_ref().filter(|public| !is_local(host_of(&public.authority)))?;
    Some(format!("--emulator would give everybody who comes by way of {public} every right"))
}

/// Returns the refusal of a request that an emulator must not serve.
pub(super) fn refuse(server: &Server, peer: &Peer, door: Door, head: &Parts) -> Option<Response> {
    let config = &server.config;
    if !config.emulator || peer.surface == Surface::Admin {
        return None;
    }
    // A request without a host does not come from a browser.
    let host = request_host(&head.uri, &head.headers).unwrap_or(Some(""));
    if let Some(host) = host.filter(|host| !is_host_known(config, host)) {
        let text = format!("an emulator answers to names of its own machine, and '{host}' is none");
        return Some(refusal(door, &format!("{text}: use localhost, or start it with --emulator-on-network")));
    }
    // Browsers send `Origin` with every method that is not a read. Other programs do not.
    let is_read = matches!(head.method, Method::GET | Method::HEAD | Method::OPTIONS);
    if !is_read && !head.headers.get_all(ORIGIN).iter().all(|origin| is_origin_known(config, origin)) {
        return Some(refusal(door, "an emulator takes nothing from the pages of web sites"));
    }
    None
}

/// With `--emulator-on-network`, any name is accepted, because the operator has chosen the names of the server.
fn is_host_known(config: &Config, host: &str) -> bool {
    config.emulator_on_network || is_local(host_of(host)) || host_of(host).eq_ignore_ascii_case(host_of(&config.listen))
}

/// Whether an outsider cannot make the name of a site resolve to this server. On the network, these are addresses, names without
/// a dot (such as services of a compose file) and the public URL. The machine's own names always qualify.
fn is_origin_known(config: &Config, origin: &HeaderValue) -> bool {
    let Some(origin) = origin.to_str().ok().and_then(|text| Origin::parse_url(text).ok()) else { return false };
    let host = host_of(&origin.authority);
    let is_ours = || config.public_url.as_ref().is_some_and(|public| host_of(&public.authority) == host);
    is_local(host) || config.emulator_on_network && (host.parse::<IpAddr>().is_ok() || !host.contains('.') || is_ours())
}

/// Whether a host names the local machine (RFC 6761, section 6.3).
fn is_local(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let is_loopback = |address: IpAddr| address.to_canonical().is_loopback();
    host == "localhost" || host.ends_with(".localhost") || host.parse().is_ok_and(is_loopback)
}

/// The host of an authority, without port and brackets.
fn host_of(authority: &str) -> &str {
    let (host, _) = host_and_port(authority);
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

fn refusal(door: Door, message: &str) -> Response {
    let refusal = Refusal {
        aws: (StatusCode::BAD_REQUEST, "AccessDeniedException", message),
        oci: (StatusCode::FORBIDDEN, "DENIED", message),
        sentence: &format!("{message}."),
    };
    refusal.of(door).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Sources, values};

    fn emulator(on_network: bool) -> Config {
        Config { emulator: true, emulator_on_network: on_network, ..Config::from_sources(&Sources::default()).unwrap() }
    }

    #[test]
    fn only_local_names_name_this_machine() {
        for host in ["localhost", "LOCALHOST:5000", "localhost.", "app.localhost:80", "127.0.0.1:5000", "127.8.9.1", "[::1]:5000", "[::1]"]
        {
            assert!(is_host_known(&emulator(false), host), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:5000",
            "127.0.0.1.nip.example",
            "localhost.evil.example",
            "192.0.2.1",
            "[2001:db8::1]:1",
            "roadstead:5000",
        ] {
            assert!(!is_host_known(&emulator(false), host), "{host}");
            assert!(is_host_known(&emulator(true), host), "{host}");
        }
        let named = Config { listen: "laptop.example:5000".to_owned(), ..emulator(false) };
        assert!(is_host_known(&named, "laptop.example:5000"));
    }

    #[test]
    fn origins_are_accepted_if_outsiders_cannot_make_them_resolve_here() {
        let known = |config: &Config, origin: &'static str| is_origin_known(config, &HeaderValue::from_static(origin));
        let (alone, public) = (emulator(false), Origin::parse_url("https://ci.example").ok());
        let shared = Config { public_url: public, ..emulator(true) };
        for origin in ["http://localhost:3000", "http://[::1]:5000"] {
            assert!(known(&alone, origin) && known(&shared, origin), "{origin}");
        }
        for origin in ["http://roadstead:5000", "http://192.0.2.1:5000", "https://ci.example", "http://ci.example:8080"] {
            assert!(!known(&alone, origin) && known(&shared, origin), "{origin}");
        }
        for origin in ["null", "https://evil.example", "file://", "https://ci.example.evil.example", "chrome-extension://abc"] {
            assert!(!known(&alone, origin) && !known(&shared, origin), "{origin}");
        }
    }

    #[test]
    fn a_proxy_or_a_public_name_needs_emulator_on_network() {
        let proxied = Config { trusted_proxies: vec![values::network("127.0.0.1").unwrap()], ..emulator(false) };
        let public = |url: &str| Config { public_url: Origin::parse_url(url).ok(), ..emulator(false) };
        assert!(exposure(&proxied).unwrap().contains("--trusted-proxy"));
        assert!(exposure(&public("https://registry.example")).unwrap().contains("https://registry.example"));
        assert_eq!(exposure(&public("http://localhost:5000")), None);
        assert_eq!(exposure(&Config { emulator_on_network: true, ..proxied }), None);
        assert_eq!(exposure(&Config { emulator: false, ..public("https://registry.example") }), None);
    }
}
