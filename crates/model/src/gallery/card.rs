//! Repositories as lists show them.

use super::kind::ArtifactKind;
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
    /// The kind of the featured image. `None` if there is no image.
    pub kind: Option<ArtifactKind>,
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

    /// The alias and the name, which order repositories that are equal otherwise.
    pub fn path(&self) -> (&RegistryAlias, &RepositoryName) {
        (&self.alias, &self.key.name)
    }
}

/// The order of a list of repositories, the greatest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CardOrder {
    /// By creation.
    Created,
    /// By all pulls.
    Pulls,
    /// By the last push.
    Updated,
}

/// A place in a list of repositories: that after a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CardCursor {
    /// What the list is ordered by.
    pub number: i64,
    /// The row id of the repository, which orders equals.
    pub id: i64,
}

impl CardCursor {
    /// The beginning of every list.
    pub const FIRST: Self = Self { number: i64::MAX, id: i64::MAX };
}

impl RepositoryCard {
    /// The place after this card in a list of this order.
    pub fn cursor(&self, order: CardOrder) -> CardCursor {
        let number = match order {
            CardOrder::Created => 0,
            CardOrder::Pulls => i64::try_from(self.pulls).unwrap_or(i64::MAX),
            CardOrder::Updated => self.updated_at.micros(),
        };
        CardCursor { number, id: self.id }
    }
}
