//! One collection.

use crate::installation::Installation;
use roadstead_model::Timestamp;
use std::time::{Duration, Instant};

/// How many rows one step looks at, and removes in one transaction at most.
pub(super) const STEP: usize = 100;

/// Upload sessions, and objects that no row names, are never taken younger than this: between storing a blob and naming it in a row,
/// nothing but the object's age tells that it is needed.
const SETTLING: Duration = Duration::from_secs(60 * 60);

/// How to collect.
#[derive(Debug, Clone, Copy)]
pub struct Collection {
    /// What is younger than this is left alone, because a push that is under way needs it. Uploads get an hour at least.
    pub grace: Duration,
    /// Only count what would go.
    pub dry_run: bool,
}

/// What a collection removed, or would have.
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

pub(super) struct Sweep<'a> {
    pub(super) installation: &'a Installation,
    /// Rows from before this time may go.
    pub(super) before: Timestamp,
    /// Uploads and objects from before this time may go.
    pub(super) settled: Timestamp,
    pub(super) dry_run: bool,
    pub(super) found: Garbage,
}

impl<'a> Sweep<'a> {
    pub(super) fn new(installation: &'a Installation, collection: Collection) -> Self {
        let before = |span: Duration| {
            let span = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
            Timestamp::from_micros(installation.now().micros().saturating_sub(span))
        };
        Self {
            installation,
            before: before(collection.grace),
            settled: before(collection.grace.max(SETTLING)),
            dry_run: collection.dry_run,
            found: Garbage::default(),
        }
    }
}

/// Rests as long as a step took, so that pushes get the writer for at least half of the time. Those of other processes do not wait in
/// the same queue.
pub(super) async fn rest_after(begun: Instant) {
    tokio::time::sleep(begun.elapsed()).await;
}
