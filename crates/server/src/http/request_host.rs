//! The host that a request names.

use crate::config::is_authority;
use http::header::HOST;
use http::{HeaderMap, Uri};

/// The host that a request names: none, one authority, or something that must not be echoed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequestHost<'a> {
    /// None, as in HTTP/1.0.
    Absent,
    /// Host and port.
    Named(&'a str),
    /// Not a host, or several.
    Invalid,
}

/// The authority of the target (HTTP/2 or an absolute target) wins over the header (RFC 9112, section 3.2.2).
pub(crate) fn request_host<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> RequestHost<'a> {
    let mut named = headers.get_all(HOST).iter();
    let host = match (uri.authority(), named.next(), named.next()) {
        (_, _, Some(_)) => return RequestHost::Invalid,
        (Some(authority), _, _) => authority.as_str(),
        (None, None, _) => return RequestHost::Absent,
        (None, Some(header), None) => match header.to_str() {
            Ok("") => return RequestHost::Absent,
            Ok(text) => text,
            Err(_) => return RequestHost::Invalid,
        },
    };
    if is_authority(host) { RequestHost::Named(host) } else { RequestHost::Invalid }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_would_need_quoting_is_invalid() {
        for host in ["a\"b", "a b", "a/b", "a@b", "a:b", "a:70000", "a:+80", "<b>", "[::1", "[zz]:1", "a,b", ":5000"] {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, host.parse().unwrap());
            assert_eq!(request_host(&Uri::from_static("/v2/"), &headers), RequestHost::Invalid, "{host}");
        }
    }

    #[test]
    fn a_host_is_taken_from_the_target_before_the_header() {
        let mut headers = HeaderMap::new();
        assert_eq!(request_host(&Uri::from_static("/"), &headers), RequestHost::Absent);
        headers.insert(HOST, "registry:5000".parse().unwrap());
        assert_eq!(request_host(&Uri::from_static("/"), &headers), RequestHost::Named("registry:5000"));
        assert_eq!(request_host(&Uri::from_static("http://other/"), &headers), RequestHost::Named("other"));
        headers.append(HOST, "second".parse().unwrap());
        assert_eq!(request_host(&Uri::from_static("/"), &headers), RequestHost::Invalid);
    }
}
