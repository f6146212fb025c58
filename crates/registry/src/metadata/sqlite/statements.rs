//! Statements, parameters and rows on a connection to SQLite.

use crate::error::{Error, Result};
use crate::metadata::parameters::Value;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, Row, ToSql, params_from_iter};
use std::ops::ControlFlow;

/// Runs a statement, and returns the number of rows that it changed.
pub(in crate::metadata) fn execute(connection: &Connection, sql: &str, parameters: &[Value<'_>]) -> Result<usize> {
    let mut statement = connection.prepare_cached(sql).map_err(failure)?;
    statement.execute(params_from_iter(parameters)).map_err(failure)
}

/// Runs a query, and calls `visit` for each row until it breaks.
pub(in crate::metadata) fn each_row(
    connection: &Connection,
    sql: &str,
    parameters: &[Value<'_>],
    mut visit: impl FnMut(&Row<'_>) -> Result<ControlFlow<()>>,
) -> Result<()> {
    let mut statement = connection.prepare_cached(sql).map_err(failure)?;
    let mut rows = statement.query(params_from_iter(parameters)).map_err(failure)?;
    while let Some(row) = rows.next().map_err(failure)? {
        if visit(row)?.is_break() {
            break;
        }
    }
    Ok(())
}

/// Runs several statements without parameters.
pub(in crate::metadata) fn execute_script(connection: &Connection, script: &str) -> Result<()> {
    connection.execute_batch(script).map_err(failure)
}

pub(in crate::metadata) fn integer(row: &Row<'_>, column: usize) -> Result<i64> {
    row.get(column).map_err(failure)
}

pub(in crate::metadata) fn boolean(row: &Row<'_>, column: usize) -> Result<bool> {
    row.get(column).map_err(failure)
}

pub(in crate::metadata) fn text<'r>(row: &'r Row<'_>, column: usize) -> Result<Option<&'r str>> {
    row.get_ref(column).map_err(failure)?.as_str_or_null().map_err(|error| Error::Internal(error.to_string()))
}

pub(in crate::metadata) fn bytes<'r>(row: &'r Row<'_>, column: usize) -> Result<Option<&'r [u8]>> {
    row.get_ref(column).map_err(failure)?.as_blob_or_null().map_err(|error| Error::Internal(error.to_string()))
}

impl ToSql for Value<'_> {
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

/// Tells a failure of the storage, which may pass (a full disk, failing input or output), from a defect.
pub(in crate::metadata) fn failure(error: rusqlite::Error) -> Error {
    use rusqlite::ErrorCode::{CannotOpen, DatabaseBusy, DatabaseLocked, DiskFull, ReadOnly, SystemIoFailure};
    match error.sqlite_error_code() {
        Some(DiskFull | SystemIoFailure | CannotOpen | DatabaseBusy | DatabaseLocked | ReadOnly) => Error::Unavailable(error.to_string()),
        _ => Error::Internal(error.to_string()),
    }
}
