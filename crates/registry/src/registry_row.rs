//! Rows of registries. A registry is an account's collection of repositories.

use crate::error::{Error, Result};
use crate::metadata::{Tx, params, statements};
use roadstead_model::{RegistryId, Timestamp};

statements! {
    SELECT_VERIFIED = "SELECT verified FROM registry WHERE id = ?1";
    INSERT = "INSERT INTO registry (id, verified, repository_count, created_at) VALUES (?1, FALSE, 0, ?2) ON CONFLICT (id) DO NOTHING";
}

/// Whether a registry is verified. `None` if it does not exist.
pub(crate) async fn find(tx: &mut Tx<'_>, id: &RegistryId) -> Result<Option<bool>> {
    tx.query_one(&SELECT_VERIFIED, params![id]).await
}

/// Fails unless the registry exists.
pub(crate) async fn require(tx: &mut Tx<'_>, id: &RegistryId) -> Result<()> {
    find(tx, id).await?.map(drop).ok_or_else(|| Error::RegistryNotFound(id.to_string()))
}

/// Inserts a registry. Returns `false` if it exists.
pub(crate) async fn insert(tx: &mut Tx<'_>, id: &RegistryId, now: Timestamp) -> Result<bool> {
    Ok(tx.execute(&INSERT, params![id, now]).await? > 0)
}
