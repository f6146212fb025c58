//! Rows of answers, read column by column into types.

use super::sqlite::statements as sqlite;
use crate::error::{Error, Result};
use roadstead_model::{AliasStatus, Digest, RegistryAlias, RegistryId, RepositoryKey, RepositoryName, Tag, Timestamp, UserId, media_type};
use std::cell::Cell;
use std::fmt::Display;

/// What a row, or the next columns of one, can be read as. Tuples are read from left to right.
pub(crate) trait FromRow: Sized {
    fn from_row(row: &Row<'_>) -> Result<Self>;
}

macro_rules! columns {
    ($($type:ty: $row:ident => $value:expr;)*) => {$(
        impl FromRow for $type {
            fn from_row($row: &Row<'_>) -> Result<Self> {
                $value
            }
        }
    )*};
}

columns! {
    i64: row => row.integer(row.take_column());
    u64: row => row.unsigned(row.take_column());
    bool: row => row.boolean(row.take_column());
    String: row => row.text(row.take_column());
    Option<String>: row => row.optional_text(row.take_column());
    Vec<u8>: row => row.bytes(row.take_column());
    Option<Vec<u8>>: row => row.optional_bytes(row.take_column());
    Timestamp: row => row.read().map(Self::from_micros);
    Digest: row => row.read_parsed(Self::parse);
    Tag: row => row.read_parsed(Self::parse);
    RegistryId: row => row.read_parsed(Self::parse);
    RegistryAlias: row => row.read_parsed(Self::parse);
    AliasStatus: row => row.read_parsed(Self::parse);
    RepositoryName: row => row.read_parsed(Self::parse);
    UserId: row => row.read_parsed(|text| Self::parse(text).ok_or("no unique id of a user"));
    RepositoryKey: row => Ok(Self::new(row.read()?, row.read()?));
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

/// One row of an answer. A column of another type than asked for is a defect, never the client's doing.
pub(crate) struct Row<'a> {
    row: EngineRow<'a>,
    /// The column that [`Self::read`] reads next.
    next: Cell<usize>,
    /// What a page is measured by.
    text_bytes: Cell<usize>,
}

pub(super) enum EngineRow<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
}

impl<'a> Row<'a> {
    pub(super) fn new(row: EngineRow<'a>) -> Self {
        Self { row, next: Cell::new(0), text_bytes: Cell::new(0) }
    }

    /// Reads the next column, or the next columns.
    pub(crate) fn read<T: FromRow>(&self) -> Result<T> {
        T::from_row(self)
    }

    /// The number of the column that comes next, which is thereby read.
    fn take_column(&self) -> usize {
        self.next.replace(self.next.get() + 1)
    }

    /// Reads the next column, a text that was checked when it was written.
    pub(crate) fn read_parsed<T, E: Display>(&self, parse: impl FnOnce(&str) -> std::result::Result<T, E>) -> Result<T> {
        self.parsed(self.take_column(), parse)
    }

    /// Reads the next column, a media type. One that was stored before there was a bound to them is given as unknown.
    pub(crate) fn read_media_type(&self) -> Result<String> {
        self.media_type(self.take_column())
    }

    /// The same where there need not be one.
    pub(crate) fn read_optional_media_type(&self) -> Result<Option<String>> {
        self.optional_media_type(self.take_column())
    }

    /// How many bytes of text have been read from it so far, as long as they are stored.
    pub(crate) fn text_bytes(&self) -> usize {
        self.text_bytes.get()
    }

    /// A text in the engine's memory; `None` for NULL.
    fn borrowed_text(&self, column: usize) -> Result<Option<&str>> {
        let text = match self.row {
            EngineRow::Sqlite(row) => sqlite::text(row, column)?,
        };
        self.text_bytes.set(self.text_bytes.get() + text.map_or(0, str::len));
        Ok(text)
    }

    fn some_text(&self, column: usize) -> Result<&str> {
        self.borrowed_text(column)?.ok_or_else(|| is_null(column))
    }

    pub(crate) fn integer(&self, column: usize) -> Result<i64> {
        match self.row {
            EngineRow::Sqlite(row) => sqlite::integer(row, column),
        }
    }

    pub(crate) fn boolean(&self, column: usize) -> Result<bool> {
        match self.row {
            EngineRow::Sqlite(row) => sqlite::boolean(row, column),
        }
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
        self.optional_bytes(column)?.ok_or_else(|| is_null(column))
    }

    pub(crate) fn optional_bytes(&self, column: usize) -> Result<Option<Vec<u8>>> {
        let bytes = match self.row {
            EngineRow::Sqlite(row) => sqlite::bytes(row, column)?,
        };
        Ok(bytes.map(<[u8]>::to_vec))
    }

    /// A column that was checked when it was written.
    pub(crate) fn parsed<T, E: Display>(&self, column: usize, parse: impl FnOnce(&str) -> std::result::Result<T, E>) -> Result<T> {
        let text = self.some_text(column)?;
        parse(text).map_err(|error| Error::Internal(format!("stored value '{text}': {error}")))
    }
}

fn is_null(column: usize) -> Error {
    Error::Internal(format!("column {column} is NULL"))
}
