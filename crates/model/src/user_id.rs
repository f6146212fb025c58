//! Unique ids of users.

use crate::name::as_text;

/// The prefix of users' unique ids (IAM user guide, "IAM identifiers", "Understanding unique ID prefixes").
const PREFIX: &str = "AIDA";

/// A user's unique id, such as `AIDACKCEVSQ6C2EXAMPLE`. Ids are never reused, even if a user is re-created under the same name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UserId(String);

impl UserId {
    /// The characters allowed after the prefix (base 32).
    pub const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    /// The number of characters after the prefix.
    pub const LENGTH: usize = 17;

    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(PREFIX)?;
        let is_valid = rest.len() == Self::LENGTH && rest.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        is_valid.then(|| Self(text.to_owned()))
    }

    /// Builds an id from the characters after the prefix. Returns `None` if their number or alphabet is wrong.
    pub fn of(characters: &str) -> Option<Self> {
        Self::parse(&format!("{PREFIX}{characters}"))
    }
}

as_text!(UserId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_its_prefix_and_its_length() {
        assert_eq!(UserId::parse("AIDACKCEVSQ6C2EXAMPLE").map(|id| id.to_string()).as_deref(), Some("AIDACKCEVSQ6C2EXAMPLE"));
        assert_eq!(UserId::of("CKCEVSQ6C2EXAMPLE"), UserId::parse("AIDACKCEVSQ6C2EXAMPLE"));
        for bad in ["", "AIDA", "AIDACKCEVSQ6C2EXAMPL", "AIDACKCEVSQ6C2EXAMPLEX", "AROACKCEVSQ6C2EXAMPLE", "AIDAckcevsq6c2example"] {
            assert_eq!(UserId::parse(bad), None, "{bad}");
        }
    }
}
