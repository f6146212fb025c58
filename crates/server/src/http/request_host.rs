//! The host that a request names.

use crate::config::is_authority;
use http::header::HOST;
use http::{HeaderMap, Uri};

/// A request names several hosts, or one that must not be echoed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct InvalidHost;

/// Returns the host and port that a request names, or `None` if it names no host, as in HTTP/1.0. The authority of the target
/// (HTTP/2 or an absolute target) takes precedence over the header (RFC 9112, section 3.2.2).
pub(crate) fn request_host<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Result<Option<&'a str>, InvalidHost> {
    let mut named = headers.get_all(HOST).iter();
    let host = match (uri.authority(), named.next(), named.next()) {
        (_, _, Some(_)) => return Err(InvalidHost),
        (Some(authority), _, _) => authority.as_str(),
        (None, Some(header), None) => header.to_str().map_err(|_| InvalidHost)?,
        (None, None, _) => "",
    };
    match host {
        "" => Ok(None),
        host if is_authority(host) => Ok(Some(host)),
        _ => Err(InvalidHost),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_would_need_quoting_is_invalid() {
        for host in ["a\"b", "a b", "a/b", "a@b", "a:b", "a:70000", "a:+80", "<b>", "[::1", "[zz]:1", "a,b", ":5000"] {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, host.parse().unwrap());
            assert_eq!(request_host(&Uri::from_static("/v2/"), &headers), Err(InvalidHost), "{host}");
        }
    }

    #[test]
    fn a_host_is_taken_from_the_target_before_the_header() {
        let mut headers = HeaderMap::new();
        assert_eq!(request_host(&Uri::from_static("/"), &headers), Ok(None));
        headers.insert(HOST, "registry:5000".parse().unwrap());
        assert_eq!(request_host(&Uri::from_static("/"), &headers), Ok(Some("registry:5000")));
        assert_eq!(request_host(&Uri::from_static("http://other/"), &headers), Ok(Some("other")));
        headers.append(HOST, "second".parse().unwrap());
        assert_eq!(request_host(&Uri::from_static("/"), &headers), Err(InvalidHost));
    }
}
