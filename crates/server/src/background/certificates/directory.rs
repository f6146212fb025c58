//! What an ACME directory answers, and why it cannot be used.

use bytes::Bytes;
use http::StatusCode;
use roadstead_registry::causes;
use serde_json::Value;
use std::error::Error as StdError;

/// Why the directory cannot be used, although something answers there: most likely, its URL is wrong.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unusable(pub(super) String);

/// The members without which nothing can be ordered (RFC 8555, section 7.1.1).
const MEMBERS: [&str; 3] = ["newNonce", "newAccount", "newOrder"];

/// Judges an answer of the directory. The errors of a server that may be repaired are left to the caller.
pub(super) fn judge(status: StatusCode, media_type: Option<&str>, body: &Bytes) -> Result<(), Unusable> {
    if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS {
        return Err(Unusable(format!("the directory answers {status}")));
    }
    let is_directory = |answer: Value| MEMBERS.iter().all(|member| answer[member].is_string());
    if status.is_success() && !serde_json::from_slice(body).is_ok_and(is_directory) {
        let what = media_type.unwrap_or("content without a media type");
        return Err(Unusable(format!("what answers is no ACME directory, but {what}")));
    }
    Ok(())
}

/// Whether the TLS handshake with the directory failed.
pub(super) fn is_tls_failure(error: &(dyn StdError + 'static)) -> bool {
    causes(error).any(|cause| cause.is::<rustls::Error>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn only_an_acme_directory_is_one_and_what_may_pass_is_an_outage() {
        let directory =
            br#"{"newNonce": "https://ca/nonce", "newAccount": "https://ca/account", "newOrder": "https://ca/order", "meta": {}}"#;
        let judged =
            |status, media_type, body: &'static [u8]| judge(status, media_type, &Bytes::from_static(body)).map_err(|error| error.0);
        assert_eq!(judged(StatusCode::OK, Some("application/json"), directory), Ok(()));
        let refused = |text: &str| Err(text.to_owned());
        assert_eq!(judged(StatusCode::NOT_FOUND, None, b""), refused("the directory answers 404 Not Found"));
        let html = judged(StatusCode::OK, Some("text/html"), b"<html>");
        assert_eq!(html, refused("what answers is no ACME directory, but text/html"));
        assert!(judged(StatusCode::OK, Some("application/json"), b"{}").is_err());
        assert!(judged(StatusCode::OK, None, b"").is_err());
        for passing in [StatusCode::BAD_GATEWAY, StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS] {
            assert_eq!(judged(passing, Some("text/html"), b"<html>"), Ok(()), "{passing}");
        }
    }

    #[test]
    fn a_failed_handshake_is_found_among_the_causes() {
        let tls = io::Error::other(rustls::Error::General("no".to_owned()));
        assert!(is_tls_failure(&tls) && is_tls_failure(&io::Error::other(tls)));
        assert!(!is_tls_failure(&io::Error::from(io::ErrorKind::ConnectionRefused)));
    }
}
