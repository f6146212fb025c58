//! Resource tags: AWS's key-value labels on repositories (not image tags).

use super::Metadata;
use super::repositories::repository_id;
use super::transaction::{Row, Sql, Tx, Value, statements};
use crate::error::{Error, Result};
use roadstead_model::{RepositoryKey, ResourceTag};

statements! {
    SELECT = "SELECT tag_key, tag_value FROM resource_tag WHERE repository_id = ?1 ORDER BY tag_key";
    UPSERT = "INSERT INTO resource_tag (repository_id, tag_key, tag_value) VALUES (?1, ?2, ?3)
        ON CONFLICT (repository_id, tag_key) DO UPDATE SET tag_value = excluded.tag_value";
    DELETE = "DELETE FROM resource_tag WHERE repository_id = ?1 AND tag_key = ?2";
    COUNT = "SELECT COUNT(*) FROM resource_tag WHERE repository_id = ?1";
}

impl Metadata {
    /// The resource tags of a repository, by key.
    pub(crate) async fn resource_tags(&self, key: &RepositoryKey) -> Result<Vec<ResourceTag>> {
        self.read(async |tx: &mut Tx<'_>| {
            let repository = repository_id(tx, key).await?;
            select(tx, repository).await
        })
        .await
    }

    /// Sets resource tags, all or none.
    pub(crate) async fn tag_resource(&self, key: RepositoryKey, tags: Vec<ResourceTag>, limit: u64) -> Result<()> {
        self.write(async move |tx: &mut Tx<'_>| {
            let repository = repository_id(tx, &key).await?;
            put(tx, &key, repository, &tags, limit).await
        })
        .await
    }

    /// Removes resource tags; one that is not there is no error.
    pub(crate) async fn untag_resource(&self, key: RepositoryKey, tag_keys: Vec<String>) -> Result<()> {
        self.write(async move |tx: &mut Tx<'_>| {
            let repository = repository_id(tx, &key).await?;
            for tag_key in &tag_keys {
                tx.execute(&DELETE, &[repository.into(), tag_key.as_str().into()]).await?;
            }
            Ok(())
        })
        .await
    }
}

/// The resource tags of a repository within another read, by key.
pub(super) async fn select(tx: &mut Tx<'_>, repository: i64) -> Result<Vec<ResourceTag>> {
    let read = |row: &Row<'_>| Ok(ResourceTag { key: row.text(0)?, value: row.text(1)? });
    tx.query(&SELECT, &[repository.into()], read).await
}

/// Sets resource tags within another write.
pub(super) async fn put(tx: &mut Tx<'_>, key: &RepositoryKey, repository: i64, tags: &[ResourceTag], limit: u64) -> Result<()> {
    for tag in tags {
        let parameters: [Value<'_>; 3] = [repository.into(), tag.key.as_str().into(), tag.value.as_str().into()];
        tx.execute(&UPSERT, &parameters).await?;
    }
    let count = tx.query_one(&COUNT, &[repository.into()], |row| row.integer(0)).await?;
    if count.unwrap_or(0) > i64::try_from(limit).unwrap_or(i64::MAX) {
        return Err(Error::TooManyResourceTags { repository: key.clone(), limit });
    }
    Ok(())
}
