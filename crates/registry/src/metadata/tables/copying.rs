//! Reading and writing the rows of any table in the order of its primary key.

use super::{Cell, Cells, Column, GROUP, Table};
use crate::error::Result;
use crate::metadata::{Metadata, Parameter, Tx, Value};
use roadstead_model::PageSize;
use roadstead_model::page::Filling;

/// The rows that are read at a time.
const PAGE: u64 = 500;
/// The rows that are read at a time if they have bytes, such as manifests of up to 4 MiB.
const PAGE_WITH_BYTES: u64 = 32;

impl Table {
    /// The number of rows.
    pub(crate) async fn count(&self, database: &Metadata) -> Result<u64> {
        let count = async |tx: &mut Tx<'_>| tx.query_one(&self.statements.count, &[]).await;
        Ok(database.scan(count).await?.unwrap_or(0))
    }

    /// The key of the last row.
    pub(crate) async fn last_key(&self, database: &Metadata) -> Result<Option<Cells>> {
        let last = async |tx: &mut Tx<'_>| tx.query_one(&self.statements.last, &[]).await;
        Ok(database.read(last).await?.map(|cells| self.typed(cells)))
    }

    /// The rows after a key, or the first ones; none if there are no more.
    pub(crate) async fn page(&self, database: &Metadata, after: Option<&Cells>) -> Result<Vec<Cells>> {
        database.scan(async |tx: &mut Tx<'_>| self.read_page(tx, after).await).await
    }

    /// The rows after a key as a transaction sees them, or the first ones; none if there are no more.
    pub(in crate::metadata) async fn read_page(&self, tx: &mut Tx<'_>, after: Option<&Cells>) -> Result<Vec<Cells>> {
        let first = self.before_all();
        let has_bytes = self.columns.iter().any(|column| matches!(column, Column::Bytes(_)));
        let size = PageSize::clamped(if has_bytes { PAGE_WITH_BYTES } else { PAGE });
        let limit = Cell::Integer(size.with_one_more() - 1);
        let Cells(after) = after.unwrap_or(&first);
        let parameters: Vec<Value<'_>> = after.iter().chain([&limit]).map(Parameter::value).collect();
        let mut page = Filling::new(size);
        tx.fill(&mut page, &self.statements.page, &parameters).await?;
        Ok(page.into_items().into_iter().map(|cells| self.typed(cells)).collect())
    }

    /// Inserts rows, which become durable with the next durable write.
    pub(crate) async fn insert(&'static self, database: &Metadata, rows: Vec<Cells>) -> Result<()> {
        database.write_lazily(async move |tx: &mut Tx<'_>| self.write_rows(tx, &rows).await).await
    }

    /// Inserts rows within a transaction.
    pub(in crate::metadata) async fn write_rows(&self, tx: &mut Tx<'_>, rows: &[Cells]) -> Result<()> {
        let groups = rows.chunks_exact(GROUP);
        for row in groups.remainder() {
            tx.execute(&self.statements.insert, &values([row])).await?;
        }
        for group in groups {
            tx.execute(&self.statements.insert_group, &values(group)).await?;
        }
        Ok(())
    }

    /// The key of a row.
    pub(crate) fn key_of(&self, Cells(row): &Cells) -> Cells {
        Cells(row[..self.key].to_vec())
    }

    /// A key that precedes that of every row.
    fn before_all(&self) -> Cells {
        let least = |column: &Column| match column {
            Column::Integer(_) => Cell::Integer(i64::MIN),
            Column::Boolean(_) => Cell::Boolean(false),
            Column::Text(_) => Cell::Text(String::new()),
            Column::Bytes(_) => Cell::Bytes(Vec::new()),
        };
        Cells(self.columns[..self.key].iter().map(least).collect())
    }

    /// A row with its booleans, which SQLite stores as numbers.
    fn typed(&self, Cells(row): Cells) -> Cells {
        let typed = |(column, cell): (&Column, Cell)| match (column, cell) {
            (Column::Boolean(_), Cell::Integer(number)) => Cell::Boolean(number != 0),
            (_, cell) => cell,
        };
        Cells(self.columns.iter().zip(row).map(typed).collect())
    }

    /// The statements, for the test of portability.
    #[cfg(test)]
    pub(crate) fn statements(&self) -> [&crate::metadata::Sql; 5] {
        let super::Statements { count, last, page, insert, insert_group } = &self.statements;
        [count, last, page, insert, insert_group]
    }
}

fn values<'a>(rows: impl IntoIterator<Item = &'a Cells>) -> Vec<Value<'a>> {
    rows.into_iter().flat_map(|Cells(row)| row.iter().map(Parameter::value)).collect()
}
