//! Abandoned upload sessions, and the ids of ended ones that have expired.

use super::{SETTLING, STEP, Sweep};
use crate::error::Result;
use crate::metadata::{Tx, params, statements};
use crate::pace::rest_after;
use crate::upload_ids::{CLOCKS_DIFFER, LIFETIME};
use crate::upload_leases::Intent;
use std::time::Instant;

statements! {
    SELECT = "SELECT id, received, stored FROM upload WHERE updated_at < ?1 AND id > ?2 ORDER BY id LIMIT ?3";
    DELETE = "DELETE FROM upload WHERE id = ?1 AND updated_at < ?2 AND writer_until < ?3 RETURNING stored";
    DELETE_ENDED = "DELETE FROM ended_upload WHERE id IN (SELECT id FROM ended_upload WHERE until < ?1 LIMIT ?2)";
}

/// What the blob store needs of an upload.
type Stored = Option<Vec<u8>>;

// The ids of the sessions that are deleted below have expired, by any clock: nothing needs to be recorded.
const _: () = assert!(LIFETIME.as_secs() + CLOCKS_DIFFER.as_secs() < SETTLING.as_secs());

impl Sweep<'_> {
    pub(super) async fn abandoned_uploads(&mut self) -> Result<()> {
        let mut after = String::new();
        loop {
            let begun = Instant::now();
            let work = async |tx: &mut Tx<'_>| tx.query(&SELECT, params![self.settled, after, STEP]).await;
            let stale: Vec<(String, u64, Stored)> = self.installation.0.metadata.read(work).await?;
            let Some((last, ..)) = stale.last() else { return Ok(()) };
            after.clone_from(last);
            for (id, size, stored) in stale {
                self.abandoned_upload(id, size, stored).await?;
            }
            rest_after(begun).await;
        }
    }

    /// Forgets the ids of ended sessions once no replica accepts them any more.
    pub(super) async fn ended_uploads(&self) -> Result<()> {
        let expired = self.installation.now().plus_seconds(-(CLOCKS_DIFFER.as_secs() as i64));
        loop {
            let begun = Instant::now();
            let work = async move |tx: &mut Tx<'_>| tx.execute(&DELETE_ENDED, params![expired, STEP]).await;
            if self.dry_run || self.installation.0.metadata.counting().write(work).await? == 0 {
                return Ok(());
            }
            rest_after(begun).await;
        }
    }

    async fn abandoned_upload(&mut self, id: String, size: u64, stored: Stored) -> Result<()> {
        let inner = &self.installation.0;
        // A request of this or another process may be writing to an upload with an old row.
        let Ok(_lease) = inner.upload_leases.acquire(&id, Intent::Complete) else { return Ok(()) };
        if inner.blobs.upload_written_since(&id, stored.as_deref(), self.settled).await? {
            return Ok(());
        }
        if !self.dry_run {
            let (upload, settled, now) = (id.clone(), self.settled, self.installation.now());
            let work = async move |tx: &mut Tx<'_>| tx.query_one::<Stored>(&DELETE, params![upload, settled, now]).await;
            let Some(stored) = inner.metadata.write(work).await? else { return Ok(()) };
            inner.blobs.delete_upload(&id, stored.as_deref()).await;
        }
        self.found.uploads += 1;
        self.found.bytes += size;
        Ok(())
    }
}
