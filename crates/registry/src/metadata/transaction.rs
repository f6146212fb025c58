//! The small interface that every metadata method is written against: statements, parameters, rows, a transaction.
//!
//! A statement is written once, in SQL that SQLite and PostgreSQL both run, with numbered parameters (`?1`).

use crate::error::{Error, Result};
use roadstead_model::media_type;
use roadstead_model::page::Filling;
use rusqlite::types::{ToSqlOutput, ValueRef};
use std::cell::Cell;

/// One SQL statement, named so that a test can prepare every one of them on both engines.
pub(crate) struct Sql(pub(crate) &'static str);

/// Declares the statements of a file, and the list `STATEMENTS` of all of them.
macro_rules! statements {
    ($($name:ident = $text:expr;)*) => {
        $(static $name: Sql = Sql($text);)*
        /// Every statement of this file.
        #[cfg(test)]
        pub(crate) static STATEMENTS: &[(&str, &Sql)] = &[$((stringify!($name), &$name)),*];
    };
}
pub(crate) use statements;

/// A parameter of a statement.
#[derive(Debug, Clone)]
pub(crate) enum Value<'a> {
    Null,
    Integer(i64),
    Boolean(bool),
    Text(&'a str),
    Bytes(&'a [u8]),
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Bytes(value)
    }
}

impl<'a> From<Option<&'a [u8]>> for Value<'a> {
    fn from(value: Option<&'a [u8]>) -> Self {
        value.map_or(Self::Null, Self::Bytes)
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(value: Option<&'a str>) -> Self {
        value.map_or(Self::Null, Self::Text)
    }
}

impl rusqlite::ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(value) => ValueRef::Integer(*value),
            Self::Boolean(value) => ValueRef::Integer(i64::from(*value)),
            Self::Text(value) => ValueRef::Text(value.as_bytes()),
            Self::Bytes(value) => ValueRef::Blob(value),
        }))
    }
}

/// One row of an answer. A column of another type than asked for is a defect, never the client's doing.
pub(crate) struct Row<'a> {
    row: EngineRow<'a>,
    /// What a page is measured by.
    text_bytes: Cell<usize>,
}

enum EngineRow<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
}

impl<'a> Row<'a> {
    fn of_sqlite(row: &'a rusqlite::Row<'a>) -> Self {
        Self { row: EngineRow::Sqlite(row), text_bytes: Cell::new(0) }
    }

    fn get<T: rusqlite::types::FromSql>(&self, column: usize) -> Result<T> {
        match self.row {
            EngineRow::Sqlite(row) => row.get(column).map_err(failure),
        }
    }

    /// How many bytes of text have been read from it so far, as long as they are stored.
    pub(crate) fn text_bytes(&self) -> usize {
        self.text_bytes.get()
    }

    /// A text where it lies; none for NULL.
    fn borrowed_text(&self, column: usize) -> Result<Option<&str>> {
        let EngineRow::Sqlite(row) = self.row;
        let text = row.get_ref(column).map_err(failure)?.as_str_or_null().map_err(|error| Error::Internal(error.to_string()))?;
        self.text_bytes.set(self.text_bytes.get() + text.map_or(0, str::len));
        Ok(text)
    }

    fn some_text(&self, column: usize) -> Result<&str> {
        self.borrowed_text(column)?.ok_or_else(|| Error::Internal(format!("column {column} is NULL")))
    }

    pub(crate) fn integer(&self, column: usize) -> Result<i64> {
        self.get(column)
    }

    pub(crate) fn boolean(&self, column: usize) -> Result<bool> {
        self.get(column)
    }

    /// A size or a count, which SQL stores as a signed number.
    pub(crate) fn unsigned(&self, column: usize) -> Result<u64> {
        Ok(u64::try_from(self.integer(column)?).unwrap_or(0))
    }

    pub(crate) fn text(&self, column: usize) -> Result<String> {
        self.some_text(column).map(str::to_owned)
    }

    pub(crate) fn optional_text(&self, column: usize) -> Result<Option<String>> {
        Ok(self.borrowed_text(column)?.map(str::to_owned))
    }

    /// A media type. One that was stored when there was no bound to them cannot be told.
    pub(crate) fn media_type(&self, column: usize) -> Result<String> {
        Ok(self.optional_media_type(column)?.unwrap_or_else(|| media_type::UNKNOWN.to_owned()))
    }

    /// The same where there need not be one.
    pub(crate) fn optional_media_type(&self, column: usize) -> Result<Option<String>> {
        Ok(self.borrowed_text(column)?.filter(|text| text.len() <= media_type::LONGEST).map(str::to_owned))
    }

    pub(crate) fn bytes(&self, column: usize) -> Result<Vec<u8>> {
        self.get(column)
    }

    pub(crate) fn optional_bytes(&self, column: usize) -> Result<Option<Vec<u8>>> {
        self.get(column)
    }

    /// A column that was checked when it was written.
    pub(crate) fn parsed<T, E: std::fmt::Display>(
        &self,
        column: usize,
        parse: impl FnOnce(&str) -> std::result::Result<T, E>,
    ) -> Result<T> {
        let text = self.some_text(column)?;
        parse(text).map_err(|error| Error::Internal(format!("stored value '{text}': {error}")))
    }
}

/// A transaction that one metadata method runs in. It ends with the method: no handle leaves `metadata`.
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
    pub(crate) async fn query<T>(&mut self, sql: &Sql, parameters: &[Value<'_>], read: impl Fn(&Row<'_>) -> Result<T>) -> Result<Vec<T>> {
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
    pub(crate) async fn fill<T>(
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
    pub(crate) async fn query_one<T>(
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
