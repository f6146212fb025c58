//! Rows whose columns are known only when the program runs.

use crate::error::Result;
use crate::metadata::{FromColumn, FromRow, Parameter, Row, Value};

/// A value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell {
    Null,
    Integer(i64),
    Boolean(bool),
    Text(String),
    Bytes(Vec<u8>),
}

/// The values of a row. In a query, their number precedes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cells(pub(crate) Vec<Cell>);

impl FromColumn for Cell {
    fn from_column(value: Value<'_>) -> Result<Self> {
        Ok(match value {
            Value::Null => Self::Null,
            Value::Integer(number) => Self::Integer(number),
            Value::Boolean(flag) => Self::Boolean(flag),
            Value::Text(text) => Self::Text(text.to_owned()),
            Value::Bytes(bytes) => Self::Bytes(bytes.to_vec()),
        })
    }
}

impl FromRow for Cells {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let count: u64 = row.read()?;
        (0..count).map(|_| row.read()).collect::<Result<_>>().map(Self)
    }
}

impl Parameter for Cell {
    fn value(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Integer(number) => Value::Integer(*number),
            Self::Boolean(flag) => Value::Boolean(*flag),
            Self::Text(text) => Value::Text(text),
            Self::Bytes(bytes) => Value::Bytes(bytes),
        }
    }
}
