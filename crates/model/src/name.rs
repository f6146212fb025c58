//! Registry ids, registry aliases and repository names.

/// Why a string is not a valid name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Shorter than `minimum` characters.
    #[error("must have length greater than or equal to {minimum}")]
    TooShort { minimum: usize },
    /// Longer than `maximum` characters.
    #[error("must have length less than or equal to {maximum}")]
    TooLong { maximum: usize },
    /// Does not match `pattern`.
    #[error("must satisfy regular expression '{pattern}'")]
    Pattern {
        /// The service model's regular expression.
        pattern: &'static str,
    },
    /// An alias that collides with one of the server's own paths.
    #[error("must not be a reserved word")]
    Reserved,
}

/// The service model's pattern of `RepositoryName` (botocore, ecr-public 2020-10-30).
pub const REPOSITORY_NAME_PATTERN: &str = "(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*";
/// The service model's pattern of `RegistryId`.
pub const REGISTRY_ID_PATTERN: &str = "[0-9]{12}";
/// The service model's pattern of `RegistryAliasName`.
pub const REGISTRY_ALIAS_PATTERN: &str = "[a-z][a-z0-9]+(?:[._-][a-z0-9]+)*";

/// First path segments that the server reserves for itself.
pub const RESERVED_ALIASES: &[&str] = &[
    "api",
    "assets",
    "catalog",
    "docs",
    "favicon.ico",
    "gallery",
    "healthz",
    "livez",
    "login",
    "logo",
    "logout",
    "metrics",
    "readyz",
    "robots.txt",
    "search",
    "static",
    "token",
    "v1",
    "v2",
];

/// A 12-digit AWS account number: the id of a registry.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RegistryId(String);

/// The public first path segment of a registry (`public.ecr.aws/<alias>/…`), 2 to 50 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RegistryAlias(String);

/// The name of a repository within its registry, 2 to 205 characters, slashes allowed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepositoryName(String);

impl RegistryId {
    /// Accepts exactly twelve ASCII digits.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError::Pattern { pattern: REGISTRY_ID_PATTERN })
        }
    }
}

impl RegistryAlias {
    /// Accepts what the service model allows, except [`RESERVED_ALIASES`].
    pub fn parse(text: &str) -> Result<Self, NameError> {
        check_length(text, 2, 50)?;
        let mut bytes = text.bytes();
        let starts_well = bytes.next().is_some_and(|byte| byte.is_ascii_lowercase())
            && bytes.next().is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if !starts_well || !is_component(text) {
            return Err(NameError::Pattern { pattern: REGISTRY_ALIAS_PATTERN });
        }
        if RESERVED_ALIASES.contains(&text) {
            return Err(NameError::Reserved);
        }
        Ok(Self(text.to_owned()))
    }
}

impl RepositoryName {
    /// Accepts what the service model allows: lower-case components joined by slashes.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        check_length(text, 2, 205)?;
        if text.split('/').all(is_component) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError::Pattern { pattern: REPOSITORY_NAME_PATTERN })
        }
    }
}

fn check_length(text: &str, minimum: usize, maximum: usize) -> Result<(), NameError> {
    match text.chars().count() {
        length if length < minimum => Err(NameError::TooShort { minimum }),
        length if length > maximum => Err(NameError::TooLong { maximum }),
        _ => Ok(()),
    }
}

/// Matches `[a-z0-9]+(?:[._-][a-z0-9]+)*`. Hand-written because it runs on every request.
fn is_component(text: &str) -> bool {
    let mut after_separator = true;
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' => after_separator = false,
            b'.' | b'_' | b'-' if !after_separator => after_separator = true,
            _ => return false,
        }
    }
    !after_separator
}

/// Implements `as_str` and `Display` for types that wrap a validated string.
macro_rules! as_text {
    ($($name:ident),*) => {$(
        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}
pub(crate) use as_text;

as_text!(RegistryId, RegistryAlias, RepositoryName);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use regex::Regex;

    fn full(pattern: &str) -> Regex {
        Regex::new(&format!("^(?:{pattern})$")).expect("the service model's patterns compile")
    }

    proptest! {
        #[test]
        fn repository_names_are_exactly_those_of_the_service_model(text in "[a-z0-9._/A-]{0,12}") {
            let allowed = full(REPOSITORY_NAME_PATTERN).is_match(&text) && (2..=205).contains(&text.len());
            prop_assert_eq!(RepositoryName::parse(&text).is_ok(), allowed);
        }

        #[test]
        fn registry_aliases_are_exactly_those_of_the_service_model(text in "[a-z0-9._-]{0,8}") {
            let allowed = full(REGISTRY_ALIAS_PATTERN).is_match(&text)
                && (2..=50).contains(&text.len())
                && !RESERVED_ALIASES.contains(&text.as_str());
            prop_assert_eq!(RegistryAlias::parse(&text).is_ok(), allowed);
        }
    }

    #[test]
    fn a_registry_id_is_twelve_digits() {
        assert!(RegistryId::parse("000000000000").is_ok());
        for bad in ["", "1", "12345678901", "1234567890123", "12345678901a", "１２３４５６７８９０１２"] {
            assert!(RegistryId::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_servers_own_paths_are_no_aliases() {
        assert_eq!(RegistryAlias::parse("v2"), Err(NameError::Reserved));
        assert_eq!(RegistryAlias::parse("token"), Err(NameError::Reserved));
    }

    #[test]
    fn a_name_that_is_too_short_or_too_long_says_so() {
        assert_eq!(RepositoryName::parse("a"), Err(NameError::TooShort { minimum: 2 }));
        assert_eq!(RepositoryName::parse(&"a".repeat(206)), Err(NameError::TooLong { maximum: 205 }));
        assert!(RepositoryName::parse(&"a".repeat(205)).is_ok());
    }
}
