//! Copies of a database as one transaction sees it, while others write to it.

use super::{Engine, METADATA_TABLES, Metadata, STATISTICS_TABLES, Table, Tx, migrations, sqlite};
use crate::error::Result;
use migrations::{Migrations, STATISTICS};
use std::path::Path;

impl Metadata {
    /// Writes the rows of these tables to a new SQLite file. It is not durable yet.
    pub(crate) async fn snapshot(&self, path: &Path) -> Result<()> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.copy_to(path.to_owned()).await,
            Engine::Postgres(postgres) => postgres.read(async |tx: &mut Tx<'_>| copy_rows(tx, self.migrations, path).await).await,
        }
    }
}

/// Copies all rows to a new file. One that an attempt left behind is replaced.
async fn copy_rows(from: &mut Tx<'_>, migrations: Migrations, path: &Path) -> Result<()> {
    let mut file = sqlite::create_draft(path)?;
    let mut to = Tx::Sqlite(&mut file);
    migrations::migrate(&mut to, migrations).await?;
    let tables: &[Table] = if migrations == STATISTICS { &STATISTICS_TABLES } else { &METADATA_TABLES };
    to.execute_script("BEGIN").await?;
    for table in tables {
        let mut after = None;
        loop {
            let rows = table.read_page(from, after.as_ref()).await?;
            let Some(last) = rows.last() else { break };
            after = Some(table.key_of(last));
            table.write_rows(&mut to, &rows).await?;
        }
    }
    to.execute_script("COMMIT").await
}
