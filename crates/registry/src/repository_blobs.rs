//! The blobs of a repository. Garbage collection removes a blob from a repository if no manifest there references it for the grace
//! period, and deletes its bytes if no repository holds it.

pub(crate) mod availability;
pub(crate) mod layers;
pub(crate) mod rows;

use crate::blobs::BlobReader;
use crate::error::{Error, Result};
use crate::installation::Installation;
use crate::metadata::{FromRow, Row, Tx, params, statements};
use crate::repository_blob::{Content, StoredBlob};
use crate::repository_row;
use roadstead_model::{Digest, RepositoryKey};
use rows::{StorageKey, find_linked, link};
use std::time::Duration;

statements! {
    SELECT_STORED = "SELECT b.digest, b.size, b.storage_key, c.bytes FROM repository r
        JOIN blob b ON b.digest = ?3 JOIN repository_blob l ON l.repository_id = r.id AND l.blob_id = b.id
        LEFT JOIN blob_content c ON c.blob_id = b.id
        WHERE r.registry_id = ?1 AND r.name = ?2";
    SELECT_IN_REPOSITORY = "SELECT b.id FROM repository r
        JOIN blob b ON b.digest = ?3 JOIN repository_blob l ON l.repository_id = r.id AND l.blob_id = b.id
        WHERE r.registry_id = ?1 AND r.name = ?2";
    SELECT_ANYWHERE = "SELECT b.id FROM blob b
        WHERE b.digest = ?1 AND EXISTS (SELECT 1 FROM repository_blob l WHERE l.blob_id = b.id)";
    SELECT_USER = "SELECT m.digest FROM manifest_blob u JOIN manifest m ON m.id = u.manifest_id
        WHERE u.repository_id = ?1 AND u.blob_id = ?2 ORDER BY m.digest LIMIT 1";
    UNLINK = "DELETE FROM repository_blob WHERE repository_id = ?1 AND blob_id = ?2";
}

impl Installation {
    /// Returns the blob of this digest, if the repository holds it.
    pub async fn find_blob(&self, repository: &RepositoryKey, digest: &Digest) -> Result<StoredBlob> {
        let question = [repository.registry.as_str(), repository.name.as_str(), digest.as_str()];
        let work = async |tx: &mut Tx<'_>| {
            let found = find_stored(tx, repository, digest).await?;
            repository_row::require_on_miss(tx, repository, found).await
        };
        let found = self.0.metadata.read_through(self.arrived(), &self.0.caches.blobs, &question, work).await?;
        found.ok_or_else(|| Error::LayerNotFound(digest.clone()))
    }

    /// Opens a blob for reading.
    pub async fn open_blob(&self, blob: &StoredBlob) -> Result<BlobReader> {
        match &blob.content {
            Content::Small(bytes) => Ok(BlobReader::of_bytes(bytes.clone())),
            Content::Object(key) => self.0.blobs.open(key, blob.size).await,
        }
    }

    /// Returns a URL at which anyone can get a blob for some time. `None` if only this server can read it.
    pub async fn blob_url(&self, blob: &StoredBlob, lifetime: Duration) -> Result<Option<String>> {
        match &blob.content {
            Content::Small(_) => Ok(None),
            Content::Object(key) => self.0.blobs.presign(key, lifetime).await,
        }
    }

    /// Adds a blob of `from` to a repository, or without `from` a blob of any repository, because all are public. Returns `false` if
    /// there is none.
    pub async fn mount_blob(
        &self,
        repository: &RepositoryKey,
        digest: &Digest,
        from: Option<&RepositoryKey>,
        create_repository: bool,
    ) -> Result<bool> {
        let (repository, digest, from) = (repository.clone(), digest.clone(), from.cloned());
        let (if_missing, now) = (self.if_missing(create_repository), self.now());
        let work = async move |tx: &mut Tx<'_>| {
            let repository = repository_row::require_or_insert(tx, &repository, if_missing, now).await?;
            let found: Option<i64> = match &from {
                Some(from) => tx.query_one(&SELECT_IN_REPOSITORY, params![from.registry, from.name, digest]).await?,
                None => tx.query_one(&SELECT_ANYWHERE, params![digest]).await?,
            };
            if found.is_some() {
                link(tx, repository, &digest, now).await?;
            }
            Ok(found.is_some())
        };
        self.0.metadata.content().write(work).await
    }

    /// Removes a blob from a repository. Fails if a manifest there references it.
    pub async fn delete_blob(&self, repository: &RepositoryKey, digest: &Digest) -> Result<()> {
        let (repository, digest) = (repository.clone(), digest.clone());
        let work = async move |tx: &mut Tx<'_>| {
            let repository = repository_row::require(tx, &repository).await?;
            let blob = find_linked(tx, repository, &digest).await?.ok_or_else(|| Error::LayerNotFound(digest.clone()))?;
            if let Some(needed_by) = tx.query_one(&SELECT_USER, params![repository, blob.id]).await? {
                return Err(Error::StillNeeded { digest: digest.clone(), needed_by });
            }
            tx.execute(&UNLINK, params![repository, blob.id]).await.map(drop)
        };
        self.0.metadata.content().write(work).await
    }
}

/// The blob of this digest, if the repository exists and holds it.
pub(crate) async fn find_stored(tx: &mut Tx<'_>, repository: &RepositoryKey, digest: &Digest) -> Result<Option<StoredBlob>> {
    tx.query_one(&SELECT_STORED, params![repository.registry, repository.name, digest]).await
}

impl FromRow for StoredBlob {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let (digest, size) = row.read()?;
        let content = match row.read()? {
            (StorageKey(Some(key)), _) => Content::Object(key),
            (StorageKey(None), Some(bytes)) => Content::Small(Vec::into(bytes)),
            (StorageKey(None), None) => return Err(Error::Internal("a small blob has no bytes".to_owned())),
        };
        Ok(Self { digest, size, content })
    }
}
