//! Blobs of a repository that none of its manifests references.

use super::{STEP, Sweep};
use crate::error::Result;
use crate::metadata::{Tx, params, statements};
use crate::pace::rest_after;
use std::time::Instant;

statements! {
    SELECT = "SELECT l.repository_id, l.blob_id, l.created_at < ?1 AND NOT EXISTS
            (SELECT 1 FROM manifest_blob u WHERE u.repository_id = l.repository_id AND u.blob_id = l.blob_id)
        FROM repository_blob l WHERE (l.repository_id, l.blob_id) > (?2, ?3) ORDER BY l.repository_id, l.blob_id LIMIT ?4";
    DELETE = "DELETE FROM repository_blob WHERE repository_id = ?1 AND blob_id = ?2 AND created_at < ?3 AND NOT EXISTS
        (SELECT 1 FROM manifest_blob u WHERE u.repository_id = ?1 AND u.blob_id = ?2)";
}

/// The ids of a repository and of a blob that it holds.
type Link = (i64, i64);

impl Sweep<'_> {
    pub(super) async fn unused_links(&mut self) -> Result<()> {
        let mut after = (i64::MIN, i64::MIN);
        loop {
            let begun = Instant::now();
            let work = async |tx: &mut Tx<'_>| tx.query(&SELECT, params![self.before, after.0, after.1, STEP]).await;
            let links: Vec<(i64, i64, bool)> = self.installation.0.metadata.read(work).await?;
            let Some((repository, blob, _)) = links.last() else { return Ok(()) };
            after = (*repository, *blob);
            let unused: Vec<Link> =
                links.into_iter().filter(|(.., unused)| *unused).map(|(repository, blob, _)| (repository, blob)).collect();
            self.found.unused_blobs += match unused.len() {
                count if self.dry_run || count == 0 => count,
                _ => self.unlink(unused).await?,
            } as u64;
            rest_after(begun).await;
        }
    }

    /// Deletes those links that are still old and unused, and returns their number.
    async fn unlink(&self, links: Vec<Link>) -> Result<usize> {
        let before = self.before;
        let work = async move |tx: &mut Tx<'_>| {
            let mut deleted = 0;
            for (repository, blob) in &links {
                deleted += tx.execute(&DELETE, params![repository, blob, before]).await?;
            }
            Ok(deleted)
        };
        self.installation.0.metadata.write(work).await
    }
}
