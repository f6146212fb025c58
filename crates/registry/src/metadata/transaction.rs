//! Statements, and the transaction that they run in.
//!
//! A statement is written once, in SQL that SQLite and PostgreSQL both run, with numbered parameters (`?1`).

use super::parameters::Value;
use super::rows::{FromRow, Row};
use crate::error::{Error, Result};
use roadstead_model::page::Filling;

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

/// A transaction. It ends with the function that it was passed to.
pub(crate) enum Tx<'c> {
    Sqlite(&'c mut rusqlite::Connection),
}

impl Tx<'_> {
    /// Runs a statement and gives the number of rows that it changed.
    pub(crate) async fn execute(&mut self, sql: &Sql, parameters: &[Value<'_>]) -> Result<usize> {
        match self {
            Self::Sqlite(connection) => {
                let mut statement = connection.prepare_cached(sql.0).map_err(failure)?;
                statement.execute(rusqlite::params_from_iter(parameters)).map_err(failure)
            }
        }
    }

    /// Runs a query and reads every row.
    pub(crate) async fn query_with<T>(
        &mut self,
        sql: &Sql,
        parameters: &[Value<'_>],
        read: impl Fn(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        match self {
            Self::Sqlite(connection) => {
                let mut statement = connection.prepare_cached(sql.0).map_err(failure)?;
                let mut rows = statement.query(rusqlite::params_from_iter(parameters)).map_err(failure)?;
                let mut items = Vec::new();
                while let Some(row) = rows.next().map_err(failure)? {
                    items.push(read(&Row::of_sqlite(row))?);
                }
                Ok(items)
            }
        }
    }

    /// Runs a query and reads as many rows as the page has room for, and not the rest.
    pub(crate) async fn fill_with<T>(
        &mut self,
        page: &mut Filling<T>,
        sql: &Sql,
        parameters: &[Value<'_>],
        read: impl Fn(&Row<'_>) -> Result<T>,
    ) -> Result<()> {
        match self {
            Self::Sqlite(connection) => {
                let mut statement = connection.prepare_cached(sql.0).map_err(failure)?;
                let mut rows = statement.query(rusqlite::params_from_iter(parameters)).map_err(failure)?;
                while let Some(row) = rows.next().map_err(failure)? {
                    let row = Row::of_sqlite(row);
                    let item = read(&row)?;
                    if !page.take(item, row.text_bytes()) {
                        break;
                    }
                }
                Ok(())
            }
        }
    }

    /// Runs a query and reads its first row, if it has one.
    pub(crate) async fn query_one_with<T>(
        &mut self,
        sql: &Sql,
        parameters: &[Value<'_>],
        read: impl Fn(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        match self {
            Self::Sqlite(connection) => {
                let mut statement = connection.prepare_cached(sql.0).map_err(failure)?;
                let mut rows = statement.query(rusqlite::params_from_iter(parameters)).map_err(failure)?;
                rows.next().map_err(failure)?.map(|row| read(&Row::of_sqlite(row))).transpose()
            }
        }
    }

    /// Runs a query and reads every row.
    pub(crate) async fn query<T: FromRow>(&mut self, sql: &Sql, parameters: &[Value<'_>]) -> Result<Vec<T>> {
        self.query_with(sql, parameters, T::from_row).await
    }

    /// Runs a query and reads its first row, if it has one.
    pub(crate) async fn query_one<T: FromRow>(&mut self, sql: &Sql, parameters: &[Value<'_>]) -> Result<Option<T>> {
        self.query_one_with(sql, parameters, T::from_row).await
    }

    /// Runs a query and reads as many rows as the page has room for, and not the rest.
    pub(crate) async fn fill<T: FromRow>(&mut self, page: &mut Filling<T>, sql: &Sql, parameters: &[Value<'_>]) -> Result<()> {
        self.fill_with(page, sql, parameters, T::from_row).await
    }

    /// Runs several statements without parameters: a migration.
    pub(crate) async fn execute_script(&mut self, script: &str) -> Result<()> {
        match self {
            Self::Sqlite(connection) => connection.execute_batch(script).map_err(failure),
        }
    }
}

/// Whether the storage failed (a full disk, an input or output error: it may pass) or we did (it is a defect).
pub(super) fn failure(error: rusqlite::Error) -> Error {
    use rusqlite::ErrorCode::{CannotOpen, DatabaseBusy, DatabaseLocked, DiskFull, ReadOnly, SystemIoFailure};
    match error.sqlite_error_code() {
        Some(DiskFull | SystemIoFailure | CannotOpen | DatabaseBusy | DatabaseLocked | ReadOnly) => Error::Unavailable(error.to_string()),
        _ => Error::Internal(error.to_string()),
    }
}
