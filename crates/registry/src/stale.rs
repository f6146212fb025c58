//! Marks of repositories whose entry and postings in the search index are out of date.
//!
//! Every change that lists or searches show makes a mark in its transaction. The indexer (`search/refreshing.rs`) does the rest later,
//! so that a push pays for one small row only.
//!
//! A mark counts the changes since it was made in its lower 32 bits. The upper ones are drawn when it is made, and so tell it apart from
//! marks before and after it: an indexer that was interrupted, while another one took over, must not take a later mark for its own.

use crate::error::Result;
use crate::metadata::{Tx, params, statements};
use crate::secrets::random;
use roadstead_model::RegistryId;

statements! {
    MARK = "INSERT INTO gallery_stale (repository_id, changes) VALUES (?1, ?2)
        ON CONFLICT (repository_id) DO UPDATE SET changes = gallery_stale.changes + 1";
    MARK_REGISTRY = "INSERT INTO gallery_stale (repository_id, changes) SELECT id, ?2 FROM repository WHERE registry_id = ?1
        ON CONFLICT (repository_id) DO UPDATE SET changes = gallery_stale.changes + 1";
}

/// Marks the repository with this row id, which may just have been deleted.
pub(crate) async fn mark(tx: &mut Tx<'_>, repository: i64) -> Result<()> {
    tx.send(&MARK, params![repository, first_change()?]).await
}

/// Marks all repositories of a registry.
pub(crate) async fn mark_registry(tx: &mut Tx<'_>, registry: &RegistryId) -> Result<()> {
    tx.execute(&MARK_REGISTRY, params![registry, first_change()?]).await.map(drop)
}

/// The number of a mark's first change.
pub(crate) fn first_change() -> Result<i64> {
    Ok(i64::from(u32::from_ne_bytes(random()?) >> 1) << 32)
}

/// Whether two numbers of changes are of the same mark.
pub(crate) const fn are_of_one_mark(one: i64, other: i64) -> bool {
    one >> 32 == other >> 32
}
