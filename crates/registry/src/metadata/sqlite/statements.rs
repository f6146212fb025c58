//! Statements, their parameters and the columns of their results, in SQLite.

use crate::error::{Error, Result};
use crate::metadata::parameters::{Value, storable};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, Row, ToSql, params_from_iter};
use std::borrow::Cow;

/// Runs a statement and returns the number of changed rows.
pub(in crate::metadata) fn execute(connection: &Connection, sql: &str, parameters: &[Value<'_>]) -> Result<usize> {
    let mut statement = connection.prepare_cached(sql).map_err(failure)?;
    statement.execute(params_from_iter(parameters)).map_err(failure)
}

/// Runs a query and calls `visit` for each row while it returns `true`.
pub(in crate::metadata) fn each_row(
    connection: &Connection,
    sql: &str,
    parameters: &[Value<'_>],
    mut visit: impl FnMut(&Row<'_>) -> Result<bool>,
) -> Result<()> {
    let mut statement = connection.prepare_cached(sql).map_err(failure)?;
    let mut rows = statement.query(params_from_iter(parameters)).map_err(failure)?;
    while let Some(row) = rows.next().map_err(failure)?
        && visit(row)?
    {}
    Ok(())
}

/// Reads a column.
pub(in crate::metadata) fn value<'r>(row: &'r Row<'_>, column: usize) -> Result<Value<'r>> {
    match row.get_ref(column).map_err(failure)? {
        ValueRef::Null => Ok(Value::Null),
        ValueRef::Integer(number) => Ok(Value::Integer(number)),
        ValueRef::Text(bytes) => std::str::from_utf8(bytes).map(Value::Text).map_err(|error| Error::Internal(error.to_string())),
        ValueRef::Blob(bytes) => Ok(Value::Bytes(bytes)),
        ValueRef::Real(_) => Err(Error::Internal("a column holds a floating-point number".to_owned())),
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(value) => ValueRef::Integer(*value),
            Self::Boolean(value) => ValueRef::Integer(i64::from(*value)),
            Self::Text(value) => match storable(value) {
                Cow::Borrowed(text) => ValueRef::Text(text.as_bytes()),
                Cow::Owned(text) => return Ok(text.into()),
            },
            Self::Bytes(value) => ValueRef::Blob(value),
        }))
    }
}

/// Distinguishes storage failures (full disk, I/O error), which may be temporary, and damaged files from bugs.
pub(in crate::metadata) fn failure(error: rusqlite::Error) -> Error {
    use rusqlite::ErrorCode::{
        CannotOpen, DatabaseBusy, DatabaseCorrupt, DatabaseLocked, DiskFull, NotADatabase, ReadOnly, SystemIoFailure,
    };
    match error.sqlite_error_code() {
        Some(DiskFull | SystemIoFailure | CannotOpen | DatabaseBusy | DatabaseLocked | ReadOnly) => Error::Unavailable(error.to_string()),
        Some(DatabaseCorrupt | NotADatabase) => Error::Damaged(error.to_string()),
        _ => Error::Internal(error.to_string()),
    }
}
