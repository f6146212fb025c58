//! Statements, and the transaction that they run in.
//!
//! A statement is written once, in SQL that SQLite and PostgreSQL both run, with numbered parameters (`?1`).

use super::parameters::Value;
use super::rows::{EngineRow, FromRow, Row};
use super::sqlite::statements as sqlite;
use crate::error::Result;
use roadstead_model::page::Filling;
use std::ops::ControlFlow;

/// One SQL statement, named so that a test can prepare every one of them on both engines.
pub(crate) struct Sql(pub(crate) &'static str);

/// Declares the statements of a file, and the list `STATEMENTS` of all of them.
macro_rules! statements {
    ($($name:ident = $text:expr;)*) => {
        $(static $name: $crate::metadata::Sql = $crate::metadata::Sql($text);)*
        /// Every statement of this file.
        #[cfg(test)]
        pub(crate) static STATEMENTS: &[(&str, &$crate::metadata::Sql)] = &[$((stringify!($name), &$name)),*];
    };
}
pub(crate) use statements;

/// A transaction on an engine. It ends with the function that it was passed to.
pub(crate) enum Tx<'c> {
    Sqlite(&'c mut rusqlite::Connection),
}

impl Tx<'_> {
    /// Runs a statement, and returns the number of rows that it changed.
    pub(crate) async fn execute(&mut self, sql: &Sql, parameters: &[Value<'_>]) -> Result<usize> {
        match self {
            Self::Sqlite(connection) => sqlite::execute(connection, sql.0, parameters),
        }
    }

    /// Runs a query and reads every row.
    pub(crate) async fn query<T: FromRow>(&mut self, sql: &Sql, parameters: &[Value<'_>]) -> Result<Vec<T>> {
        let mut items = Vec::new();
        let visit = |row: &Row<'_>| {
            items.push(row.read()?);
            Ok(ControlFlow::Continue(()))
        };
        self.each_row(sql, parameters, visit).await?;
        Ok(items)
    }

    /// Runs a query and reads its first row, if it has one.
    pub(crate) async fn query_one<T: FromRow>(&mut self, sql: &Sql, parameters: &[Value<'_>]) -> Result<Option<T>> {
        let mut first = None;
        let visit = |row: &Row<'_>| {
            first = Some(row.read()?);
            Ok(ControlFlow::Break(()))
        };
        self.each_row(sql, parameters, visit).await?;
        Ok(first)
    }

    /// Runs a query and reads as many rows as the page has room for, and not the rest.
    pub(crate) async fn fill<T: FromRow>(&mut self, page: &mut Filling<T>, sql: &Sql, parameters: &[Value<'_>]) -> Result<()> {
        let visit = |row: &Row<'_>| {
            let item = row.read()?;
            Ok(if page.take(item, row.text_bytes()) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        };
        self.each_row(sql, parameters, visit).await
    }

    /// Runs several statements without parameters: a migration.
    pub(crate) async fn execute_script(&mut self, script: &str) -> Result<()> {
        match self {
            Self::Sqlite(connection) => sqlite::execute_script(connection, script),
        }
    }

    /// Runs a query, and calls `visit` for each row until it breaks.
    async fn each_row(
        &mut self,
        sql: &Sql,
        parameters: &[Value<'_>],
        mut visit: impl FnMut(&Row<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        match self {
            Self::Sqlite(connection) => sqlite::each_row(connection, sql.0, parameters, |row| visit(&Row::new(EngineRow::Sqlite(row)))),
        }
    }
}
