//! Repositories.

use crate::{RegistryId, RepositoryName, Timestamp};

/// What identifies a repository in an installation. There need not be one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepositoryKey {
    /// The registry that it belongs to.
    pub registry: RegistryId,
    /// Its name there.
    pub name: RepositoryName,
}

impl RepositoryKey {
    /// The repository `name` of `registry`.
    pub const fn new(registry: RegistryId, name: RepositoryName) -> Self {
        Self { registry, name }
    }
}

/// A repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Its registry and name.
    pub key: RepositoryKey,
    /// When it was made.
    pub created_at: Timestamp,
}
