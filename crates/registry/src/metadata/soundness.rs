//! What an embedded database can say of its own soundness. A server of databases checks its pages and references itself.

use super::{Engine, Metadata, Sql, Tx, params};
use crate::error::{Error, Result};

/// At most a hundred problems.
const BAD_PAGES: Sql = Sql("SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok'");
const BAD_REFERENCES: Sql = Sql("SELECT \"table\", parent, COUNT(*) FROM pragma_foreign_key_check GROUP BY 1, 2 ORDER BY 1, 2");

impl Metadata {
    /// What is wrong with the pages of the file, in SQLite's words.
    pub(crate) async fn bad_pages(&self) -> Result<Vec<String>> {
        match self.ask(async |tx: &mut Tx<'_>| tx.query(&BAD_PAGES, params![]).await).await {
            // The check itself fails on the worst files.
            Err(Error::Damaged(text)) => Ok(vec![text]),
            found => found,
        }
    }

    /// References to rows that do not exist.
    pub(crate) async fn bad_references(&self) -> Result<Vec<String>> {
        let found: Vec<(String, String, u64)> = self.ask(async |tx: &mut Tx<'_>| tx.query(&BAD_REFERENCES, params![]).await).await?;
        let text = |(table, parent, rows)| format!("{rows} rows of the table '{table}' refer to rows of '{parent}' that do not exist");
        Ok(found.into_iter().map(text).collect())
    }

    async fn ask<T, F>(&self, question: F) -> Result<Vec<T>>
    where
        F: AsyncFn(&mut Tx<'_>) -> Result<Vec<T>>,
    {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.scan(question),
            Engine::Postgres(_) => Ok(Vec::new()),
        }
    }
}
