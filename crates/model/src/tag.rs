//! Image tags, and references: a tag or a digest.

use crate::digest::Digest;
use crate::digest::DigestError;
use crate::name::as_text;
use serde::Serialize;
use std::fmt;

/// An image tag: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}` (OCI distribution specification, "Pulling manifests").
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Tag(String);

/// The string is not a valid tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a tag has 1 to 128 characters out of letters, digits, '_', '.' and '-', and starts with a letter, a digit or '_'")]
pub struct TagError;

impl Tag {
    pub fn parse(text: &str) -> Result<Self, TagError> {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let mut bytes = text.bytes();
        let first = bytes.next().is_some_and(word);
        if first && text.len() <= 128 && bytes.all(|byte| word(byte) || byte == b'.' || byte == b'-') {
            Ok(Self(text.to_owned()))
        } else {
            Err(TagError)
        }
    }
}

as_text!(Tag);

/// A reference to a manifest within a repository.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Reference {
    /// Mutable: a push can move the tag.
    Tag(Tag),
    /// Immutable.
    Digest(Digest),
}

/// The string is neither a tag nor a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// The string has a colon and was parsed as a digest.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// The string has no colon and was parsed as a tag.
    #[error(transparent)]
    Tag(#[from] TagError),
}

impl Reference {
    /// Parses a digest if the string contains a colon, which no tag may, and otherwise a tag.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        if text.contains(':') { Ok(Self::Digest(Digest::parse(text)?)) } else { Ok(Self::Tag(Tag::parse(text)?)) }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_those_of_the_specification() {
        for good in ["latest", "1.0", "_", "A", "v1.2.3-rc.1_x", &"a".repeat(128)] {
            assert!(Tag::parse(good).is_ok(), "{good}");
        }
        for bad in ["", ".a", "-a", "a b", "a/b", "ä", "a+b", &"a".repeat(129)] {
            assert!(Tag::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_reference_with_a_colon_is_a_digest() {
        assert!(matches!(Reference::parse("latest"), Ok(Reference::Tag(_))));
        assert!(matches!(Reference::parse(&format!("sha256:{}", "0".repeat(64))), Ok(Reference::Digest(_))));
        assert!(matches!(Reference::parse("sha256:0"), Err(ReferenceError::Digest(_))));
    }
}
