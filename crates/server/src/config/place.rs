//! The place where a text was given, for error messages.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The place of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A flag of the command line.
    Flag(String),
    /// An argument of the command line without a flag, by its name in `--help`.
    Argument(&'static str),
    /// An environment variable.
    Variable(String),
    /// A line of the file, or the file as a whole.
    File(PathBuf, Option<usize>),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "--{name}"),
            Self::Argument(name) => f.write_str(name),
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::File(path, Some(line)) => write!(f, "{}:{line}", path.display()),
            Self::File(path, None) => write!(f, "{}", path.display()),
        }
    }
}

/// The reason for which a configuration is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct ConfigError {
    pub place: Place,
    /// One line that completes the sentence begun by the place.
    pub reason: String,
}

/// A text that is not parsed yet.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub(super) place: Place,
    pub(super) text: String,
}

impl Given {
    pub(super) fn refuse(&self, reason: String) -> ConfigError {
        ConfigError { place: self.place.clone(), reason }
    }
}

/// The text of a TOML file, for line numbers in errors.
pub(super) struct TomlText<'a> {
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
}

impl TomlText<'_> {
    /// The line on which a range of bytes begins.
    pub(super) fn place(&self, span: Range<usize>) -> Place {
        let before = self.text.bytes().take(span.start);
        Place::File(self.path.to_owned(), Some(before.filter(|byte| *byte == b'\n').count() + 1))
    }

    pub(super) fn refuse(&self, span: Range<usize>, reason: String) -> ConfigError {
        ConfigError { place: self.place(span), reason }
    }

    /// A parser's error, on one line. Tables of TOML have keys, where serde speaks of fields.
    pub(super) fn malformed(&self, error: &toml::de::Error) -> ConfigError {
        let place = error.span().map_or_else(|| Place::File(self.path.to_owned(), None), |span| self.place(span));
        ConfigError { place, reason: error.message().replace('\n', ", ").replace(" field `", " key `") }
    }
}
