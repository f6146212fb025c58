//! The transaction that runs statements.

use super::ids;
use super::parameters::Value;
use super::postgres::Transaction;
use super::rows::{EngineRow, FromRow, Row};
use super::sql::{Bound, Sql};
use super::sqlite::statements as sqlite;
use crate::error::Result;
use roadstead_model::Timestamp;
use roadstead_model::page::Filling;

/// A transaction on an engine. It ends when the function that it was passed to returns.
pub(crate) enum Tx<'c> {
    Sqlite(&'c mut rusqlite::Connection),
    Postgres(&'c mut Transaction),
}

impl Tx<'_> {
    /// Draws a new row id. Ids grow with time, so rows are stored in the order of their creation.
    pub(crate) fn next_id(&self, now: Timestamp) -> i64 {
        ids::next(now)
    }

    /// Runs a statement and returns the number of changed rows.
    pub(crate) async fn execute(&mut self, sql: &Sql, parameters: &[Value<'_>]) -> Result<usize> {
        match self {
            Self::Sqlite(connection) => sqlite::execute(connection, sql.0, parameters),
            Self::Postgres(transaction) => transaction.execute(sql, parameters).await,
        }
    }

    /// Runs a query and reads every row.
    pub(crate) async fn query<T: FromRow>(&mut self, sql: &Sql, parameters: &[Value<'_>]) -> Result<Vec<T>> {
        let mut items = Vec::new();
        let visit = |row: &Row<'_>| {
            items.push(row.read()?);
            Ok(true)
        };
        self.each_row(sql, parameters, visit).await?;
        Ok(items)
    }

    /// Runs a query and reads the first row, if any.
    pub(crate) async fn query_one<T: FromRow>(&mut self, sql: &Sql, parameters: &[Value<'_>]) -> Result<Option<T>> {
        let mut first = None;
        let visit = |row: &Row<'_>| {
            first = Some(row.read()?);
            Ok(false)
        };
        self.each_row(sql, parameters, visit).await?;
        Ok(first)
    }

    /// Runs a query and reads rows until the page is full.
    pub(crate) async fn fill<T: FromRow>(&mut self, page: &mut Filling<T>, sql: &Sql, parameters: &[Value<'_>]) -> Result<()> {
        let visit = |row: &Row<'_>| {
            let item = row.read()?;
            Ok(page.take(item, row.text_bytes()))
        };
        self.each_row(sql, parameters, visit).await
    }

    /// Runs a statement whose result does not matter. PostgreSQL is not waited for: if the statement fails, a later one does, or the
    /// commit.
    pub(crate) async fn send(&mut self, sql: &Sql, parameters: &[Value<'_>]) -> Result<()> {
        match self {
            Self::Sqlite(connection) => sqlite::execute(connection, sql.0, parameters).map(drop),
            Self::Postgres(transaction) => transaction.send(sql, parameters).await,
        }
    }

    /// Runs statements in order, without waiting in between, and returns the numbers of changed rows.
    pub(crate) async fn execute_all<const N: usize>(&mut self, statements: [Bound<'_>; N]) -> Result<[usize; N]> {
        let mut changed = [0; N];
        match self {
            Self::Sqlite(connection) => {
                for (changed, (sql, parameters)) in changed.iter_mut().zip(&statements) {
                    *changed = sqlite::execute(connection, sql.0, parameters)?;
                }
            }
            Self::Postgres(transaction) => {
                for (changed, (_, count)) in changed.iter_mut().zip(transaction.run_all(&statements).await?) {
                    *changed = count;
                }
            }
        }
        Ok(changed)
    }

    /// Runs a query for each of some lists of parameters, without waiting in between, and reads the first row of each.
    pub(crate) async fn query_each<T: FromRow, const N: usize>(&mut self, sql: &Sql, lists: &[[Value<'_>; N]]) -> Result<Vec<Option<T>>> {
        let mut found = Vec::with_capacity(lists.len());
        match self {
            Self::Sqlite(_) => {
                for parameters in lists {
                    found.push(self.query_one(sql, parameters).await?);
                }
            }
            Self::Postgres(transaction) => {
                let statements: Vec<Bound<'_>> = lists.iter().map(|parameters| (sql, &parameters[..])).collect();
                for (rows, _) in transaction.run_all(&statements).await? {
                    found.push(rows.first().map(|row| Row::new(EngineRow::Postgres(row)).read()).transpose()?);
                }
            }
        }
        Ok(found)
    }

    /// Runs several statements without parameters, as a migration has them.
    pub(crate) async fn execute_script(&mut self, script: &str) -> Result<()> {
        match self {
            Self::Sqlite(connection) => connection.execute_batch(script).map_err(sqlite::failure),
            Self::Postgres(transaction) => transaction.execute_script(script).await,
        }
    }

    /// Waits until this is the only write, so that a migration waits for no other one while it holds the locks of tables.
    pub(super) async fn run_alone(&mut self) -> Result<()> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(transaction) => transaction.execute_script("LOCK TABLE write_turn IN EXCLUSIVE MODE").await,
        }
    }

    /// Whether other servers write to the database.
    pub(super) fn is_shared(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// Runs a query and calls `visit` for each row while it returns `true`.
    async fn each_row(&mut self, sql: &Sql, parameters: &[Value<'_>], mut visit: impl FnMut(&Row<'_>) -> Result<bool>) -> Result<()> {
        match self {
            Self::Sqlite(connection) => sqlite::each_row(connection, sql.0, parameters, |row| visit(&Row::new(EngineRow::Sqlite(row)))),
            Self::Postgres(transaction) => transaction.each_row(sql, parameters, |row| visit(&Row::new(EngineRow::Postgres(row)))).await,
        }
    }
}
