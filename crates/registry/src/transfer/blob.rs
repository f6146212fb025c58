//! Copying the bytes of one blob from store to store.

use crate::blobs::{BlobStore, ResumedUpload, UploadSession};
use crate::error::{Error, Result};
use crate::hashing::Hash;
use crate::metadata::{Cell, Cells, METADATA_TABLES, Metadata, Table};
use crate::upload_leases::{Intent, UploadLeases};
use bytes::Bytes;
use futures_util::TryStreamExt;
use roadstead_model::Digest;
use std::pin::pin;
use uuid::Uuid;

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
        let mut pieces = pin!(from.open(&self.key, self.size).await.map_err(unreadable)?.pieces(self.size));
        let mut stored = NewBlob::begin(to, &self.digest, upload).map_err(Failure::Target)?;
        while let Some(bytes) = pieces.try_next().await.map_err(unreadable)? {
            stored.push(bytes).await.map_err(Failure::Target)?;
        }
        stored.finish().await.map_err(|error| match error {
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

/// A blob that is being stored, to which nothing else writes.
pub(crate) struct NewBlob {
    session: UploadSession,
    /// What was pushed last. The end gets it, so that a small blob is stored at once.
    last: Vec<Bytes>,
}

impl NewBlob {
    /// Begins to store a blob as an upload of this id.
    pub(crate) fn begin(store: &BlobStore, digest: &Digest, id: Uuid) -> Result<Self> {
        let id = id.to_string();
        let lease = UploadLeases::default().acquire(&id, Intent::Complete);
        let lease = lease.map_err(|_| Error::Internal("the lease of a new upload is taken".to_owned()))?;
        let (hash, target) = (Hash::new(digest.algorithm()), Some(digest.clone()));
        let upload = ResumedUpload { id, received: 0, hash, target, stored: None, taken_over: false, _lease: lease };
        Ok(Self { session: store.resume(upload), last: Vec::new() })
    }

    pub(crate) async fn push(&mut self, bytes: Bytes) -> Result<()> {
        if !self.last.is_empty() {
            self.session.ready().await?;
            self.session.append(std::mem::take(&mut self.last))?;
        }
        self.last.push(bytes);
        Ok(())
    }

    /// Verifies the digest, and returns the key in the store.
    pub(crate) async fn finish(self) -> Result<String> {
        self.session.finish(self.last).await
    }
}
