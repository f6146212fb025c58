//! Resource tags: AWS's key-value labels of repositories, not to be confused with image tags.

use crate::error::{Error, Result};
use crate::gallery::hidden_tags;
use crate::installation::Installation;
use crate::metadata::{FromRow, Row, Tx, params, statements};
use crate::{repository_row, stale};
use roadstead_model::{RepositoryKey, ResourceTag};

statements! {
    SELECT = "SELECT tag_key, tag_value FROM resource_tag WHERE repository_id = ?1 ORDER BY tag_key";
    UPSERT = "INSERT INTO resource_tag (repository_id, tag_key, tag_value) VALUES (?1, ?2, ?3)
        ON CONFLICT (repository_id, tag_key) DO UPDATE SET tag_value = excluded.tag_value";
    DELETE = "DELETE FROM resource_tag WHERE repository_id = ?1 AND tag_key = ?2";
    COUNT = "SELECT COUNT(*) FROM resource_tag WHERE repository_id = ?1";
}

impl Installation {
    /// The resource tags of a repository, ordered by key.
    pub async fn resource_tags(&self, repository: &RepositoryKey) -> Result<Vec<ResourceTag>> {
        let find = async |tx: &mut Tx<'_>| {
            let id = repository_row::require(tx, repository).await?;
            select(tx, id).await
        };
        self.0.metadata.read(find).await
    }

    /// Sets resource tags, atomically. Existing keys are overwritten.
    pub async fn tag_resource(&self, repository: &RepositoryKey, tags: Vec<ResourceTag>) -> Result<()> {
        tags.iter().try_for_each(ResourceTag::check)?;
        let (repository, limit) = (repository.clone(), self.0.limits.resource_tags);
        let tag = async move |tx: &mut Tx<'_>| {
            let id = repository_row::require(tx, &repository).await?;
            put(tx, &repository, id, &tags, limit).await?;
            stale::mark(tx, id).await
        };
        self.0.metadata.write(tag).await
    }

    /// Deletes resource tags. Nonexistent keys are ignored. Fails for keys reserved by AWS.
    pub async fn untag_resource(&self, repository: &RepositoryKey, keys: Vec<String>) -> Result<()> {
        keys.iter().try_for_each(|key| ResourceTag::check_key(key))?;
        let repository = repository.clone();
        let untag = async move |tx: &mut Tx<'_>| {
            let id = repository_row::require(tx, &repository).await?;
            for key in &keys {
                tx.execute(&DELETE, params![id, key]).await?;
            }
            hidden_tags::changed(tx, id, keys.iter().map(String::as_str)).await?;
            stale::mark(tx, id).await
        };
        self.0.metadata.write(untag).await
    }
}

/// The resource tags of a repository, ordered by key.
pub(crate) async fn select(tx: &mut Tx<'_>, repository: i64) -> Result<Vec<ResourceTag>> {
    tx.query(&SELECT, params![repository]).await
}

/// Sets resource tags of the repository with the row id `id`. Fails if it then has more than `limit`.
pub(crate) async fn put(tx: &mut Tx<'_>, repository: &RepositoryKey, id: i64, tags: &[ResourceTag], limit: u64) -> Result<()> {
    for tag in tags {
        tx.execute(&UPSERT, params![id, tag.key, tag.value]).await?;
    }
    hidden_tags::changed(tx, id, tags.iter().map(|tag| tag.key.as_str())).await?;
    let count: Option<u64> = tx.query_one(&COUNT, params![id]).await?;
    if count > Some(limit) {
        return Err(Error::TooManyResourceTags { repository: repository.clone(), limit });
    }
    Ok(())
}

impl FromRow for ResourceTag {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self { key: row.read()?, value: row.read()? })
    }
}
