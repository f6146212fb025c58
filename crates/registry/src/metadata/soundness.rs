//! What an embedded database can say of its own soundness. A server of databases checks its pages and references itself.

use super::{Engine, FromRow, Metadata, Sql, Tx, Value, params};
use crate::error::{Error, Result};

/// At most a hundred problems.
const BAD_PAGES: Sql = Sql("SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok'");
const BAD_REFERENCES: Sql = Sql("SELECT \"table\", parent, COUNT(*) FROM pragma_foreign_key_check GROUP BY 1, 2 ORDER BY 1, 2");

impl Metadata {
    /// Runs `work` as [`Self::read`] does. The inner error says why what it reads is damaged, in a database that can be read otherwise.
    ///
    /// Never as [`Self::scan`] does, even for many rows: a bad sector below memory that is mapped ends the process by a signal.
    pub(crate) async fn salvage<T, F>(&self, work: F) -> Result<std::result::Result<T, String>>
    where
        F: AsyncFn(&mut Tx<'_>) -> Result<T>,
    {
        let read = match self.read(&work).await {
            Err(Error::Unavailable(_)) => {
                self.check_ready().await?;
                // What fails again, while the database is ready, is on a bad sector of its disk.
                self.read(&work).await
            }
            read => read,
        };
        match read {
            Ok(read) => Ok(Ok(read)),
            Err(Error::Damaged(text) | Error::Internal(text) | Error::Unavailable(text)) => Ok(Err(text)),
            Err(error) => Err(error),
        }
    }

    /// Runs a query as [`Self::salvage`] does.
    pub(crate) async fn salvage_rows<T: FromRow>(
        &self,
        sql: &Sql,
        parameters: &[Value<'_>],
    ) -> Result<std::result::Result<Vec<T>, String>> {
        self.salvage(async |tx: &mut Tx<'_>| tx.query(sql, parameters).await).await
    }

    /// What is wrong with the pages of the file, in SQLite's words.
    pub(crate) async fn bad_pages(&self) -> Result<Vec<String>> {
        // The check itself fails on the worst files.
        Ok(self.ask(async |tx: &mut Tx<'_>| tx.query(&BAD_PAGES, params![]).await).await?.unwrap_or_else(|text| vec![text]))
    }

    /// References to rows that do not exist.
    pub(crate) async fn bad_references(&self) -> Result<Vec<String>> {
        let text = |(table, parent, rows): (String, String, u64)| {
            format!("{rows} rows of the table '{table}' refer to rows of '{parent}' that do not exist")
        };
        match self.ask(async |tx: &mut Tx<'_>| tx.query(&BAD_REFERENCES, params![]).await).await? {
            Ok(found) => Ok(found.into_iter().map(text).collect()),
            Err(error) => Ok(vec![format!("whether rows refer to rows that do not exist cannot be told: {error}")]),
        }
    }

    async fn ask<T, F>(&self, question: F) -> Result<std::result::Result<Vec<T>, String>>
    where
        F: AsyncFn(&mut Tx<'_>) -> Result<Vec<T>>,
    {
        match &self.engine {
            Engine::Sqlite(_) => self.salvage(question).await,
            Engine::Postgres(_) => Ok(Ok(Vec::new())),
        }
    }
}
