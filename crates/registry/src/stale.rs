//! Marks of repositories whose entry and postings in the search index are out of date.
//!
//! Every change that lists or searches show makes a mark in its transaction. The indexer (`search/refreshing.rs`) does the rest later,
//! so that a push pays for one small row only.

use crate::error::Result;
use crate::metadata::{Tx, params, statements};
use roadstead_model::RegistryId;

statements! {
    MARK = "INSERT INTO gallery_stale (repository_id, changes) VALUES (?1, 1)
        ON CONFLICT (repository_id) DO UPDATE SET changes = gallery_stale.changes + 1";
    MARK_REGISTRY = "INSERT INTO gallery_stale (repository_id, changes) SELECT id, 1 FROM repository WHERE registry_id = ?1
        ON CONFLICT (repository_id) DO UPDATE SET changes = gallery_stale.changes + 1";
}

/// Marks the repository with this row id, which may just have been deleted.
pub(crate) async fn mark(tx: &mut Tx<'_>, repository: i64) -> Result<()> {
    tx.execute(&MARK, params![repository]).await.map(drop)
}

/// Marks all repositories of a registry.
pub(crate) async fn mark_registry(tx: &mut Tx<'_>, registry: &RegistryId) -> Result<()> {
    tx.execute(&MARK_REGISTRY, params![registry]).await.map(drop)
}
