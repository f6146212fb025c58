//! Where a text was given, so that every refusal can say so.

use std::fmt;
use std::path::PathBuf;

/// Where a value stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A flag of the command line.
    Flag(String),
    /// An environment variable.
    Variable(String),
    /// A line of the file, or the file as a whole.
    File(PathBuf, Option<usize>),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "--{name}"),
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::File(path, Some(line)) => write!(f, "{}:{line}", path.display()),
            Self::File(path, None) => write!(f, "{}", path.display()),
        }
    }
}

/// Why the configuration is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct ConfigError {
    /// Where the offending text stands.
    pub place: Place,
    /// What is wrong with it, on one line.
    pub reason: String,
}

/// A text, not yet parsed.
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
