//! How a command fails: what is printed, and which exit code that is.

use crate::config::ConfigError;
use roadstead_registry::{Error, OpenError};

/// Why a command did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The flags, the environment or a file are wrong.
    #[error("{0}")]
    Usage(String),
    /// They are right, and it failed.
    #[error("{0}")]
    Failed(String),
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::RegistryNotFound(id) => Self::Failed(format!(
                "account {id} does not exist: 'roadstead account create {id}' creates it, 'roadstead account list' lists all"
            )),
            Error::PolicyInvalid(reason) => Self::Usage(reason),
            other => Self::Failed(other.to_string()),
        }
    }
}
