//! A place of backups as a source of lost blobs and manifests.

use super::place::{BackupPlace, OpenPlace, Present, upload_of};
use crate::checking::copies::SecondCopy;
use crate::error::Result;
use crate::metadata::{Metadata, Tx, migrations, params, statements};
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
    present: Present,
    _scratch: TempDir,
}

impl BackupCopy {
    pub async fn open(place: &BackupPlace) -> Result<Self> {
        let (place, scratch) = (place.open().await?, tempfile::tempdir()?);
        let snapshot = place.snapshot(None).await?;
        let path = scratch.path().join("metadata.db");
        let database = place.database(Some(&snapshot.metadata), &path, migrations::METADATA).await?;
        Ok(Self { present: place.present().await?, place, database, _scratch: scratch })
    }

    /// Stops using the files.
    pub async fn close(self) {
        self.database.close().await;
    }
}

#[async_trait]
impl SecondCopy for BackupCopy {
    async fn blob(&self, digest: &Digest) -> Result<Option<BoxStream<'static, Result<Bytes>>>> {
        if let Some((key, size)) = self.present.get(&upload_of(digest).as_u128()) {
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
