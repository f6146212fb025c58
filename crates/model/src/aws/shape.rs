//! A description of JSON values in the service model's terms.

use regex::Regex;
use std::sync::OnceLock;

/// What a value of a request or of an answer may be (Smithy 2.0, "Simple types", "Aggregate types", "Constraint traits").
#[derive(Debug)]
pub enum Shape {
    /// A text. Lengths count Unicode code points.
    String {
        /// The fewest code points.
        min: Option<u64>,
        /// The most code points.
        max: Option<u64>,
        /// What the whole text has to match.
        pattern: Option<&'static Pattern>,
        /// The only values, if they are listed.
        values: &'static [&'static str],
    },
    /// A whole number of 32 bits.
    Integer {
        /// The least value.
        min: Option<i64>,
        /// The greatest value.
        max: Option<i64>,
    },
    /// A whole number of 64 bits.
    Long {
        /// The least value.
        min: Option<i64>,
        /// The greatest value.
        max: Option<i64>,
    },
    /// `true` or `false`.
    Boolean,
    /// Bytes, written as base64. Lengths count the decoded bytes.
    Blob {
        /// The fewest bytes.
        min: Option<u64>,
        /// The most bytes.
        max: Option<u64>,
    },
    /// Seconds since the Unix epoch, possibly with a fraction.
    Timestamp,
    /// An array.
    List {
        /// The fewest entries.
        min: Option<u64>,
        /// The most entries.
        max: Option<u64>,
        /// What each entry is.
        item: &'static Shape,
    },
    /// An object. Members that are not listed are ignored.
    Structure(&'static [Member]),
}

/// One member of a structure.
#[derive(Debug)]
pub struct Member {
    /// Its name in JSON.
    pub name: &'static str,
    /// Whether it must be there, and not be null.
    pub required: bool,
    /// What it is.
    pub shape: &'static Shape,
}

/// A member that must be there.
pub const fn required(name: &'static str, shape: &'static Shape) -> Member {
    Member { name, required: true, shape }
}

/// A member that may be absent or null.
pub const fn optional(name: &'static str, shape: &'static Shape) -> Member {
    Member { name, required: false, shape }
}

impl Shape {
    /// A text without constraints.
    pub const TEXT: Self = Self::String { min: None, max: None, pattern: None, values: &[] };

    /// A text that matches `pattern` from its first to its last character.
    pub const fn matching(pattern: &'static Pattern) -> Self {
        Self::String { min: None, max: None, pattern: Some(pattern), values: &[] }
    }

    /// A text of `min` to `max` code points.
    pub const fn text(min: Option<u64>, max: u64) -> Self {
        Self::String { min, max: Some(max), pattern: None, values: &[] }
    }

    /// One of `values`.
    pub const fn one_of(values: &'static [&'static str]) -> Self {
        Self::String { min: None, max: None, pattern: None, values }
    }

    /// Any number of `item`.
    pub const fn list(item: &'static Shape) -> Self {
        Self::List { min: None, max: None, item }
    }

    /// The members of a structure; none of anything else.
    pub const fn members(&self) -> &'static [Member] {
        match self {
            Self::Structure(members) => members,
            _ => &[],
        }
    }

    /// The member called `name`.
    pub fn member(&self, name: &str) -> Option<&'static Member> {
        self.members().iter().find(|member| member.name == name)
    }
}

/// A regular expression of the service model, compiled when it is first needed.
#[derive(Debug)]
pub struct Pattern {
    text: &'static str,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// The expression `text`, not yet compiled.
    pub const fn new(text: &'static str) -> Self {
        Self { text, compiled: OnceLock::new() }
    }

    /// The expression as the service model writes it.
    pub const fn as_str(&self) -> &'static str {
        self.text
    }

    /// Whether the whole of `value` matches. AWS anchors every pattern at both ends.
    pub fn matches(&self, value: &str) -> bool {
        // An expression that does not compile matches nothing; a test compiles every one of them.
        let compiled = self.compiled.get_or_init(|| Regex::new(&format!(r"\A(?:{})\z", self.text)).ok());
        compiled.as_ref().is_some_and(|regex| regex.is_match(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::scalars;

    #[test]
    fn a_pattern_has_to_match_from_end_to_end() {
        let digits = Pattern::new("[0-9]{12}|x");
        assert!(digits.matches("123456789012"));
        assert!(digits.matches("x"));
        for bad in ["1234567890123", "a123456789012", "123456789012\n", "xx", ""] {
            assert!(!digits.matches(bad), "{bad:?}");
        }
    }

    #[test]
    fn every_pattern_of_the_service_model_compiles() {
        for (shape, good) in [
            (&scalars::REPOSITORY_NAME, "team/app"),
            (&scalars::REGISTRY_ID, "123456789012"),
            (&scalars::LAYER_DIGEST, "sha-2_5+6.x:abCD01"),
            (&scalars::UPLOAD_ID, "01234567-89ab-cdef-ABCD-0123456789ab"),
            (&scalars::REGISTRY_ALIAS_NAME, "a1.b"),
            (&scalars::BASE64, "QVdTOg=="),
        ] {
            let Shape::String { pattern: Some(pattern), .. } = shape else { panic!("{shape:?} has no pattern") };
            assert!(pattern.matches(good), "{good}");
        }
    }
}
