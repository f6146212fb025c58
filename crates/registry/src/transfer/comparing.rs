//! Comparing a table of both sides: the number of its rows, and a hash over them.

use super::progress::Progress;
use crate::error::{Error, Result};
use crate::metadata::{Cell, Cells, Column, Metadata, Table};
use sha2::{Digest, Sha256};

/// The rows of a table on one side.
#[derive(PartialEq, Eq)]
struct Sum {
    rows: u64,
    hash: [u8; 32],
}

/// Fails unless both sides have the same rows. Returns their number.
pub(super) async fn compare(table: &Table, from: &Metadata, to: &Metadata, progress: &dyn Progress) -> Result<u64> {
    let [source, target] = [sum(table, from, progress).await?, sum(table, to, progress).await?];
    if source == target {
        return Ok(source.rows);
    }
    let difference = match (source.rows, target.rows) {
        (here, there) if here == there => format!("some of the {here} rows differ"),
        (here, there) => format!("the source has {here} rows and the target {there}"),
    };
    Err(Error::Refused(format!(
        "the table '{}' is not the same on both sides: {difference}. If the source was used since the copy began, empty the target and copy again",
        table.name
    )))
}

async fn sum(table: &Table, database: &Metadata, progress: &dyn Progress) -> Result<Sum> {
    let (mut rows, mut hash, mut after) = (0, Sha256::new(), None);
    loop {
        let page = table.page(database, after.as_ref()).await?;
        let Some(last) = page.last() else { return Ok(Sum { rows, hash: hash.finalize().into() }) };
        after = Some(table.key_of(last));
        rows += page.len() as u64;
        for Cells(row) in &page {
            table.columns.iter().zip(row).for_each(|(column, cell)| add(&mut hash, *column, cell));
        }
        progress.compared(table.name, rows);
    }
}

/// Adds a value to a hash so that different rows never add the same bytes. Each store has its own keys of blobs.
fn add(hash: &mut Sha256, column: Column, cell: &Cell) {
    let (kind, bytes): (u8, &[u8]) = match cell {
        Cell::Text(key) if column == Column::Text("storage_key") => (u8::from(key.is_empty()), &[]),
        Cell::Null => (2, &[]),
        Cell::Integer(number) => (3, &number.to_be_bytes()),
        Cell::Boolean(flag) => (4, &[u8::from(*flag)]),
        Cell::Text(text) => (5, text.as_bytes()),
        Cell::Bytes(bytes) => (6, bytes),
    };
    hash.update([kind]);
    hash.update((bytes.len() as u64).to_be_bytes());
    hash.update(bytes);
}
