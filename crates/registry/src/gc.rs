//! Garbage collection: what nothing needs any more goes, online, in small batches, after a grace period.
//!
//! Four kinds of garbage, in this order: upload sessions that were abandoned; blobs of a repository that none of its
//! manifests needs; blobs that no repository holds, with their bytes; and stored objects that no row names, which a
//! crash between storing and recording leaves behind. A row goes before its bytes do, and every removal repeats its
//! condition in the transaction that removes, so a push at the same moment either finds the blob or stores it anew.
//!
//! All of it holds between processes too: a command may collect beside the server. What a server is writing to at the
//! moment shows in the times of its files, and those are left alone for [`SETTLING`] at least, whatever the grace.

use crate::blobs::StoredObject;
use crate::error::Result;
use crate::installation::Installation;
use crate::upload_leases::Intent;
use roadstead_model::Timestamp;
use std::time::{Duration, Instant};

/// How many rows one step looks at, and removes in one transaction at most.
const STEP: usize = 100;
/// Upload sessions, and files that no row names, are never taken younger than this: between storing a blob and naming it
/// in a row lies a moment in which nothing but the file's time tells that it is needed.
const SETTLING: Duration = Duration::from_secs(60 * 60);

/// What a collection found, or would have removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Garbage {
    /// Abandoned upload sessions.
    pub uploads: u64,
    /// Blobs taken out of a repository in which no manifest needs them.
    pub unused_blobs: u64,
    /// Blobs removed with their bytes, because no repository holds them.
    pub deleted_blobs: u64,
    /// Stored objects that no row named.
    pub orphans: u64,
    /// Bytes freed.
    pub bytes: u64,
}

/// How to collect.
#[derive(Debug, Clone, Copy)]
pub struct Collection {
    /// What is younger than this is left alone: a push that is under way needs it. Uploads get an hour at least.
    pub grace: Duration,
    /// Only count what would go.
    pub dry_run: bool,
}

impl Installation {
    /// Removes what nothing needs any more, or with `dry_run` counts it.
    pub async fn collect_garbage(&self, collection: Collection) -> Result<Garbage> {
        let now = self.now();
        let mut sweep = Sweep {
            installation: self,
            before: earlier(now, collection.grace),
            settled: earlier(now, collection.grace.max(SETTLING)),
            dry_run: collection.dry_run,
            found: Garbage::default(),
        };
        sweep.uploads().await?;
        sweep.links().await?;
        sweep.blobs().await?;
        sweep.orphans().await?;
        Ok(sweep.found)
    }
}

/// The time that lies `span` before `now`.
fn earlier(now: Timestamp, span: Duration) -> Timestamp {
    Timestamp::from_micros(now.micros().saturating_sub(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
}

/// Rests as long as a step took: pushes get the writer for half of the time at least, also those of another process,
/// which do not wait in the same queue.
async fn rest_after(begun: Instant) {
    tokio::time::sleep(begun.elapsed()).await;
}

struct Sweep<'a> {
    installation: &'a Installation,
    /// Rows from before this time may go.
    before: Timestamp,
    /// Uploads and files from before this time may go.
    settled: Timestamp,
    dry_run: bool,
    found: Garbage,
}

impl Sweep<'_> {
    async fn uploads(&mut self) -> Result<()> {
        let inner = &self.installation.0;
        let mut after = String::new();
        loop {
            let begun = Instant::now();
            let stale = inner.metadata.stale_uploads(self.settled, &after, STEP).await?;
            let Some((last, _)) = stale.last() else { return Ok(()) };
            after.clone_from(last);
            for (id, bytes) in stale {
                // A session that is being written to now, here or by another process, is not abandoned, however old its row.
                let Ok(_lease) = inner.upload_leases.acquire(&id, Intent::Complete) else { continue };
                if inner.blobs.upload_written_since(&id, self.settled).await? {
                    continue;
                }
                if self.dry_run || inner.metadata.delete_stale_upload(id.clone(), self.settled).await? {
                    self.found.uploads += 1;
                    self.found.bytes += bytes;
                }
                if !self.dry_run {
                    inner.blobs.delete_upload(&id).await;
                }
            }
            rest_after(begun).await;
        }
    }

    async fn links(&mut self) -> Result<()> {
        let metadata = &self.installation.0.metadata;
        let mut after = (i64::MIN, i64::MIN);
        loop {
            let begun = Instant::now();
            let mut links = metadata.next_links(self.before, after, STEP).await?;
            let Some(last) = links.last() else { return Ok(()) };
            after = (last.repository, last.blob);
            links.retain(|link| link.unused);
            let count = match (self.dry_run, links.is_empty()) {
                (_, true) => 0,
                (true, false) => links.len(),
                (false, false) => metadata.delete_unused_links(links, self.before).await?,
            };
            self.found.unused_blobs += count as u64;
            rest_after(begun).await;
        }
    }

    async fn blobs(&mut self) -> Result<()> {
        let inner = &self.installation.0;
        let mut after = i64::MIN;
        loop {
            let begun = Instant::now();
            let mut blobs = inner.metadata.next_blobs(self.before, after, STEP).await?;
            let Some(last) = blobs.last() else { return Ok(()) };
            after = last.id;
            blobs.retain(|blob| blob.unused);
            if self.dry_run {
                self.found.deleted_blobs += blobs.len() as u64;
                self.found.bytes += blobs.iter().map(|blob| blob.size).sum::<u64>();
            } else if !blobs.is_empty() {
                let ids = blobs.into_iter().map(|blob| blob.id).collect();
                for (key, size) in inner.metadata.delete_unheld_blobs(ids, self.before).await? {
                    if let Some(key) = key {
                        inner.blobs.delete(&key).await;
                    }
                    self.found.deleted_blobs += 1;
                    self.found.bytes += size;
                }
            }
            rest_after(begun).await;
        }
    }

    async fn orphans(&mut self) -> Result<()> {
        let inner = &self.installation.0;
        let mut listing = inner.blobs.list_older_than(self.settled).await?;
        loop {
            let begun = Instant::now();
            let Some(page) = listing.next_page().await? else { return Ok(()) };
            for object in page {
                let named = match &object {
                    StoredObject::Blob { digest, key, .. } => inner.metadata.names_object(digest, key).await?,
                    StoredObject::Upload { id, .. } => inner.metadata.names_upload(id).await?,
                };
                if named {
                    continue;
                }
                self.found.orphans += 1;
                self.found.bytes += object.size();
                match object {
                    _ if self.dry_run => {}
                    StoredObject::Blob { key, .. } => inner.blobs.delete(&key).await,
                    StoredObject::Upload { id, .. } => inner.blobs.delete_upload(&id).await,
                }
            }
            rest_after(begun).await;
        }
    }
}
