//! Copying an installation to another place: from files to a shared database and bucket, or back.
//!
//! Rows are copied table by table, in the order of foreign keys and of primary keys. A blob's bytes are durable before its row is, and
//! their digest is verified on the way. So an interrupted transfer continues after the last row of each table. In the end, all rows of
//! both sides are compared, which also finds what has changed in the source since.
//!
//! Until then, a row in the target keeps servers from using it. Upload sessions in progress are not copied.

pub(crate) mod blob;
mod comparing;
mod content;
pub(crate) mod damage;
mod progress;
mod rows;
mod side;
pub(crate) mod stored_blobs;
pub(crate) mod unfinished;

use crate::error::{Error, Result};
use crate::leaders::lost;
use crate::metadata::{METADATA_TABLES, Metadata, STATISTICS_TABLES, Table};

pub use progress::{Copied, Plan, Progress};
pub use side::Side;

/// A copy of an installation to make.
pub struct Transfer {
    from: Side,
    to: Side,
}

impl Transfer {
    /// Prepares a copy. Fails unless the target is empty or has an unfinished copy of the same installation or snapshot.
    pub async fn new(from: Side, to: Side) -> Result<Self> {
        let transfer = Self { from, to };
        match unfinished::source(&transfer.to.metadata).await? {
            Some(source) if source == transfer.from.copied_as => {}
            Some(source) => {
                let text = format!(
                    "the target has an unfinished copy of the {source}, and not of the {}: continue that copy, or empty the target",
                    transfer.from.copied_as
                );
                return Err(Error::Refused(text));
            }
            None => {
                for (table, _, to) in transfer.tables() {
                    if table.count(to).await? > 0 {
                        return Err(Error::Refused(format!("the target is not empty: its table '{}' has rows", table.name)));
                    }
                }
                if transfer.to.has_blobs().await? {
                    return Err(Error::Refused("the target is not empty: its store has blobs, or unfinished uploads".to_owned()));
                }
            }
        }
        Ok(transfer)
    }

    /// Copies everything that is missing, compares both sides, and lets servers use the target.
    pub async fn run(&self, progress: &dyn Progress) -> Result<Vec<Copied>> {
        tokio::select! {
            copied = self.copy(progress) => copied,
            () = self.from.lease.lost() => Err(lost()),
            () = self.to.lease.lost() => Err(lost()),
        }
    }

    async fn copy(&self, progress: &dyn Progress) -> Result<Vec<Copied>> {
        unfinished::begin(&self.to.metadata, self.from.copied_as.clone()).await?;
        for (table, from, to) in self.tables() {
            let copy = rows::Copy { table, from, to, progress };
            match table.name {
                "blob" => stored_blobs::copy(&copy, &self.from, &self.to.blobs).await?,
                _ => copy.run().await?,
            }
        }
        let mut compared = Vec::new();
        for (table, from, to) in self.tables() {
            let rows = comparing::compare(table, from, to, progress).await?;
            compared.push(Copied { table: table.name, rows, of: rows });
        }
        unfinished::end(&self.to.metadata).await?;
        Ok(compared)
    }

    /// Every table with the databases that it is copied from and to.
    fn tables(&self) -> impl Iterator<Item = (&'static Table, &Metadata, &Metadata)> {
        let metadata = METADATA_TABLES.iter().map(|table| (table, &self.from.metadata, &self.to.metadata));
        metadata.chain(STATISTICS_TABLES.iter().map(|table| (table, &self.from.statistics, &self.to.statistics)))
    }
}
