//! Garbage collection: what nothing needs any more goes, online, in small batches, after a grace period.
//!
//! There are four kinds of garbage, in this order: upload sessions that were abandoned; blobs of a repository that none of its manifests
//! needs; blobs that no repository holds, with their bytes; and stored objects that no row names, which a crash between storing and
//! recording leaves behind. A row goes before its bytes do, and every removal repeats its condition in the transaction that removes, so
//! that a concurrent push either finds the blob or stores it anew.
//!
//! All of this holds between processes too: a command may collect beside the server. What a server is writing to shows in the ages of
//! its uploads.

pub(crate) mod abandoned_uploads;
pub(crate) mod orphans;
mod sweep;
pub(crate) mod unheld_blobs;
pub(crate) mod unused_links;

use crate::error::Result;
use crate::installation::Installation;
use sweep::Sweep;

pub use sweep::{Collection, Garbage};

impl Installation {
    /// Removes what nothing needs any more, or with `dry_run` counts it.
    pub async fn collect_garbage(&self, collection: Collection) -> Result<Garbage> {
        let mut sweep = Sweep::new(self, collection);
        sweep.abandoned_uploads().await?;
        sweep.unused_links().await?;
        sweep.unheld_blobs().await?;
        sweep.orphans().await?;
        Ok(sweep.found)
    }
}
