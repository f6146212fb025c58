//! Verifying what is stored in rows by its digest: manifests and small blobs.

use super::damage::{self, Damaged};
use super::progress::Progress;
use crate::error::{Error, Result};
use crate::metadata::{Cell, Cells, Metadata, Table};
use roadstead_model::Digest;

/// Verifies rows of a table. Those of most tables have no digest.
pub(super) async fn verify(table: &Table, database: &Metadata, rows: &[Cells], progress: &dyn Progress) -> Result<()> {
    let damaged = match table.name {
        "manifest_content" => Damaged::Manifest,
        "blob_content" => Damaged::Blob,
        _ => return Ok(()),
    };
    for row in rows {
        let (id, bytes) = content(row).ok_or_else(|| Error::Internal(format!("a row of '{}' cannot be read", table.name)))?;
        let digest = damage::digest_of(database, damaged, id).await?;
        if digest.is_none_or(|digest| Digest::of(digest.algorithm(), bytes) != digest) {
            let error = damage::error(database, damaged, id, "has other content than its digest says").await;
            if !progress.damaged(&error) {
                return Err(error);
            }
        }
    }
    Ok(())
}

/// The id and the bytes of a row that has nothing else.
fn content(Cells(row): &Cells) -> Option<(i64, &[u8])> {
    match row.as_slice() {
        [Cell::Integer(id), Cell::Bytes(bytes)] => Some((*id, bytes)),
        _ => None,
    }
}
