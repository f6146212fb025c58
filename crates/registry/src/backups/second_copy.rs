//! A place of backups as a source of lost blobs and manifests.

use super::copies::{Copies, StoredCopy};
use super::place::{BackupPlace, OpenPlace};
use crate::checking::copies::SecondCopy;
use crate::checking::examining::wrong_in_store;
use crate::error::{Error, Result};
use crate::metadata::{Metadata, Tx, migrations, params, statements};
use crate::pace::Pace;
use crate::transfer::blob::Blob;
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use roadstead_model::Digest;
use tempfile::TempDir;

statements! {
    SELECT_SMALL_BLOB = "SELECT c.bytes FROM blob b JOIN blob_content c ON c.blob_id = b.id WHERE b.digest = ?1";
    SELECT_MANIFEST = "SELECT c.bytes FROM manifest m JOIN manifest_content c ON c.manifest_id = m.id WHERE m.digest = ?1 LIMIT 1";
}

/// The blobs of all snapshots in a place, and the manifests of the last one.
pub struct BackupCopy {
    place: OpenPlace,
    database: Metadata,
    copies: Copies,
    _scratch: TempDir,
}

impl BackupCopy {
    /// Opens a place. An error names it, because there may be others.
    pub async fn open(place: &BackupPlace) -> Result<Self> {
        Self::try_to_open(place).await.map_err(|error| match error {
            Error::Unavailable(reason) => Error::Unavailable(format!("{place} cannot be read: {reason}")),
            other => other,
        })
    }

    async fn try_to_open(place: &BackupPlace) -> Result<Self> {
        let (place, scratch) = (place.open().await?, tempfile::tempdir()?);
        let snapshot = place.snapshot(None).await?;
        let path = scratch.path().join("metadata.db");
        let database = place.database(Some(&snapshot.metadata), &path, migrations::METADATA).await?;
        Ok(Self { copies: Copies::list(&place.store).await?, place, database, _scratch: scratch })
    }

    /// The copy of a blob to read: the only one, or the first whole one of several.
    async fn best(&self, digest: &Digest) -> Result<Option<&StoredCopy>> {
        let (copies, mut wrongs) = (self.copies.of(digest), Vec::new());
        if let [] | [_] = copies {
            return Ok(copies.first());
        }
        for copy in copies {
            let blob = Blob { id: 0, digest: digest.clone(), size: copy.size, key: copy.key.clone() };
            match wrong_in_store(&self.place.store, &blob, Some(&Pace::new(None))).await? {
                None => return Ok(Some(copy)),
                Some(wrong) => wrongs.push(format!("'{}' {wrong}", copy.key)),
            }
        }
        Err(Error::Refused(format!("{} has no whole copy: {}", self.place, wrongs.join(", "))))
    }

    /// Stops using the files.
    pub async fn close(self) {
        self.database.close().await;
    }
}

#[async_trait]
impl SecondCopy for BackupCopy {
    async fn blob(&self, digest: &Digest) -> Result<Option<BoxStream<'static, Result<Bytes>>>> {
        if let Some(StoredCopy { key, size, .. }) = self.best(digest).await? {
            return Ok(Some(self.place.store.open_once(key, *size).await?.pieces(*size).boxed()));
        }
        let select = async |tx: &mut Tx<'_>| tx.query_one::<Vec<u8>>(&SELECT_SMALL_BLOB, params![digest]).await;
        let content = self.database.read(select).await?;
        Ok(content.map(|bytes| stream::iter([Ok(Bytes::from(bytes))]).boxed()))
    }

    async fn manifest(&self, digest: &Digest) -> Result<Option<Bytes>> {
        let select = async |tx: &mut Tx<'_>| tx.query_one::<Vec<u8>>(&SELECT_MANIFEST, params![digest]).await;
        Ok(self.database.read(select).await?.map(Bytes::from))
    }
}
