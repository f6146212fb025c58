//! Links between repositories and blobs, for use within transactions.

use crate::error::Result;
use crate::metadata::{FromRow, Parameter, Row, Tx, params, statements};
use crate::repository_blob::{BlobInfo, BlobRow};
use roadstead_model::{Digest, Timestamp};

statements! {
    SELECT_LINKED = "SELECT b.id, b.digest, b.size FROM blob b
        JOIN repository_blob l ON l.blob_id = b.id AND l.repository_id = ?1 WHERE b.digest = ?2";
    // Renews an existing link, so that the new push gets the full grace period.
    pub(crate) LINK = "INSERT INTO repository_blob (repository_id, blob_id, created_at)
        SELECT r.id, b.id, ?3 FROM repository r JOIN blob b ON b.digest = ?2 WHERE r.id = ?1
        ON CONFLICT (repository_id, blob_id) DO UPDATE SET created_at = excluded.created_at";
}

/// Returns for each digest the blob, if the repository holds it.
pub(crate) async fn find_all_linked(tx: &mut Tx<'_>, repository: i64, digests: &[&Digest]) -> Result<Vec<Option<BlobRow>>> {
    let lists: Vec<_> = digests.iter().map(|digest| [repository.value(), Digest::value(digest)]).collect();
    tx.query_each(&SELECT_LINKED, &lists).await
}

/// Returns the blob of this digest, if the repository holds it.
pub(crate) async fn find_linked(tx: &mut Tx<'_>, repository: i64, digest: &Digest) -> Result<Option<BlobRow>> {
    tx.query_one(&SELECT_LINKED, params![repository, digest]).await
}

/// Adds a blob to a repository, or restarts its grace period.
pub(crate) async fn link(tx: &mut Tx<'_>, repository: i64, blob: &Digest, now: Timestamp) -> Result<()> {
    tx.execute(&LINK, params![repository, blob, now]).await.map(drop)
}

impl FromRow for BlobRow {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self { id: row.read()?, info: BlobInfo { digest: row.read()?, size: row.read()? } })
    }
}

/// The key of a blob in the blob store. `None` for a small blob, whose column is empty.
pub(crate) struct StorageKey(pub(crate) Option<String>);

impl FromRow for StorageKey {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self(Some(row.read()?).filter(|key: &String| !key.is_empty())))
    }
}
