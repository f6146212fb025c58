//! Copying blobs from store to store, several at a time, and their rows.

use super::damage::{self, Damaged};
use super::progress::Copied;
use super::rows::Copy;
use crate::blobs::{BlobStore, ResumedUpload};
use crate::error::{Error, Result};
use crate::hashing::Hash;
use crate::metadata::{Cell, Cells, Metadata, Tx, params, statements};
use crate::upload_leases::{Intent, UploadLeases};
use roadstead_model::Digest;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::task::JoinHandle;

statements! {
    SUM = "SELECT COALESCE(SUM(size), 0) FROM blob WHERE storage_key <> ''";
}

/// The blobs that are copied at a time.
const AT_A_TIME: usize = 8;
/// The bytes that are read at a time.
const READ: u64 = 256 * 1024;
/// The rows that are inserted at a time. If a transfer is interrupted, the bytes of fewer blobs are copied again.
const INSERTED: usize = 50;
/// The column of a blob's key.
const STORAGE_KEY: usize = 3;

/// The bytes of all blobs in the store.
pub(super) async fn bytes(database: &Metadata) -> Result<u64> {
    Ok(database.read(async |tx: &mut Tx<'_>| tx.query_one(&SUM, params![]).await).await?.unwrap_or(0))
}

/// Copies the blobs, and the row of each once its bytes are durable. The key in a row is that of the target.
pub(super) async fn copy(rows: &Copy<'_>, from: &Arc<BlobStore>, to: &Arc<BlobStore>) -> Result<()> {
    let (copied, mut after) = rows.begin().await?;
    let mut work = Work { rows, copied, bytes: 0, under_way: VecDeque::new(), ready: Vec::new() };
    loop {
        let page = rows.table.page(rows.from, after.as_ref()).await?;
        let Some(last) = page.last() else { return work.end().await };
        after = Some(rows.table.key_of(last));
        for row in page {
            let blob = Blob::of(&row)?;
            let (from, to) = (from.clone(), to.clone());
            work.under_way.push_back((row, blob.clone(), tokio::spawn(async move { blob.copy(&from, &to).await })));
            if work.under_way.len() >= AT_A_TIME {
                work.await_first().await?;
            }
        }
    }
}

/// A blob that is being copied. The result is its key in the target.
type Copying = JoinHandle<std::result::Result<String, Failure>>;

/// Blobs that are being copied, in the order of their rows.
struct Work<'a> {
    rows: &'a Copy<'a>,
    copied: Copied,
    bytes: u64,
    under_way: VecDeque<(Cells, Blob, Copying)>,
    /// Rows whose bytes are durable.
    ready: Vec<Cells>,
}

impl Work<'_> {
    /// Waits for the first blob, and inserts rows if there are enough.
    async fn await_first(&mut self) -> Result<()> {
        let Some((Cells(mut row), blob, copying)) = self.under_way.pop_front() else { return Ok(()) };
        match copying.await.map_err(|error| Error::Internal(error.to_string()))? {
            Ok(key) => row[STORAGE_KEY] = Cell::Text(key),
            Err(Failure::Source(wrong)) => return Err(damage::error(self.rows.from, Damaged::Blob, blob.id, &wrong).await),
            Err(Failure::Target(error)) => return Err(error),
        }
        self.ready.push(Cells(row));
        self.copied.rows += 1;
        self.bytes += if blob.key.is_empty() { 0 } else { blob.size };
        if self.ready.len() >= INSERTED { self.insert().await } else { Ok(()) }
    }

    async fn insert(&mut self) -> Result<()> {
        self.rows.table.insert(self.rows.to, std::mem::take(&mut self.ready)).await?;
        self.rows.progress.copied(&self.copied, self.bytes);
        Ok(())
    }

    async fn end(mut self) -> Result<()> {
        while !self.under_way.is_empty() {
            self.await_first().await?;
        }
        self.insert().await
    }
}

impl Drop for Work<'_> {
    fn drop(&mut self) {
        self.under_way.iter().for_each(|(.., copying)| copying.abort());
    }
}

/// Why a blob could not be copied.
enum Failure {
    /// What is wrong with it in the source.
    Source(String),
    Target(Error),
}

#[derive(Clone)]
struct Blob {
    id: i64,
    digest: Digest,
    size: u64,
    /// Its key in the source; empty for a small blob.
    key: String,
}

impl Blob {
    fn of(Cells(row): &Cells) -> Result<Self> {
        let blob = match row.as_slice() {
            [Cell::Integer(id), Cell::Text(digest), Cell::Integer(size), Cell::Text(key), ..] => {
                Digest::parse(digest).ok().map(|digest| Self { id: *id, digest, size: u64::try_from(*size).unwrap_or(0), key: key.clone() })
            }
            _ => None,
        };
        blob.ok_or_else(|| Error::Internal("the row of a blob cannot be read".to_owned()))
    }

    /// Copies the bytes, and returns the key in the target.
    async fn copy(self, from: &BlobStore, to: &BlobStore) -> std::result::Result<String, Failure> {
        if self.key.is_empty() {
            return Ok(self.key);
        }
        let unreadable = |error: Error| Failure::Source(format!("cannot be read: {error}"));
        let reader = from.open(&self.key, self.size).await.map_err(unreadable)?;
        let mut session = to.resume(upload(&self.digest)?);
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

/// A new upload of a blob, to which nothing else writes.
fn upload(digest: &Digest) -> std::result::Result<ResumedUpload, Failure> {
    let id = uuid::Uuid::new_v4().to_string();
    let lease = UploadLeases::default().acquire(&id, Intent::Complete);
    let lease = lease.map_err(|_| Failure::Target(Error::Internal("the lease of a new upload is taken".to_owned())))?;
    let (hash, target) = (Hash::new(digest.algorithm()), Some(digest.clone()));
    Ok(ResumedUpload { id, received: 0, hash, target, stored: None, taken_over: false, _lease: lease })
}
