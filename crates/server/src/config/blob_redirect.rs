//! The settings of redirected downloads.

use super::origin::Origin;
use std::time::Duration;

/// Whether and how clients are sent to the store for the bytes of blobs.
#[derive(Debug, Clone, Default)]
pub struct BlobRedirect {
    pub enabled: bool,
    /// How long an address of the store is valid.
    pub lifetime: Duration,
    /// What replaces scheme and host of such an address, without a slash at the end. `None` for those of the store.
    pub base: Option<String>,
}

/// The longest lifetime of a signed URL.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Parses the lifetime of an address.
pub(super) fn lifetime(text: &str) -> Result<Duration, String> {
    match super::values::duration(text)? {
        time if time.is_zero() || time > LONGEST => Err(format!("'{text}' is no lifetime of a signed address: use 1s to 7d")),
        time => Ok(time),
    }
}

/// Parses a base of URLs: a scheme, a host, and optionally a port and a path.
pub(super) fn base(text: &str) -> Result<String, String> {
    let refuse = || format!("'{text}' is not http:// or https://, a host and optionally a path");
    let (scheme, rest) = text.split_once("://").ok_or_else(refuse)?;
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let is_path = path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-._~%".contains(&byte));
    let origin = Origin::new(scheme, authority).filter(|_| is_path).ok_or_else(refuse)?;
    Ok(format!("{origin}{}", path.trim_end_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_is_a_url_without_a_query() {
        for (text, expected) in [
            ("https://CDN.example", "https://cdn.example"),
            ("https://cdn.example/", "https://cdn.example"),
            ("http://cdn.example:8080/a/b/", "http://cdn.example:8080/a/b"),
        ] {
            assert_eq!(base(text).as_deref(), Ok(expected));
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
            assert!(base(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_lifetime_is_at_most_that_of_a_signature() {
        assert_eq!((lifetime("15m"), lifetime("7d")), (Ok(Duration::from_secs(900)), Ok(LONGEST)));
        assert!(["0", "0s", "8d", "x"].iter().all(|text| lifetime(text).is_err()));
    }
}
