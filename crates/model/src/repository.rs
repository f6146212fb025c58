//! Repositories.

use crate::name::{RegistryId, RepositoryName};
use crate::timestamp::Timestamp;

/// Identifies a repository in an installation. The repository need not exist.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepositoryKey {
    pub registry: RegistryId,
    pub name: RepositoryName,
}

impl RepositoryKey {
    pub const fn new(registry: RegistryId, name: RepositoryName) -> Self {
        Self { registry, name }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    pub key: RepositoryKey,
    pub created_at: Timestamp,
}
