//! Layers: the blobs of a repository.

use crate::blobs::BlobReader;
use crate::error::{Error, Result};
use crate::installation::Installation;
use crate::metadata::{BlobRow, Content, LayerRow, StoredRow};
use roadstead_model::{Digest, RepositoryKey};
use std::time::Duration;

/// The grace period of a blob that was pushed or renewed within this time is not renewed again, so that asking often causes few writes.
const RENEWAL_SECONDS: i64 = 1;

/// Who asks whether a repository holds a blob. What no manifest needs yet may be collected before a push that relies on it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    /// One who may push a manifest that needs it: it stays for another grace period.
    Pusher,
    /// Anybody else: asking renews nothing, and a blob that may be collected and is older than this counts as missing.
    Other(Duration),
}

/// A blob that a repository holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobInfo {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
}

/// A blob that a repository holds, to be read.
#[derive(Debug, Clone)]
pub struct StoredBlob {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    content: Content,
}

/// A blob that a repository holds, with what its manifests say about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerInfo {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Its media type, if a manifest of the repository has it as its config or one of its layers.
    pub media_type: Option<String>,
}

impl From<BlobRow> for BlobInfo {
    fn from(row: BlobRow) -> Self {
        Self { digest: row.digest, size: row.size }
    }
}

impl From<StoredRow> for StoredBlob {
    fn from(StoredRow { blob, content }: StoredRow) -> Self {
        Self { digest: blob.digest, size: blob.size, content }
    }
}

impl Installation {
    /// The blob of this digest, if the repository holds it.
    pub async fn find_blob(&self, repository: &RepositoryKey, digest: &Digest) -> Result<StoredBlob> {
        self.0.metadata.find_blob(repository, digest).await.map(StoredBlob::from)
    }

    /// For each digest the blob that the repository holds, in their order, with its media type.
    pub async fn find_layers(&self, repository: &RepositoryKey, digests: &[Digest], asker: Asker) -> Result<Vec<Option<LayerInfo>>> {
        let mut layers = Vec::with_capacity(digests.len());
        for found in self.0.metadata.find_layers(repository, digests).await? {
            layers.push(match found {
                Some(row) if !row.needed && !self.is_there_for(asker, repository, &row.blob.digest).await? => None,
                Some(LayerRow { blob, media_type, .. }) => Some(LayerInfo { digest: blob.digest, size: blob.size, media_type }),
                None => None,
            });
        }
        Ok(layers)
    }

    /// Whether a blob that was just there still is, for this asker.
    async fn is_there_for(&self, asker: Asker, repository: &RepositoryKey, digest: &Digest) -> Result<bool> {
        match self.look_for_blob(repository, digest, async || Ok::<_, Error>(asker)).await {
            Ok(_) => Ok(true),
            Err(Error::LayerNotFound(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The blob of this digest, if the repository holds it. Only where it matters is it found out who asks: about a blob that no
    /// manifest needs, and that was not pushed or asked for just now.
    pub async fn look_for_blob<E: From<Error>>(
        &self,
        repository: &RepositoryKey,
        digest: &Digest,
        asker: impl AsyncFnOnce() -> std::result::Result<Asker, E>,
    ) -> std::result::Result<BlobInfo, E> {
        let young = self.now().plus_seconds(-RENEWAL_SECONDS);
        let (blob, at_risk) = self.0.metadata.find_blob_at_risk(repository, digest, young).await?;
        if !at_risk {
            return Ok(blob.into());
        }
        Ok(match asker().await? {
            Asker::Pusher => self.reserve_blob(repository, digest).await?,
            Asker::Other(age) => self.find_lasting_blob(repository, digest, age).await?,
        })
    }

    /// The blob of this digest, if the repository holds it, for one who asks because he may push a manifest that needs it:
    /// a blob that no manifest needs yet is safe from collection for another grace period.
    pub(crate) async fn reserve_blob(&self, repository: &RepositoryKey, digest: &Digest) -> Result<BlobInfo> {
        let now = self.now();
        let young = now.plus_seconds(-RENEWAL_SECONDS);
        match self.0.metadata.find_blob_at_risk(repository, digest, young).await? {
            (blob, false) => Ok(blob.into()),
            (blob, true) => self.0.metadata.renew_blob(repository.clone(), blob, now).await.map(BlobInfo::from),
        }
    }

    /// The blob of this digest, if the repository holds it and will do so for a while: one that no manifest needs and that is
    /// older than `age` may be collected before a push that relies on it ends, so it is not there. This writes nothing.
    async fn find_lasting_blob(&self, repository: &RepositoryKey, digest: &Digest, age: Duration) -> Result<BlobInfo> {
        let young = self.now().plus_seconds(-i64::try_from(age.as_secs()).unwrap_or(i64::MAX));
        match self.0.metadata.find_blob_at_risk(repository, digest, young).await? {
            (blob, false) => Ok(blob.into()),
            (_, true) => Err(Error::LayerNotFound(digest.clone())),
        }
    }

    /// Opens a blob for reading.
    pub async fn open_blob(&self, blob: &StoredBlob) -> Result<BlobReader> {
        match &blob.content {
            Content::Small(bytes) => Ok(BlobReader::of_bytes(bytes.clone())),
            Content::Object(key) => self.0.blobs.open(key, blob.size).await,
        }
    }

    /// Gives a repository a blob that `from` holds, or without `from` one that any repository holds: all are public.
    /// False when there is none.
    pub async fn mount_blob(
        &self,
        repository: &RepositoryKey,
        digest: &Digest,
        from: Option<&RepositoryKey>,
        create_repository: bool,
    ) -> Result<bool> {
        let if_missing = self.if_missing(create_repository);
        self.0.metadata.mount_blob(repository.clone(), digest.clone(), from.cloned(), if_missing, self.now()).await
    }

    /// Takes a blob out of a repository, unless a manifest there needs it.
    pub async fn delete_blob(&self, repository: &RepositoryKey, digest: &Digest) -> Result<()> {
        self.0.metadata.delete_blob(repository.clone(), digest.clone()).await
    }
}
