//! Repositories as lists show them.

use crate::name::{RegistryAlias, RepositoryName};
use crate::repository::RepositoryKey;
use crate::timestamp::Timestamp;

/// A repository in a list: on the home page, in a search, on a publisher's page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryCard {
    /// The row id of the repository. Repositories created later have greater ones.
    pub id: i64,
    pub key: RepositoryKey,
    /// The primary alias of the registry.
    pub alias: RegistryAlias,
    /// The display name of the publisher, only if it is verified: nobody else may call himself what he likes.
    pub display_name: Option<String>,
    pub verified: bool,
    pub description: Option<String>,
    /// Declared by the owner or found in images, in AWS's words: `Linux`, `Windows`.
    pub operating_systems: Vec<String>,
    /// Declared by the owner or found in images, in AWS's words: `ARM 64`, `x86-64`.
    pub architectures: Vec<String>,
    /// Whether a signature is attached to the featured image.
    pub signed: bool,
    /// What the owner says of the deprecation.
    pub deprecated: Option<String>,
    /// The last segment of the logo's URL.
    pub logo_name: Option<String>,
    /// Pulls since the beginning.
    pub pulls: u64,
    /// Pulls in the last 30 days.
    pub recent_pulls: u64,
    /// The last push or, if there was none, the creation.
    pub updated_at: Timestamp,
    pub created_at: Timestamp,
}

impl RepositoryCard {
    pub fn name(&self) -> &RepositoryName {
        &self.key.name
    }
}
