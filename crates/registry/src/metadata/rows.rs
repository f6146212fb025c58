//! Rows of query results, read column by column into types.

use super::parameters::Value;
use super::sqlite::statements as sqlite;
use crate::error::{Error, Result};
use roadstead_model::gallery::{ArtifactKind, Visibility};
use roadstead_model::{
    AliasStatus, Day, Digest, RegistryAlias, RegistryId, RepositoryKey, RepositoryName, Tag, Timestamp, UserId, media_type,
};
use std::cell::Cell;
use std::fmt::Display;

/// A type that can be read from the next columns of a row. Tuples are read from left to right.
pub(crate) trait FromRow: Sized {
    fn from_row(row: &Row<'_>) -> Result<Self>;
}

/// A type that can be read from one column.
pub(crate) trait FromColumn: Sized {
    fn from_column(value: Value<'_>) -> Result<Self>;
}

impl<T: FromColumn> FromRow for T {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        T::from_column(row.next_value()?)
    }
}

impl<T: FromColumn> FromColumn for Option<T> {
    fn from_column(value: Value<'_>) -> Result<Self> {
        if matches!(value, Value::Null) { Ok(None) } else { T::from_column(value).map(Some) }
    }
}

macro_rules! columns {
    ($($type:ty: $($stored:pat => $value:expr),+;)*) => {$(
        impl FromColumn for $type {
            fn from_column(value: Value<'_>) -> Result<Self> {
                match value {
                    $($stored => $value,)+
                    _ => Err(Error::Internal(concat!("a column holds no ", stringify!($type)).to_owned())),
                }
            }
        }
    )*};
}

columns! {
    i64: Value::Integer(number) => Ok(number);
    // Sizes and counts, which SQL stores as signed numbers.
    u64: Value::Integer(number) => Ok(u64::try_from(number).unwrap_or(0));
    // SQLite stores booleans as integers.
    bool: Value::Boolean(flag) => Ok(flag), Value::Integer(number) => Ok(number != 0);
    String: Value::Text(text) => Ok(text.to_owned());
    Vec<u8>: Value::Bytes(bytes) => Ok(bytes.to_vec());
    // Lists of texts are stored as JSON.
    Vec<String>: Value::Text(text) => parsed(text, serde_json::from_str(text));
    Day: Value::Integer(number) => Ok(Self::from_number(number));
    Timestamp: Value::Integer(number) => Ok(Self::from_micros(number));
    Digest: Value::Text(text) => parsed(text, Self::parse(text));
    Tag: Value::Text(text) => parsed(text, Self::parse(text));
    RegistryId: Value::Text(text) => parsed(text, Self::parse(text));
    RegistryAlias: Value::Text(text) => parsed(text, Self::parse(text));
    AliasStatus: Value::Text(text) => parsed(text, Self::parse(text));
    RepositoryName: Value::Text(text) => parsed(text, Self::parse(text));
    ArtifactKind: Value::Text(text) => parsed(text, Self::parse(text).ok_or("not a kind of artifacts"));
    Visibility: Value::Integer(code) => Self::from_code(code).ok_or_else(|| Error::Internal(format!("stored visibility {code}")));
    UserId: Value::Text(text) => parsed(text, Self::parse(text).ok_or("not a unique user id"));
}

/// Unwraps a text that was validated when it was written.
fn parsed<T, E: Display>(text: &str, result: std::result::Result<T, E>) -> Result<T> {
    result.map_err(|error| Error::Internal(format!("stored value '{text}': {error}")))
}

macro_rules! tuples {
    ($(($($column:ident),*))*) => {$(
        impl<$($column: FromRow),*> FromRow for ($($column,)*) {
            fn from_row(row: &Row<'_>) -> Result<Self> {
                Ok(($($column::from_row(row)?,)*))
            }
        }
    )*};
}

tuples! {
    (A, B)
    (A, B, C)
    (A, B, C, D)
}

impl FromRow for RepositoryKey {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self::new(row.read()?, row.read()?))
    }
}

/// A row of a query result. A column of an unexpected type is a bug, never the client's fault.
pub(crate) struct Row<'a> {
    row: EngineRow<'a>,
    next: Cell<usize>,
    text_bytes: Cell<usize>,
}

pub(super) enum EngineRow<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a tokio_postgres::Row),
}

impl<'a> Row<'a> {
    pub(super) fn new(row: EngineRow<'a>) -> Self {
        Self { row, next: Cell::new(0), text_bytes: Cell::new(0) }
    }

    /// Reads the next column or columns.
    pub(crate) fn read<T: FromRow>(&self) -> Result<T> {
        T::from_row(self)
    }

    /// Reads a media type. One that is longer than today's limit, stored before there was one, becomes [`media_type::UNKNOWN`].
    pub(crate) fn read_media_type(&self) -> Result<String> {
        Ok(self.read_optional_media_type()?.unwrap_or_else(|| media_type::UNKNOWN.to_owned()))
    }

    /// Reads a media type that may be absent. One that is longer than today's limit becomes `None`.
    pub(crate) fn read_optional_media_type(&self) -> Result<Option<String>> {
        match self.next_value()? {
            Value::Text(text) if text.len() > media_type::LONGEST => Ok(None),
            value => Option::from_column(value),
        }
    }

    /// The number of bytes of text read from this row so far. Pages are limited by it.
    pub(crate) fn text_bytes(&self) -> usize {
        self.text_bytes.get()
    }

    fn next_value(&self) -> Result<Value<'_>> {
        let column = self.next.replace(self.next.get() + 1);
        let value = match self.row {
            EngineRow::Sqlite(row) => sqlite::value(row, column)?,
            EngineRow::Postgres(row) => row.try_get(column).map_err(|error| Error::Internal(error.to_string()))?,
        };
        if let Value::Text(text) = value {
            self.text_bytes.set(self.text_bytes.get() + text.len());
        }
        Ok(value)
    }
}
