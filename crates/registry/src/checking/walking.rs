//! Reading a table past the rows that cannot be read.

use crate::error::Result;
use crate::metadata::{FromRow, Metadata, Sql, params};

/// The rows that are read at a time, and the fewer ones where some cannot be read.
const PAGES: [usize; 3] = [100, 10, 1];

/// A row with an integer key, which is not negative.
pub(super) trait Keyed {
    fn key(&self) -> i64;
}

/// The rows of a table, in the order of their keys.
pub(super) struct Walk<'a> {
    metadata: &'a Metadata,
    /// Takes the key to begin after, and the number of rows.
    statement: &'a Sql,
    after: i64,
}

/// A part of a table.
pub(super) enum Part<T> {
    Rows(Vec<T>),
    Gap(Gap),
}

/// Keys whose rows cannot be read.
#[derive(Debug, Clone)]
pub(super) struct Gap {
    /// The last key before them, and the last one of them.
    pub(super) after: i64,
    pub(super) last: i64,
    /// Why not.
    pub(super) error: String,
}

impl<'a> Walk<'a> {
    pub(super) const fn new(metadata: &'a Metadata, statement: &'a Sql) -> Self {
        Self { metadata, statement, after: -1 }
    }

    /// The next part, or `None` at the end. Fails only if the database does not answer.
    pub(super) async fn next<T: FromRow + Keyed>(&mut self) -> Result<Option<Part<T>>> {
        let mut error = String::new();
        for page in PAGES {
            match self.read::<T>(self.after, page).await? {
                Ok(rows) => {
                    let Some(last) = rows.last() else { return Ok(None) };
                    self.after = last.key();
                    return Ok(Some(Part::Rows(rows)));
                }
                Err(why) => error = why,
            }
        }
        let gap = Gap { after: self.after, last: self.end_of_gap::<T>().await?, error };
        self.after = gap.last;
        Ok(Some(Part::Gap(gap)))
    }

    async fn read<T: FromRow>(&self, after: i64, page: usize) -> Result<std::result::Result<Vec<T>, String>> {
        self.metadata.salvage_rows(self.statement, params![after, page]).await
    }

    /// The least key after which a row can be read, or the table ends. Keys are not dense, so their number says nothing: in doubling
    /// steps to any such key, and then by halves.
    async fn end_of_gap<T: FromRow>(&self) -> Result<i64> {
        let (mut bad, mut step) = (self.after, 1_i64);
        let mut good = loop {
            let next = self.after.saturating_add(step);
            if next == i64::MAX || self.read::<T>(next, 1).await?.is_ok() {
                break next;
            }
            (bad, step) = (next, step.saturating_mul(2));
        };
        while good - bad > 1 {
            let middle = bad + (good - bad) / 2;
            match self.read::<T>(middle, 1).await? {
                Ok(_) => good = middle,
                Err(_) => bad = middle,
            }
        }
        Ok(good)
    }
}
