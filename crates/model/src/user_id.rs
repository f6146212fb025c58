//! The unique ids of users.

use std::fmt;

/// What the unique ids of users begin with (IAM user guide, "IAM identifiers", "Understanding unique ID prefixes").
const PREFIX: &str = "AIDA";

/// A user's unique id, such as `AIDACKCEVSQ6C2EXAMPLE`. No two users ever have the same one, also of one name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UserId(String);

impl UserId {
    /// The characters of an id behind its prefix: letters and digits of base 32.
    pub const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    /// How many of them there are.
    pub const LENGTH: usize = 17;

    /// Reads an id; none if the text is something else.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(PREFIX)?;
        let is_one = rest.len() == Self::LENGTH && rest.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        is_one.then(|| Self(text.to_owned()))
    }

    /// The id with these characters behind its prefix; none if they are not as many or others than ids have.
    pub fn of(characters: &str) -> Option<Self> {
        Self::parse(&format!("{PREFIX}{characters}"))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

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
