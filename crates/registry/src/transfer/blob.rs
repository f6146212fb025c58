//! Copying the bytes of one blob from store to store.

use super::damage::Wrong;
use crate::blobs::{BlobStore, ResumedUpload, UploadSession};
use crate::error::{Error, Result};
use crate::hashing::Hash;
use crate::metadata::{Cell, Cells, FromRow, METADATA_TABLES, Metadata, Row, Table};
use crate::upload_leases::{Intent, UploadLeases};
use bytes::Bytes;
use futures_util::TryStreamExt;
use roadstead_model::Digest;
use std::pin::pin;
use std::time::Duration;
use tokio::time::sleep;
use uuid::Uuid;

/// The pauses between attempts to read a blob that is in the source. A store behind a network retries its requests as well.
pub(crate) const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(4)];

/// Why a blob could not be copied.
pub(crate) enum Failure {
    /// It is damaged in the source.
    Damaged(Wrong),
    /// A store failed, perhaps temporarily, which says nothing of the blob.
    Store(Error),
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

    /// Whether its bytes are lost.
    pub(crate) fn is_lost(&self) -> bool {
        self.key == self.lost_key()
    }

    /// What is wrong with the object, as far as can be seen without reading it. Fails if the store does not answer.
    pub(crate) async fn look(&self, store: &BlobStore) -> Result<Option<Wrong>> {
        let wrong = match store.size(&self.key).await {
            Ok(Some(found)) if found == self.size => return Ok(None),
            Ok(Some(found)) => Wrong::Size { found, expected: self.size },
            Ok(None) => Wrong::Missing,
            Err(error) => Wrong::Unreadable(error.to_string()),
        };
        // In a directory that is not mounted, for example, every file is missing.
        store.check_ready().await.map(|()| Some(wrong))
    }

    /// Copies the bytes as an upload of this id, verifies their digest, and returns the key in the target.
    pub(crate) async fn copy(&self, from: &BlobStore, to: &BlobStore, upload: Uuid) -> std::result::Result<String, Failure> {
        if self.key.is_empty() {
            return Ok(String::new());
        }
        let mut pauses = PAUSES.iter();
        loop {
            let error = match self.try_to_copy(from, to, upload).await? {
                Ok(key) => return Ok(key),
                Err(error) => error,
            };
            match (self.look(from).await, pauses.next()) {
                (Ok(Some(wrong @ (Wrong::Missing | Wrong::Size { .. }))), _) => return Err(Failure::Damaged(wrong)),
                (_, Some(pause)) => sleep(*pause).await,
                (Ok(_), None) if from.fails_by_file() => return Err(Failure::Damaged(Wrong::Unreadable(error.to_string()))),
                (_, None) => return Err(Failure::Store(self.unavailable(&error))),
            }
        }
    }

    /// Copies the bytes once. The inner error is that of the source.
    async fn try_to_copy(&self, from: &BlobStore, to: &BlobStore, upload: Uuid) -> std::result::Result<Result<String>, Failure> {
        let mut pieces = match from.open(&self.key, self.size).await {
            Ok(reader) => pin!(reader.pieces(self.size)),
            Err(error) => return Ok(Err(error)),
        };
        let mut stored = NewBlob::begin(to, &self.digest, upload).map_err(Failure::Store)?;
        loop {
            match pieces.try_next().await {
                Ok(Some(bytes)) => stored.push(bytes).await.map_err(Failure::Store)?,
                Ok(None) => break,
                Err(error) => return Ok(Err(error)),
            }
        }
        match stored.finish().await {
            Ok(key) => Ok(Ok(key)),
            Err(Error::LayerDigestMismatch { .. }) => Err(Failure::Damaged(Wrong::Content)),
            Err(error) => Err(Failure::Store(error)),
        }
    }

    fn unavailable(&self, error: &Error) -> Error {
        let reason = match error {
            Error::Unavailable(reason) | Error::Internal(reason) => reason.clone(),
            other => other.to_string(),
        };
        Error::Unavailable(format!("the blob {} cannot be read now: {reason}", self.digest))
    }
}

impl FromRow for Blob {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self { id: row.read()?, digest: row.read()?, size: row.read()?, key: row.read()? })
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
