//! The constraints on values of requests, in the service model's terms.

use regex::Regex;
use std::sync::OnceLock;

/// The constraints on a value (Smithy 2.0, "Simple types", "Aggregate types", "Constraint traits").
#[derive(Debug)]
pub enum Shape {
    /// Lengths count Unicode code points.
    String {
        min: Option<u64>,
        max: Option<u64>,
        pattern: Option<&'static Pattern>,
    },
    /// 32 bits.
    Integer {
        min: Option<i64>,
        max: Option<i64>,
    },
    /// 64 bits.
    Long {
        min: Option<i64>,
        max: Option<i64>,
    },
    Boolean,
    /// Bytes in base64. Lengths count the decoded bytes.
    Blob {
        min: Option<u64>,
        max: Option<u64>,
    },
    List {
        min: Option<u64>,
        max: Option<u64>,
        item: &'static Shape,
    },
    Structure(&'static [Member]),
}

#[derive(Debug)]
pub struct Member {
    /// The name in JSON.
    pub name: &'static str,
    /// Whether the member must be present and not null.
    pub required: bool,
    pub shape: &'static Shape,
}

impl Shape {
    pub const fn matching(pattern: &'static Pattern) -> Self {
        Self::String { min: None, max: None, pattern: Some(pattern) }
    }

    /// A text of `min` to `max` code points.
    pub const fn text(min: Option<u64>, max: u64) -> Self {
        Self::String { min, max: Some(max), pattern: None }
    }
}

/// A regular expression of the service model, compiled on first use.
#[derive(Debug)]
pub struct Pattern {
    text: &'static str,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    pub const fn new(text: &'static str) -> Self {
        Self { text, compiled: OnceLock::new() }
    }

    pub const fn as_str(&self) -> &'static str {
        self.text
    }

    /// Whether all of `value` matches. AWS anchors every pattern at both ends.
    pub fn matches(&self, value: &str) -> bool {
        // A pattern that does not compile matches nothing. A test compiles all of them.
        let compiled = self.compiled.get_or_init(|| Regex::new(&format!(r"\A(?:{})\z", self.text)).ok());
        compiled.as_ref().is_some_and(|regex| regex.is_match(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::scalars;

    #[test]
    fn a_pattern_must_match_from_end_to_end() {
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
        ] {
            let Shape::String { pattern: Some(pattern), .. } = shape else { panic!("{shape:?} has no pattern") };
            assert!(pattern.matches(good), "{good}");
        }
    }
}
