//! The newest tags, for feeds. Neither hidden nor attached tags are among them.

use crate::error::Result;
use crate::installation::Installation;
use crate::metadata::{FromRow, Row, Tx, params, statements};
use crate::repository_row;
use roadstead_model::{Digest, RegistryAlias, RegistryId, RepositoryKey, RepositoryName, Tag, Timestamp};

statements! {
    SELECT_OF_REPOSITORY = "SELECT t.name, t.created_at, m.digest, m.image_size
        FROM tag t JOIN manifest m ON m.id = t.manifest_id
        WHERE t.repository_id = ?1 AND t.visibility = 0 ORDER BY t.created_at DESC, t.name DESC LIMIT ?2";
    SELECT_OF_REGISTRY = "SELECT e.alias, e.name, e.display_name, t.name, t.created_at, m.digest, m.image_size
        FROM (SELECT repository_id, alias, name, display_name FROM gallery_entry WHERE listed AND registry_id = ?3
            ORDER BY updated_at DESC, repository_id DESC LIMIT ?1) AS e
        JOIN tag t ON t.repository_id = e.repository_id AND t.visibility = 0 AND t.created_at >= COALESCE(
            (SELECT n.created_at FROM tag n WHERE n.repository_id = e.repository_id AND n.visibility = 0
                ORDER BY n.created_at DESC LIMIT 1 OFFSET ?2), 0)
        JOIN manifest m ON m.id = t.manifest_id ORDER BY t.created_at DESC, t.name DESC LIMIT ?1";
    SELECT_OF_ALL = "SELECT e.alias, e.name, e.display_name, t.name, t.created_at, m.digest, m.image_size
        FROM (SELECT repository_id, alias, name, display_name FROM gallery_entry WHERE listed
            ORDER BY updated_at DESC, repository_id DESC LIMIT ?1) AS e
        JOIN tag t ON t.repository_id = e.repository_id AND t.visibility = 0 AND t.created_at >= COALESCE(
            (SELECT n.created_at FROM tag n WHERE n.repository_id = e.repository_id AND n.visibility = 0
                ORDER BY n.created_at DESC LIMIT 1 OFFSET ?2), 0)
        JOIN manifest m ON m.id = t.manifest_id ORDER BY t.created_at DESC, t.name DESC LIMIT ?1";
}

/// The most tags in a feed, and the most repositories that they are from.
const MOST: i64 = 50;
/// The most tags of one repository in a feed of several, less one.
const MOST_OF_ONE: i64 = 9;

/// A tag that was recently pointed at an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewestTag {
    pub tag: Tag,
    /// When the tag was pointed at its image.
    pub moved_at: Timestamp,
    pub digest: Digest,
    /// The compressed size in bytes.
    pub size: u64,
}

/// The newest tag of a repository in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewestTagOf {
    /// The primary alias of the registry.
    pub alias: RegistryAlias,
    pub repository: RepositoryName,
    /// `None` unless the publisher is verified.
    pub display_name: Option<String>,
    pub newest: NewestTag,
}

impl Installation {
    /// The newest tags of a repository.
    pub async fn newest_tags(&self, repository: &RepositoryKey) -> Result<Vec<NewestTag>> {
        let select = async |tx: &mut Tx<'_>| {
            let id = repository_row::require(tx, repository).await?;
            tx.query(&SELECT_OF_REPOSITORY, params![id, MOST]).await
        };
        self.0.metadata.scan(select).await
    }

    /// The newest tags of the repositories that lists show, of one registry or of all. A repository has a few of them at most.
    pub async fn newest_tags_of_all(&self, registry: Option<&RegistryId>) -> Result<Vec<NewestTagOf>> {
        let select = async |tx: &mut Tx<'_>| match registry {
            Some(registry) => tx.query(&SELECT_OF_REGISTRY, params![MOST, MOST_OF_ONE, registry]).await,
            None => tx.query(&SELECT_OF_ALL, params![MOST, MOST_OF_ONE]).await,
        };
        self.0.metadata.scan(select).await
    }
}

impl FromRow for NewestTag {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self { tag: row.read()?, moved_at: row.read()?, digest: row.read()?, size: row.read()? })
    }
}

impl FromRow for NewestTagOf {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self { alias: row.read()?, repository: row.read()?, display_name: row.read()?, newest: row.read()? })
    }
}
