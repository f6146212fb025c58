//! Reading a table past the rows that cannot be read.

use crate::error::Result;
use crate::metadata::{FromRow, Metadata, Sql, params};

/// The rows that are read at a time, and the fewer ones where some cannot be read.
const PAGES: [usize; 3] = [100, 10, 1];

/// The keys in which the end of a gap is looked for one by one: more than a page of the database has.
const NEAR: i64 = 1000;

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
    /// Whether rows between them may be readable.
    pub(super) is_rough: bool,
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
        let (after, last) = (self.after, self.end_of_gap::<T>().await?);
        let gap = Gap { after, last, is_rough: last.saturating_sub(after) > NEAR, error };
        self.after = last;
        Ok(Some(Part::Gap(gap)))
    }

    async fn read<T: FromRow>(&self, after: i64, page: usize) -> Result<std::result::Result<Vec<T>, String>> {
        self.metadata.salvage_rows(self.statement, params![after, page]).await
    }

    /// A key after which a row can be read, or the table ends: the least one, if it is near. Keys are not dense, so their number says
    /// nothing: farther on, in doubling steps to any such key, and then by halves. That may pass rows that can be read.
    async fn end_of_gap<T: FromRow>(&self) -> Result<i64> {
        let (mut bad, mut step) = (self.after, 1_i64);
        let mut good = loop {
            let next = self.after.saturating_add(step);
            if next == i64::MAX || self.read::<T>(next, 1).await?.is_ok() {
                break next;
            }
            (bad, step) = (next, if step < NEAR { step + 1 } else { step.saturating_mul(2) });
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
