//! Online garbage collection: deletes unreferenced data in small batches, after a grace period.
//!
//! There are four kinds of garbage, collected in this order:
//!
//! 1. abandoned upload sessions
//! 2. links: blobs of a repository that none of its manifests references
//! 3. blobs that no repository holds, with their bytes
//! 4. orphans: stored objects without a row, left behind by a crash between storing and recording
//!
//! Rows are deleted before their bytes. Every deletion re-checks its condition in its own transaction, so a concurrent push either
//! finds the blob or stores it again.
//!
//! This holds across processes: a command may collect while servers run. The ages of uploads show which ones a server is writing to. One
//! process at a time collects. That saves work, and lets backups and repairs keep everything while they have the right to collect.

pub(crate) mod abandoned_uploads;
pub(crate) mod orphans;
pub(crate) mod unlinked_blobs;
pub(crate) mod unused_links;

use crate::error::{Error, Result};
use crate::installation::Installation;
use crate::leaders::Task;
use roadstead_model::Timestamp;
use std::time::Duration;

/// The maximum number of rows that one step reads, and deletes in one transaction.
const STEP: usize = 100;

/// The minimum grace period of upload sessions and of objects without a row: between storing a blob and recording it in a row, only
/// the age of the object protects it.
const SETTLING: Duration = Duration::from_secs(60 * 60);

/// How to collect.
#[derive(Debug, Clone, Copy)]
pub struct Collection {
    /// The minimum age of garbage, because a push in flight may reference anything younger. Uploads are kept for at least an hour.
    pub grace: Duration,
    /// Only counts the garbage.
    pub dry_run: bool,
}

/// The garbage that a collection deleted or, in a dry run, found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Garbage {
    /// Abandoned upload sessions.
    pub uploads: u64,
    /// Blobs removed from a repository in which no manifest references them.
    pub unused_blobs: u64,
    /// Blobs deleted with their bytes, because no repository held them.
    pub deleted_blobs: u64,
    /// Stored objects without a row.
    pub orphans: u64,
    /// Bytes freed.
    pub bytes: u64,
}

/// A collection in progress.
struct Sweep<'a> {
    installation: &'a Installation,
    /// Rows older than this time may be deleted.
    before: Timestamp,
    /// Uploads and objects older than this time may be deleted.
    settled: Timestamp,
    dry_run: bool,
    found: Garbage,
}

impl Installation {
    /// Collects garbage unless another process does. A dry run disturbs none.
    pub async fn collect_garbage_alone(&self, collection: Collection) -> Result<Garbage> {
        if collection.dry_run {
            return self.collect_garbage(collection).await;
        }
        match self.lead(Task::Collection).await? {
            Some(leadership) => leadership.run(self.collect_garbage(collection)).await,
            None => Err(Error::Refused(format!(
                "{} is collecting garbage, making a backup or checking already: wait until it has finished",
                self.leader(Task::Collection).await?.as_deref().unwrap_or("another process")
            ))),
        }
    }

    /// Deletes unreferenced data or, with `dry_run`, counts it.
    pub async fn collect_garbage(&self, collection: Collection) -> Result<Garbage> {
        let mut sweep = self.sweep(collection).await?;
        sweep.abandoned_uploads().await?;
        sweep.ended_uploads().await?;
        sweep.unused_links().await?;
        sweep.unlinked_blobs().await?;
        sweep.orphans().await?;
        Ok(sweep.found)
    }

    /// Deletes only stored objects without a row or, with `dry_run`, counts them.
    pub(crate) async fn collect_orphans(&self, collection: Collection) -> Result<Garbage> {
        let mut sweep = self.sweep(collection).await?;
        sweep.orphans().await?;
        Ok(sweep.found)
    }

    /// Fails if it would delete the blobs of another installation.
    async fn sweep(&self, Collection { grace, dry_run }: Collection) -> Result<Sweep<'_>> {
        // What is only read may not have been claimed yet.
        if !dry_run {
            self.0.blobs.check_claim(self.id()).await?;
        }
        let before = |age: Duration| {
            let age = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
            Timestamp::from_micros(self.now().micros().saturating_sub(age))
        };
        let (before, settled) = (before(grace), before(grace.max(SETTLING)));
        Ok(Sweep { installation: self, before, settled, dry_run, found: Garbage::default() })
    }
}
