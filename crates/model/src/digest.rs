//! Content digests (OCI image specification, "Digests").

use crate::name::as_text;
use sha2::{Digest as _, Sha256, Sha512};

/// A digest algorithm that this registry stores content under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// The default.
    Sha256,
    Sha512,
}

/// Why a string is not a valid digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// Not of the form `algorithm:encoded`, or the encoded part does not match the algorithm.
    #[error("a digest is sha256: with 64 lower-case hexadecimal digits or sha512: with 128")]
    Malformed,
    /// Well formed, but the algorithm is not supported.
    #[error("the digest algorithm is not supported: use sha256 or sha512")]
    Unsupported,
}

impl Algorithm {
    /// The algorithm's name in a digest, before the colon.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// Parses an algorithm's name.
    pub fn parse(text: &str) -> Result<Self, DigestError> {
        match text {
            "sha256" => Ok(Self::Sha256),
            "sha512" => Ok(Self::Sha512),
            _ => Err(DigestError::Unsupported),
        }
    }

    /// The number of hexadecimal digits in a digest.
    const fn hex_length(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }
}

/// A validated digest, `algorithm:hex`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(String);

impl Digest {
    /// Parses `sha256:<64 hex>` or `sha512:<128 hex>`, with lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, DigestError> {
        let (name, encoded) = text.split_once(':').ok_or(DigestError::Malformed)?;
        if name.is_empty()
            || encoded.is_empty()
            || !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+._-".contains(&byte))
        {
            return Err(DigestError::Malformed);
        }
        let algorithm = Algorithm::parse(name)?;
        let lower_hex = |byte: u8| byte.is_ascii_digit() | (b'a'..=b'f').contains(&byte);
        // No early exit, so that the compiler vectorises the loop.
        if encoded.len() == algorithm.hex_length() && encoded.bytes().fold(true, |so_far, byte| so_far & lower_hex(byte)) {
            Ok(Self(text.to_owned()))
        } else {
            Err(DigestError::Malformed)
        }
    }

    /// Computes the digest of `bytes`.
    pub fn of(algorithm: Algorithm, bytes: &[u8]) -> Self {
        match algorithm {
            Algorithm::Sha256 => Self::from_raw(algorithm, &Sha256::digest(bytes)),
            Algorithm::Sha512 => Self::from_raw(algorithm, &Sha512::digest(bytes)),
        }
    }

    /// Formats the output of a hash function as a digest.
    pub fn from_raw(algorithm: Algorithm, raw: &[u8]) -> Self {
        Self([algorithm.as_str(), ":", &hex::encode(raw)].concat())
    }

    pub fn algorithm(&self) -> Algorithm {
        if self.0.starts_with("sha512:") { Algorithm::Sha512 } else { Algorithm::Sha256 }
    }

    /// Returns the hexadecimal digits after the colon.
    pub fn hex(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, hex)| hex)
    }
}

as_text!(Digest);

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn the_digest_of_nothing_is_the_well_known_one() {
        assert_eq!(Digest::of(Algorithm::Sha256, b"").as_str(), EMPTY);
        assert_eq!(Digest::of(Algorithm::Sha512, b"").hex().len(), 128);
    }

    #[test]
    fn digests_are_lower_case_and_of_the_right_length() {
        assert!(Digest::parse(EMPTY).is_ok());
        assert_eq!(Digest::parse(&EMPTY.to_uppercase().replace("SHA", "sha")), Err(DigestError::Malformed));
        assert_eq!(Digest::parse("sha256:abc"), Err(DigestError::Malformed));
        assert_eq!(Digest::parse("sha256"), Err(DigestError::Malformed));
        assert_eq!(Digest::parse(":abc"), Err(DigestError::Malformed));
        assert_eq!(Digest::parse("md5:d41d8cd98f00b204e9800998ecf8427e"), Err(DigestError::Unsupported));
    }
}
