//! Stored objects without a row.

use super::{Sweep, rest_after};
use crate::blobs::StoredObject;
use crate::error::Result;
use crate::metadata::{Tx, params, statements};
use std::time::Instant;

statements! {
    IS_BLOB = "SELECT EXISTS (SELECT 1 FROM blob WHERE digest = ?1 AND storage_key = ?2)";
    IS_UPLOAD = "SELECT EXISTS (SELECT 1 FROM upload WHERE id = ?1)";
}

impl Sweep<'_> {
    pub(super) async fn orphans(&mut self) -> Result<()> {
        let inner = &self.installation.0;
        let mut listing = inner.blobs.list_older_than(self.settled).await?;
        loop {
            let begun = Instant::now();
            let Some(page) = listing.next_page().await? else { return Ok(()) };
            for object in page {
                if self.has_row(&object).await? {
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

    async fn has_row(&self, object: &StoredObject) -> Result<bool> {
        let work = async |tx: &mut Tx<'_>| match object {
            StoredObject::Blob { digest, key, .. } => tx.query_one(&IS_BLOB, params![digest, key]).await,
            StoredObject::Upload { id, .. } => tx.query_one(&IS_UPLOAD, params![id]).await,
        };
        Ok(self.installation.0.metadata.read(work).await? == Some(true))
    }
}
