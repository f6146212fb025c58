//! Copying the rows of a table.

use super::content;
use super::progress::{Copied, Progress};
use crate::error::Result;
use crate::metadata::{Cells, Metadata, Table};

/// The copying of a table.
pub(super) struct Copy<'a> {
    pub(super) table: &'static Table,
    pub(super) from: &'a Metadata,
    pub(super) to: &'a Metadata,
    pub(super) progress: &'a dyn Progress,
}

impl Copy<'_> {
    /// Copies the rows after the last one that has been copied.
    pub(super) async fn run(&self) -> Result<()> {
        let (mut copied, mut after) = self.begin().await?;
        loop {
            let page = self.table.page(self.from, after.as_ref()).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(self.table.key_of(last));
            content::verify(self.table, self.from, &page, self.progress).await?;
            copied.rows += page.len() as u64;
            self.table.insert(self.to, page).await?;
            self.progress.copied(&copied, 0);
        }
    }

    /// What has been copied before, and the key of the last row.
    pub(super) async fn begin(&self) -> Result<(Copied, Option<Cells>)> {
        let copied = Copied { table: self.table.name, rows: self.table.count(self.to).await?, of: self.table.count(self.from).await? };
        self.progress.copied(&copied, 0);
        Ok((copied, self.table.last_key(self.to).await?))
    }
}
