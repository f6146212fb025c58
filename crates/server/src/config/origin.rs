//! Origins of URLs.

use std::fmt;

/// A scheme and an authority, such as `https://registry.example`: `--public-url`, otherwise derived from the request's `Host`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// `http` or `https`.
    pub scheme: &'static str,
    /// The host, and the port unless it is the default of the scheme.
    pub authority: String,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

impl Origin {
    /// Returns `None` if the parts are invalid.
    pub fn new(scheme: &str, authority: &str) -> Option<Self> {
        let schemes = [("http", ":80"), ("https", ":443")];
        let (scheme, own_port) = schemes.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(scheme))?;
        let authority = authority.to_ascii_lowercase();
        let authority = authority.strip_suffix(own_port).unwrap_or(&authority);
        is_authority(authority).then(|| Self { authority: authority.to_owned(), scheme })
    }

    /// Parses `--public-url`: a scheme, a host and an optional port, without a path.
    pub fn parse_url(text: &str) -> Result<Self, String> {
        let refuse = || refusal(text, "http:// or https:// and a host, without a path");
        let (scheme, rest) = text.split_once("://").ok_or_else(refuse)?;
        Self::new(scheme, rest.strip_suffix('/').unwrap_or(rest)).ok_or_else(refuse)
    }
}

/// Parses a base of URLs: a scheme, a host, and optionally a port and a path. What it returns has no slash at its end.
pub(super) fn parse_base(text: &str) -> Result<String, String> {
    let refuse = || refusal(text, "http:// or https://, a host and optionally a path");
    let (scheme, rest) = text.split_once("://").ok_or_else(refuse)?;
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let is_path = path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-._~%".contains(&byte));
    let origin = Origin::new(scheme, authority).filter(|_| is_path).ok_or_else(refuse)?;
    Ok(format!("{origin}{}", path.trim_end_matches('/')))
}

/// Why a URL is refused. What may hold a password is not repeated.
pub(super) fn refusal(text: &str, expected: &str) -> String {
    match text.contains('@') {
        true => format!("must be {expected}, and without a user name or a password"),
        false => format!("'{text}' is not {expected}"),
    }
}

/// Splits an authority into the host, with the brackets of an IPv6 address, and the port.
pub(crate) fn host_and_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

/// Whether a text is `host`, `host:port`, `[v6]` or `[v6]:port`, without characters that need quoting in a header, in JSON or in HTML.
pub(crate) fn is_authority(text: &str) -> bool {
    let (host, port) = host_and_port(text);
    let is_port = port.is_none_or(|port| port.parse::<u16>().is_ok() && port.bytes().all(|byte| byte.is_ascii_digit()));
    let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')),
    };
    text.len() <= 261 && is_port && is_host
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_is_a_scheme_and_a_host() {
        for (text, shown) in [
            ("https://Registry.Example", "https://registry.example"),
            ("https://registry.example/", "https://registry.example"),
            ("http://localhost:5000", "http://localhost:5000"),
            ("https://registry.example:443", "https://registry.example"),
            ("http://registry.example:443", "http://registry.example:443"),
            ("http://[::1]:5000", "http://[::1]:5000"),
        ] {
            assert_eq!(Origin::parse_url(text).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn a_public_url_with_anything_else_is_refused() {
        for text in
            ["registry.example", "ftp://registry.example", "https://registry.example/v2", "https://user@host", "https://", "https://host?a"]
        {
            assert!(Origin::parse_url(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_base_is_a_url_without_a_query() {
        for (text, expected) in [
            ("https://CDN.example", "https://cdn.example"),
            ("https://cdn.example/", "https://cdn.example"),
            ("http://cdn.example:8080/a/b/", "http://cdn.example:8080/a/b"),
        ] {
            assert_eq!(parse_base(text).as_deref(), Ok(expected));
        }
        for text in [
            "",
            "cdn.example",
            "ftp://cdn.example",
            "https://",
            "https://a@b",
            "https://cdn.example/?a",
            "https://cdn.example/a b",
            "https://cdn.example/\r\n",
        ] {
            assert!(parse_base(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_refused_url_is_repeated_unless_it_may_hold_a_password() {
        let url = Origin::parse_url("https://host/path").unwrap_err();
        assert_eq!(url, "'https://host/path' is not http:// or https:// and a host, without a path");
        for text in ["https://user:word@host", "user:word@host", "https://user:wo/rd@host"] {
            for refusal in [Origin::parse_url(text).unwrap_err(), parse_base(text).unwrap_err()] {
                assert!(refusal.ends_with("without a user name or a password") && !refusal.contains("user:wo"), "{refusal}");
            }
        }
    }
}
