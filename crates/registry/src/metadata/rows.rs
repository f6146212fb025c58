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
    i64: row => row.integer();
    // Sizes and counts, which SQL stores as signed numbers.
    u64: row => Ok(u64::try_from(row.integer()?).unwrap_or(0));
    bool: row => row.boolean();
    String: row => row.text().map(str::to_owned);
    Option<String>: row => Ok(row.optional_text()?.map(str::to_owned));
    Vec<u8>: row => row.bytes()?.map(<[u8]>::to_vec).ok_or_else(is_null);
    Option<Vec<u8>>: row => Ok(row.bytes()?.map(<[u8]>::to_vec));
    Timestamp: row => row.integer().map(Self::from_micros);
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

    /// Reads the next column, a text that was checked when it was written.
    pub(crate) fn read_parsed<T, E: Display>(&self, parse: impl FnOnce(&str) -> std::result::Result<T, E>) -> Result<T> {
        let text = self.text()?;
        parse(text).map_err(|error| Error::Internal(format!("stored value '{text}': {error}")))
    }

    /// Reads the next column, a media type. One that was stored before there was a bound to them is given as unknown.
    pub(crate) fn read_media_type(&self) -> Result<String> {
        Ok(self.read_optional_media_type()?.unwrap_or_else(|| media_type::UNKNOWN.to_owned()))
    }

    /// The same where there need not be one.
    pub(crate) fn read_optional_media_type(&self) -> Result<Option<String>> {
        Ok(self.optional_text()?.filter(|text| text.len() <= media_type::LONGEST).map(str::to_owned))
    }

    /// How many bytes of text have been read so far, as they are stored.
    pub(crate) fn text_bytes(&self) -> usize {
        self.text_bytes.get()
    }

    /// The number of the next column, which the caller reads.
    fn advance(&self) -> usize {
        self.next.replace(self.next.get() + 1)
    }

    fn integer(&self) -> Result<i64> {
        match self.row {
            EngineRow::Sqlite(row) => sqlite::integer(row, self.advance()),
        }
    }

    fn boolean(&self) -> Result<bool> {
        match self.row {
            EngineRow::Sqlite(row) => sqlite::boolean(row, self.advance()),
        }
    }

    fn text(&self) -> Result<&str> {
        self.optional_text()?.ok_or_else(is_null)
    }

    /// A text in the engine's memory; `None` for NULL.
    fn optional_text(&self) -> Result<Option<&str>> {
        let text = match self.row {
            EngineRow::Sqlite(row) => sqlite::text(row, self.advance())?,
        };
        self.text_bytes.set(self.text_bytes.get() + text.map_or(0, str::len));
        Ok(text)
    }

    fn bytes(&self) -> Result<Option<&[u8]>> {
        match self.row {
            EngineRow::Sqlite(row) => sqlite::bytes(row, self.advance()),
        }
    }
}

fn is_null() -> Error {
    Error::Internal("a column that must have a value is NULL".to_owned())
}
