//! Copying blobs from store to store, several at a time, and their rows.

use super::blob::{Blob, Failure};
use super::damage::{self, Damaged};
use super::progress::Copied;
use super::rows::Copy;
use super::side::Side;
use crate::backups::copies::SpareCopies;
use crate::blobs::BlobStore;
use crate::error::{Error, Result};
use crate::metadata::{Cell, Cells, Metadata, Tx, params, statements};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::task::JoinHandle;
use uuid::Uuid;

statements! {
    SUM = "SELECT COALESCE(SUM(size), 0) FROM blob WHERE storage_key <> ''";
}

/// The blobs that are copied at a time.
const AT_A_TIME: usize = 8;
/// The rows that are inserted at a time. If a transfer is interrupted, the bytes of fewer blobs are copied again.
const INSERTED: usize = 50;
/// The column of a blob's key.
const STORAGE_KEY: usize = 3;

/// The bytes of all blobs in the store.
pub(super) async fn bytes(database: &Metadata) -> Result<u64> {
    Ok(database.read(async |tx: &mut Tx<'_>| tx.query_one(&SUM, params![]).await).await?.unwrap_or(0))
}

/// Copies the blobs, and the row of each once its bytes are durable. The key in a row is that of the target.
pub(super) async fn copy(rows: &Copy<'_>, from: &Side, to: &Arc<BlobStore>) -> Result<()> {
    let (copied, mut after) = rows.begin().await?;
    let mut work = Work { rows, copied, bytes: 0, under_way: VecDeque::new(), ready: Vec::new() };
    loop {
        let page = rows.table.page(rows.from, after.as_ref()).await?;
        let Some(last) = page.last() else { return work.end().await };
        after = Some(rows.table.key_of(last));
        for row in page {
            let blob = Blob::of(&row)?;
            let (blobs, spares, to) = (from.blobs.clone(), from.spares.clone(), to.clone());
            work.under_way.push_back((
                row,
                blob.clone(),
                tokio::spawn(async move { copy_one(&blob, (&blobs, spares.as_deref()), &to).await }),
            ));
            if work.under_way.len() >= AT_A_TIME {
                work.await_first().await?;
            }
        }
    }
}

/// Copies a blob. If it is damaged in a place of backups, another copy there may be whole.
async fn copy_one(blob: &Blob, (from, spares): (&BlobStore, Option<&SpareCopies>), to: &BlobStore) -> std::result::Result<String, Failure> {
    let copied = blob.copy(from, to, Uuid::new_v4()).await;
    let (Err(Failure::Damaged(_)), Some(spares)) = (&copied, spares) else { return copied };
    for spare in spares.of(&blob.digest, from).await.map_err(Failure::Store)? {
        if spare.key != blob.key && spare.size == blob.size {
            let spare = Blob { key: spare.key.clone(), ..blob.clone() };
            match spare.copy(from, to, Uuid::new_v4()).await {
                Err(Failure::Damaged(_)) => {}
                copied => return copied,
            }
        }
    }
    copied
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
            Err(Failure::Damaged(wrong)) => {
                let error = damage::error(self.rows.from, Damaged::Blob, blob.id, &wrong.to_string()).await;
                if !self.rows.progress.damaged(&error) {
                    return Err(error);
                }
                row[STORAGE_KEY] = Cell::Text(blob.lost_key());
            }
            Err(Failure::Store(error)) => return Err(error),
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
