//! Stored objects without a row.

use super::Sweep;
use crate::blobs::StoredObject;
use crate::error::Result;
use crate::metadata::{Tx, params, statements};
use crate::pace::rest_after;
use std::time::Instant;

statements! {
    IS_BLOB = "SELECT EXISTS (SELECT 1 FROM blob WHERE storage_key = ?1 AND storage_key <> '')";
    IS_UPLOAD = "SELECT EXISTS (SELECT 1 FROM upload WHERE id = ?1)";
}

impl Sweep<'_> {
    pub(super) async fn orphans(&mut self) -> Result<()> {
        let inner = &self.installation.0;
        let mut listing = inner.blobs.list_older_than(self.settled).await?;
        loop {
            let begun = Instant::now();
            let Some(page) = listing.next_page().await? else { return Ok(()) };
            for StoredObject { upload, key, size } in self.without_row(page).await? {
                self.found.orphans += 1;
                self.found.bytes += size;
                match key {
                    _ if self.dry_run => {}
                    Some(key) => inner.blobs.delete(&key).await,
                    None => inner.blobs.delete_upload(&upload, None).await,
                }
            }
            rest_after(begun).await;
        }
    }

    /// Returns those objects that no row needs.
    async fn without_row(&self, page: Vec<StoredObject>) -> Result<Vec<StoredObject>> {
        let work = async |tx: &mut Tx<'_>| {
            let mut orphans = Vec::new();
            for object in &page {
                let is_blob = match &object.key {
                    Some(key) => tx.query_one(&IS_BLOB, params![key]).await? == Some(true),
                    None => false,
                };
                if !is_blob && tx.query_one(&IS_UPLOAD, params![object.upload]).await? != Some(true) {
                    orphans.push(object.clone());
                }
            }
            Ok(orphans)
        };
        self.installation.0.metadata.read(work).await
    }
}
