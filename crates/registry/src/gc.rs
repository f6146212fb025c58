//! Garbage collection: what nothing needs any more goes, online, in small batches, after a grace period.
//!
//! Four kinds of garbage, in this order: upload sessions that were abandoned; blobs of a repository that none of its
//! manifests needs; blobs that no repository holds, with their bytes; and stored objects that no row names, which a
//! crash between storing and recording leaves behind. A row goes before its bytes do, and every removal repeats its
//! condition in the transaction that removes, so a push at the same moment either finds the blob or stores it anew.

use crate::Registry;
use crate::blobs::StoredObject;
use crate::error::Result;
use roadstead_model::Timestamp;
use std::time::Duration;

/// How many rows one step looks at.
const STEP: usize = 500;

/// What a collection found, or would have removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
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
    /// What is younger than this is left alone: a push that is under way needs it. 24 hours is the default.
    pub grace: Duration,
    /// Only count what would go.
    pub dry_run: bool,
}

impl Registry {
    /// Removes what nothing needs any more, or with `dry_run` counts it.
    pub async fn collect_garbage(&self, collection: Collection) -> Result<Garbage> {
        let grace = i64::try_from(collection.grace.as_micros()).unwrap_or(i64::MAX);
        let before = Timestamp::from_micros(self.now().micros().saturating_sub(grace));
        let mut sweep = Sweep { registry: self, before, dry_run: collection.dry_run, found: Garbage::default() };
        sweep.uploads().await?;
        sweep.links().await?;
        sweep.blobs().await?;
        sweep.orphans().await?;
        Ok(sweep.found)
    }
}

struct Sweep<'a> {
    registry: &'a Registry,
    before: Timestamp,
    dry_run: bool,
    found: Garbage,
}

impl Sweep<'_> {
    async fn uploads(&mut self) -> Result<()> {
        let inner = &self.registry.0;
        let mut after = String::new();
        loop {
            let stale = inner.metadata.stale_uploads(self.before, &after, STEP).await?;
            let Some((last, _)) = stale.last() else { return Ok(()) };
            after.clone_from(last);
            for (id, bytes) in stale {
                // A session that is being written to now is not abandoned, however old its row.
                let Some(_turn) = inner.sessions.take(&id) else { continue };
                if self.dry_run || inner.metadata.delete_stale_upload(id.clone(), self.before).await? {
                    self.found.uploads += 1;
                    self.found.bytes += bytes;
                }
                if !self.dry_run {
                    inner.blobs.discard_upload(&id).await;
                }
            }
        }
    }

    async fn links(&mut self) -> Result<()> {
        let metadata = &self.registry.0.metadata;
        let mut after = (i64::MIN, i64::MIN);
        loop {
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
        }
    }

    async fn blobs(&mut self) -> Result<()> {
        let inner = &self.registry.0;
        let mut after = i64::MIN;
        loop {
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
                    inner.blobs.delete(&key).await;
                    self.found.deleted_blobs += 1;
                    self.found.bytes += size;
                }
            }
        }
    }

    async fn orphans(&mut self) -> Result<()> {
        let inner = &self.registry.0;
        for folder in inner.blobs.folders().await? {
            for object in inner.blobs.objects_older_than(&folder, self.before).await? {
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
                    StoredObject::Upload { id, .. } => inner.blobs.discard_upload(&id).await,
                }
            }
        }
        Ok(())
    }
}
