//! Failures of commands, by exit code.

use crate::config::ConfigError;
use roadstead_model::RepositoryKey;
use roadstead_registry::{Error, OpenError};
use std::fmt::Display;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A flag, the environment or a file is invalid.
    #[error("{0}")]
    Usage(String),
    /// Any other failure.
    #[error("{0}")]
    Failed(String),
}

impl Failure {
    pub(super) fn cannot_start(error: impl Display) -> Self {
        Self::Failed(format!("cannot start: {error}"))
    }
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
            Error::RepositoryNotFound(RepositoryKey { registry, name }) => Self::Failed(format!(
                "account {registry} has no repository '{name}': 'roadstead repository list --account {registry}' lists its repositories"
            )),
            Error::PolicyNotFound(RepositoryKey { registry, name }) => Self::Failed(format!(
                "repository '{name}' of account {registry} has no policy: 'aws ecr-public set-repository-policy' gives it one"
            )),
            Error::PolicyInvalid(reason) => Self::Usage(reason),
            other => Self::Failed(other.to_string()),
        }
    }
}
