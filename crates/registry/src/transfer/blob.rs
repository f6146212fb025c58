//! Copying the bytes of one blob from store to store.

use crate::blobs::{BlobStore, ResumedUpload};
use crate::error::{Error, Result};
use crate::hashing::Hash;
use crate::metadata::{Cell, Cells, METADATA_TABLES, Metadata, Table};
use crate::upload_leases::{Intent, UploadLeases};
use roadstead_model::Digest;
use uuid::Uuid;

/// The bytes that are read at a time.
const READ: u64 = 256 * 1024;

/// Why a blob could not be copied.
pub(crate) enum Failure {
    /// What is wrong with it in the source.
    Source(String),
    Target(Error),
}

/// A row of the table `blob`.
#[derive(Debug, Clone)]
pub(crate) struct Blob {
    pub(crate) id: i64,
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    /// Its key in the source; empty for a small blob.
    pub(crate) key: String,
}

impl Blob {
    pub(crate) fn of(Cells(row): &Cells) -> Result<Self> {
        let blob = match row.as_slice() {
            [Cell::Integer(id), Cell::Text(digest), Cell::Integer(size), Cell::Text(key), ..] => {
                Digest::parse(digest).ok().map(|digest| Self { id: *id, digest, size: u64::try_from(*size).unwrap_or(0), key: key.clone() })
            }
            _ => None,
        };
        blob.ok_or_else(|| Error::Internal("the row of a blob cannot be read".to_owned()))
    }

    /// The key of a blob whose bytes are lost: no store has it.
    pub(crate) fn lost_key(&self) -> String {
        format!("lost/{}", self.digest.hex())
    }

    /// Copies the bytes as an upload of this id, verifies their digest, and returns the key in the target.
    pub(crate) async fn copy(&self, from: &BlobStore, to: &BlobStore, upload: Uuid) -> std::result::Result<String, Failure> {
        if self.key.is_empty() {
            return Ok(String::new());
        }
        let unreadable = |error: Error| Failure::Source(format!("cannot be read: {error}"));
        let reader = from.open(&self.key, self.size).await.map_err(unreadable)?;
        let mut session = to.resume(new_upload(&self.digest, upload).map_err(Failure::Target)?);
        let (mut offset, mut batch) = (0, Vec::new());
        while offset < self.size {
            if !batch.is_empty() {
                session.ready().await.map_err(Failure::Target)?;
                session.append(std::mem::take(&mut batch)).map_err(Failure::Target)?;
            }
            let length = READ.min(self.size - offset);
            batch.push(reader.copy(offset, length as usize).await.map_err(unreadable)?);
            offset += length;
        }
        session.finish(batch).await.map_err(|error| match error {
            Error::LayerDigestMismatch { .. } => Failure::Source("has other content than its digest says".to_owned()),
            error => Failure::Target(error),
        })
    }
}

/// All blobs, page by page, in the order of their ids.
pub(crate) struct Blobs<'a> {
    database: &'a Metadata,
    table: Option<&'static Table>,
    after: Option<Cells>,
}

impl<'a> Blobs<'a> {
    pub(crate) fn of(database: &'a Metadata) -> Self {
        Self { database, table: METADATA_TABLES.iter().find(|table| table.name == "blob"), after: None }
    }

    /// The number of all blobs.
    pub(crate) async fn count(&self) -> Result<u64> {
        match self.table {
            Some(table) => table.count(self.database).await,
            None => Ok(0),
        }
    }

    /// The next page, or `None` at the end.
    pub(crate) async fn next_page(&mut self) -> Result<Option<Vec<Blob>>> {
        let Some(table) = self.table else { return Ok(None) };
        let page = table.page(self.database, self.after.as_ref()).await?;
        let Some(last) = page.last() else { return Ok(None) };
        self.after = Some(table.key_of(last));
        page.iter().map(Blob::of).collect::<Result<_>>().map(Some)
    }
}

/// A new upload of a blob, to which nothing else writes.
pub(crate) fn new_upload(digest: &Digest, id: Uuid) -> Result<ResumedUpload> {
    let id = id.to_string();
    let lease = UploadLeases::default().acquire(&id, Intent::Complete);
    let lease = lease.map_err(|_| Error::Internal("the lease of a new upload is taken".to_owned()))?;
    let (hash, target) = (Hash::new(digest.algorithm()), Some(digest.clone()));
    Ok(ResumedUpload { id, received: 0, hash, target, stored: None, taken_over: false, _lease: lease })
}
