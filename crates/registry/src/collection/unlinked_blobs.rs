//! Blobs that no repository holds.

use super::{STEP, Sweep};
use crate::error::Result;
use crate::metadata::{Tx, params, statements};
use crate::pace::rest_after;
use crate::repository_blobs::rows::StorageKey;
use std::time::Instant;

statements! {
    // Ignores unused links, because a dry run has left them in place.
    SELECT = "SELECT b.id, b.size, b.created_at < ?1 AND NOT EXISTS (SELECT 1 FROM repository_blob l WHERE l.blob_id = b.id AND NOT
            (l.created_at < ?1 AND NOT EXISTS (SELECT 1 FROM manifest_blob u WHERE u.repository_id = l.repository_id AND u.blob_id = l.blob_id)))
        FROM blob b WHERE b.id > ?2 ORDER BY b.id LIMIT ?3";
    DELETE = "DELETE FROM blob WHERE id = ?1 AND created_at < ?2 AND NOT EXISTS
        (SELECT 1 FROM repository_blob l WHERE l.blob_id = ?1) RETURNING storage_key, size";
}

impl Sweep<'_> {
    pub(super) async fn unlinked_blobs(&mut self) -> Result<()> {
        let mut after = i64::MIN;
        loop {
            let begun = Instant::now();
            let work = async |tx: &mut Tx<'_>| tx.query(&SELECT, params![self.before, after, STEP]).await;
            let mut blobs: Vec<(i64, u64, bool)> = self.installation.0.metadata.read(work).await?;
            let Some((last, ..)) = blobs.last() else { return Ok(()) };
            after = *last;
            blobs.retain(|(.., unlinked)| *unlinked);
            if self.dry_run {
                self.found.deleted_blobs += blobs.len() as u64;
                self.found.bytes += blobs.iter().map(|(_, size, _)| size).sum::<u64>();
            } else if !blobs.is_empty() {
                self.delete_blobs(blobs.into_iter().map(|(id, ..)| id).collect()).await?;
            }
            rest_after(begun).await;
        }
    }

    /// Deletes the rows of those blobs that are still old and unlinked, and then their bytes.
    async fn delete_blobs(&mut self, ids: Vec<i64>) -> Result<()> {
        let before = self.before;
        let work = async move |tx: &mut Tx<'_>| {
            let mut deleted: Vec<(StorageKey, u64)> = Vec::new();
            for id in &ids {
                deleted.extend(tx.query_one(&DELETE, params![id, before]).await?);
            }
            Ok(deleted)
        };
        for (StorageKey(key), size) in self.installation.0.metadata.write(work).await? {
            if let Some(key) = key {
                self.installation.0.blobs.delete(&key).await;
            }
            self.found.deleted_blobs += 1;
            self.found.bytes += size;
        }
        Ok(())
    }
}
