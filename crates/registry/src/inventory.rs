//! How much is stored. The tables are read in small parts, with pauses, so that counting disturbs neither requests nor checkpoints.

use crate::disk::{DiskSpace, blocking};
use crate::error::{Error, Result};
use crate::installation::Installation;
use crate::metadata::{Sql, Tx, params, statements};
use crate::pace::rest_after;
use std::time::Instant;

statements! {
    SUM_REPOSITORIES = "SELECT COALESCE(MAX(id), 0), COUNT(*), COALESCE(SUM(image_count), 0)
        FROM (SELECT id, image_count FROM repository WHERE id > ?1 ORDER BY id LIMIT ?2) part";
    SUM_BLOBS = "SELECT COALESCE(MAX(id), 0), COUNT(*), COALESCE(SUM(size), 0)
        FROM (SELECT id, size FROM blob WHERE id > ?1 ORDER BY id LIMIT ?2) part";
    COUNT_UPLOADS = "SELECT COUNT(*) FROM upload";
}

/// How many rows are read at a time: about a millisecond's worth.
const PART: u64 = 2_000;

/// How much is stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Inventory {
    pub repositories: u64,
    /// Manifests.
    pub images: u64,
    /// Blobs, however many repositories have them.
    pub blobs: u64,
    /// The bytes of these blobs.
    pub bytes: u64,
    /// Upload sessions that have bytes.
    pub uploads: u64,
}

impl Installation {
    /// Counts what is stored. What changes meanwhile may be counted or not.
    pub async fn inventory(&self) -> Result<Inventory> {
        let (repositories, images) = self.sum(&SUM_REPOSITORIES).await?;
        let (blobs, bytes) = self.sum(&SUM_BLOBS).await?;
        let uploads = self.0.metadata.scan(async |tx: &mut Tx<'_>| tx.query_one(&COUNT_UPLOADS, params![]).await).await?;
        Ok(Inventory { repositories, images, blobs, bytes, uploads: uploads.unwrap_or(0) })
    }

    /// Counts the rows of a table, and sums up a column, part by part in the order of ids.
    async fn sum(&self, part: &Sql) -> Result<(u64, u64)> {
        let (mut last, mut rows, mut total) = (i64::MIN, 0, 0);
        loop {
            let begun = Instant::now();
            let select = async |tx: &mut Tx<'_>| tx.query_one::<(i64, u64, u64)>(part, params![last, PART]).await;
            let Some((read, count, sum)) = self.0.metadata.scan(select).await? else { break };
            (last, rows, total) = (read, rows + count, total + sum);
            if count < PART {
                break;
            }
            rest_after(begun).await;
        }
        Ok((rows, total))
    }

    /// The space of the file system of the data directory. `None` if nothing is stored there. Waits as long as the file system hangs.
    pub async fn disk_space(&self) -> Option<DiskSpace> {
        if self.is_shared() && self.store_metrics().is_some() {
            return None;
        }
        let data = self.0.data.clone();
        blocking(move || Ok::<_, Error>(DiskSpace::of(&data))).await.ok().flatten()
    }
}
