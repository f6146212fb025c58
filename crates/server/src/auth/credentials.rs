//! The `Authorization` header of clients that sign in with tokens.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use roadstead_model::sealed::MAXIMUM_LENGTH;

/// The content of an `Authorization` header (RFC 7617, RFC 6750).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// `Basic base64(user ":" password)`.
    Basic {
        /// Up to the first colon.
        user: String,
        password: String,
    },
    /// `Bearer token`.
    Bearer(String),
}

/// Why credentials were refused. Clients are only told to sign in again.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TokenError {
    /// The header or the token is malformed.
    #[error("the credentials are malformed")]
    Malformed,
    /// The user name or the kind of token is wrong for this use.
    #[error("the credentials are of another kind")]
    WrongKind,
    /// Altered, or sealed with another key.
    #[error("the token was not signed by this installation")]
    Tampered,
    /// Sealed with the same key, but for another installation.
    #[error("the token was issued for another installation")]
    Foreign,
    #[error("the token has expired")]
    Expired,
    /// The access key was deactivated, deleted, or now belongs to another principal.
    #[error("the access key behind the token is not active")]
    Revoked,
    #[error(transparent)]
    Registry(#[from] roadstead_registry::Error),
}

impl TokenError {
    /// Whether the token was valid before.
    pub const fn is_expired_or_revoked(&self) -> bool {
        matches!(self, Self::Expired | Self::Revoked)
    }
}

/// Parses the `Authorization` header. Returns `None` if it is absent. Schemes are case-insensitive (RFC 9110, section 11.1).
pub fn read_authorization(headers: &HeaderMap) -> Result<Option<Credentials>, TokenError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(TokenError::Malformed);
    }
    parse_authorization(value.to_str().map_err(|_| TokenError::Malformed)?).map(Some)
}

pub(super) fn parse_authorization(value: &str) -> Result<Credentials, TokenError> {
    let (scheme, rest) = value.trim().split_once(' ').ok_or(TokenError::Malformed)?;
    let rest = rest.trim_start();
    if scheme.eq_ignore_ascii_case("bearer") && !rest.is_empty() {
        Ok(Credentials::Bearer(rest.to_owned()))
    } else if scheme.eq_ignore_ascii_case("basic") {
        let (user, password) = decode_pair(rest).ok_or(TokenError::Malformed)?;
        Ok(Credentials::Basic { user, password })
    } else {
        Err(TokenError::Malformed)
    }
}

impl Credentials {
    /// Whether user and password are empty: `Basic Og==`, which some clients send if they have no credentials.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Basic { user, password } if user.is_empty() && password.is_empty())
    }
}

/// Decodes base64 of `user:password`.
pub(super) fn decode_pair(text: &str) -> Option<(String, String)> {
    if text.len() > 2 * MAXIMUM_LENGTH {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(text).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn basic_and_bearer_are_read_whatever_the_case_of_the_scheme() {
        let basic = Credentials::Basic { user: "AWS".into(), password: "a:b".into() };
        assert_eq!(parse_authorization("bAsIc QVdTOmE6Yg==").ok(), Some(basic));
        assert_eq!(parse_authorization("BEARER x.y").ok(), Some(Credentials::Bearer("x.y".into())));
        assert!(parse_authorization("Basic Og==").expect("empty credentials").is_empty());
        for bad in ["", "Bearer", "Bearer ", "Basic !", "Basic QVdT", "Digest x", "AWS4-HMAC-SHA256 Credential=x"] {
            assert!(matches!(parse_authorization(bad), Err(TokenError::Malformed)), "{bad}");
        }
    }

    #[test]
    fn two_authorization_headers_are_refused() {
        let mut headers = HeaderMap::new();
        assert!(matches!(read_authorization(&headers), Ok(None)));
        headers.append(AUTHORIZATION, http::HeaderValue::from_static("Bearer a.b"));
        headers.append(AUTHORIZATION, http::HeaderValue::from_static("Bearer a.b"));
        assert!(read_authorization(&headers).is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_basic_credentials_read_back(user in "[^:]{0,10}", password in ".{0,20}") {
            let value = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
            prop_assert_eq!(parse_authorization(&value).ok(), Some(Credentials::Basic { user, password }));
        }
    }
}
