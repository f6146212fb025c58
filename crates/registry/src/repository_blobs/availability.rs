//! Whether a repository holds a blob, and will still hold it when a push that relies on it ends.

use crate::error::{Error, Result};
use crate::installation::Installation;
use crate::metadata::{FromRow, Row, Tx, params, statements};
use crate::repository_blob::{BlobInfo, BlobRow, HeldBlob};
use crate::repository_row;
use roadstead_model::{Digest, RepositoryKey, Timestamp};
use std::time::Duration;

statements! {
    // A link that no manifest needs and that is not young may be collected at any time.
    SELECT_AT_RISK = "SELECT b.id, b.digest, b.size, l.created_at < ?4, EXISTS
            (SELECT 1 FROM manifest_blob u WHERE u.repository_id = l.repository_id AND u.blob_id = l.blob_id)
        FROM repository r JOIN blob b ON b.digest = ?3 JOIN repository_blob l ON l.repository_id = r.id AND l.blob_id = b.id
        WHERE r.registry_id = ?1 AND r.name = ?2";
    RENEW = "UPDATE repository_blob SET created_at = ?3 WHERE repository_id = ?1 AND blob_id = ?2";
}

/// A blob that was pushed or renewed within this time is not renewed again, so that asking often causes few writes.
const RENEWAL_SECONDS: i64 = 1;

/// Who asks whether a repository holds a blob. What no manifest needs yet may be collected before a push that relies on it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    /// One who may push a manifest that needs the blob: it stays for another grace period.
    Pusher,
    /// Anybody else: asking renews nothing, and a blob that may be collected and is older than this counts as missing.
    Other(Duration),
}

impl Installation {
    /// The blob of this digest, if the repository holds it. `asker` is only called where it matters: for a blob that no manifest needs,
    /// and that was not pushed or asked for just now.
    pub async fn look_for_blob<E: From<Error>>(
        &self,
        repository: &RepositoryKey,
        digest: &Digest,
        asker: impl AsyncFnOnce() -> std::result::Result<Asker, E>,
    ) -> std::result::Result<BlobInfo, E> {
        let (blob, at_risk) = self.find_blob_at_risk(repository, digest, self.now().plus_seconds(-RENEWAL_SECONDS)).await?;
        if !at_risk {
            return Ok(blob.into());
        }
        Ok(match asker().await? {
            Asker::Pusher => self.reserve_blob(repository, digest).await?,
            Asker::Other(age) => self.find_lasting_blob(repository, digest, age).await?,
        })
    }

    /// The blob of this digest for a pusher: if no manifest needs it yet, it is renewed for another grace period.
    pub(crate) async fn reserve_blob(&self, repository: &RepositoryKey, digest: &Digest) -> Result<BlobInfo> {
        let now = self.now();
        match self.find_blob_at_risk(repository, digest, now.plus_seconds(-RENEWAL_SECONDS)).await? {
            (blob, false) => Ok(blob.into()),
            (blob, true) => self.renew_blob(repository, blob, now).await,
        }
    }

    /// The blob of this digest for anybody else: if no manifest needs it and it is older than `age`, it counts as missing. This writes
    /// nothing.
    async fn find_lasting_blob(&self, repository: &RepositoryKey, digest: &Digest, age: Duration) -> Result<BlobInfo> {
        let young = self.now().plus_seconds(-i64::try_from(age.as_secs()).unwrap_or(i64::MAX));
        match self.find_blob_at_risk(repository, digest, young).await? {
            (blob, false) => Ok(blob.into()),
            (_, true) => Err(Error::LayerNotFound(digest.clone())),
        }
    }

    /// The blob of this digest that a repository holds, and whether it is from before `young` and no manifest needs it.
    async fn find_blob_at_risk(&self, repository: &RepositoryKey, digest: &Digest, young: Timestamp) -> Result<(BlobRow, bool)> {
        let question = [repository.registry.as_str(), repository.name.as_str(), digest.as_str()];
        let work = async |tx: &mut Tx<'_>| {
            let found = tx.query_one(&SELECT_AT_RISK, params![repository.registry, repository.name, digest, young]).await?;
            repository_row::require_on_miss(tx, repository, found).await
        };

        let found = self.0.metadata.read_through(&self.0.caches.held_blobs, &question, work).await?;
        let HeldBlob { blob, old, needed } = found.ok_or_else(|| Error::LayerNotFound(digest.clone()))?;
        Ok((blob, old && !needed))
    }

    /// Lets a blob of a repository be young again; fails if it has gone meanwhile.
    async fn renew_blob(&self, repository: &RepositoryKey, blob: BlobRow, now: Timestamp) -> Result<BlobInfo> {
        let repository = repository.clone();
        let work = async move |tx: &mut Tx<'_>| {
            let repository = repository_row::require(tx, &repository).await?;
            let renewed = tx.execute(&RENEW, params![repository, blob.id, now]).await?;
            if renewed > 0 { Ok(blob.clone().into()) } else { Err(Error::LayerNotFound(blob.digest.clone())) }
        };
        self.0.metadata.write(work).await
    }
}

impl FromRow for HeldBlob {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self { blob: row.read()?, old: row.read()?, needed: row.read()? })
    }
}
