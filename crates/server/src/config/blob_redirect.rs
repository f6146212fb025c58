//! The settings of redirected downloads.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_is_at_most_that_of_a_signature() {
        assert_eq!((lifetime("15m"), lifetime("7d")), (Ok(Duration::from_secs(900)), Ok(LONGEST)));
        assert!(["0", "0s", "8d", "x"].iter().all(|text| lifetime(text).is_err()));
    }
}
