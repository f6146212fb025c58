//! Availability of blobs: whether a repository holds one, and the renewal of its grace period for a push that relies on it.

use crate::error::{Error, Result};
use crate::installation::Installation;
use crate::metadata::{FromRow, Row, Tx, params, statements};
use crate::repository_blob::{BlobInfo, BlobRow, HeldBlob};
use crate::repository_row;
use roadstead_model::{Digest, RepositoryKey, Timestamp};
use std::time::Duration;

statements! {
    // An old link that no manifest needs may be collected at any time.
    SELECT_AT_RISK = "SELECT b.id, b.digest, b.size, l.created_at < ?4, EXISTS
            (SELECT 1 FROM manifest_blob u WHERE u.repository_id = l.repository_id AND u.blob_id = l.blob_id)
        FROM repository r JOIN blob b ON b.digest = ?3 JOIN repository_blob l ON l.repository_id = r.id AND l.blob_id = b.id
        WHERE r.registry_id = ?1 AND r.name = ?2";
    RENEW = "UPDATE repository_blob SET created_at = ?3 WHERE repository_id = ?1 AND blob_id = ?2";
}

/// Blobs pushed or renewed within this time are not renewed again, so that frequent requests cause few writes.
const RENEWAL_SECONDS: i64 = 1;

/// The purpose of asking whether a repository holds a blob. A blob that no manifest references yet may be collected before a push that
/// relies on it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    /// A client that may push a manifest referencing the blob. Restarts the blob's grace period.
    Pusher,
    /// Any other client. Renews nothing: an unreferenced blob older than this counts as missing.
    Other(Duration),
}

impl Installation {
    /// Returns the blob of this digest, if the repository holds it. Calls `asker` only for a blob that no manifest references and that
    /// was not pushed or renewed within the last second.
    pub async fn look_for_blob<E: From<Error>>(
        &self,
        repository: &RepositoryKey,
        digest: &Digest,
        asker: impl AsyncFnOnce() -> std::result::Result<Asker, E>,
    ) -> std::result::Result<BlobInfo, E> {
        let (blob, at_risk) = self.find_blob_at_risk(repository, digest, self.now().plus_seconds(-RENEWAL_SECONDS)).await?;
        if !at_risk {
            return Ok(blob.info);
        }
        let age = match asker().await? {
            Asker::Pusher => return Ok(self.reserve_blob(repository, digest).await?),
            Asker::Other(age) => i64::try_from(age.as_secs()).unwrap_or(i64::MAX),
        };
        match self.find_blob_at_risk(repository, digest, self.now().plus_seconds(-age)).await? {
            (blob, false) => Ok(blob.info),
            (_, true) => Err(Error::LayerNotFound(digest.clone()).into()),
        }
    }

    /// Returns the blob of this digest for a pusher. Restarts its grace period if no manifest references it yet.
    pub(crate) async fn reserve_blob(&self, repository: &RepositoryKey, digest: &Digest) -> Result<BlobInfo> {
        let now = self.now();
        match self.find_blob_at_risk(repository, digest, now.plus_seconds(-RENEWAL_SECONDS)).await? {
            (blob, false) => Ok(blob.info),
            (blob, true) => self.renew_blob(repository, blob, now).await,
        }
    }

    /// Returns the blob of this digest that a repository holds, and whether it is older than `young` and no manifest references it.
    async fn find_blob_at_risk(&self, repository: &RepositoryKey, digest: &Digest, young: Timestamp) -> Result<(BlobRow, bool)> {
        let question = [repository.registry.as_str(), repository.name.as_str(), digest.as_str()];
        let work = async |tx: &mut Tx<'_>| {
            let found = tx.query_one(&SELECT_AT_RISK, params![repository.registry, repository.name, digest, young]).await?;
            repository_row::require_on_miss(tx, repository, found).await
        };
        let found = self.0.metadata.read_through(self.arrived(), &self.0.caches.held_blobs, &question, work).await?;
        let HeldBlob { blob, is_old, is_referenced } = found.ok_or_else(|| Error::LayerNotFound(digest.clone()))?;
        Ok((blob, is_old && !is_referenced))
    }

    /// Restarts the grace period of a repository's blob. Fails if the blob has been collected.
    async fn renew_blob(&self, repository: &RepositoryKey, blob: BlobRow, now: Timestamp) -> Result<BlobInfo> {
        let repository = repository.clone();
        let work = async move |tx: &mut Tx<'_>| {
            let repository = repository_row::require(tx, &repository).await?;
            let renewed = tx.execute(&RENEW, params![repository, blob.id, now]).await?;
            if renewed > 0 { Ok(blob.info.clone()) } else { Err(Error::LayerNotFound(blob.info.digest.clone())) }
        };
        self.0.metadata.content().write(work).await
    }
}

impl FromRow for HeldBlob {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self { blob: row.read()?, is_old: row.read()?, is_referenced: row.read()? })
    }
}
