//! The rows of blobs in the copy of a database that a backup has.

use crate::error::Result;
use crate::metadata::{Metadata, Tx, params, statements};

statements! {
    SET_KEY = "UPDATE blob SET storage_key = ?1 WHERE id = ?2";
    COUNT_REPOSITORIES = "SELECT COUNT(*) FROM repository";
    COUNT_IMAGES = "SELECT COUNT(*) FROM manifest";
    COUNT_TAGS = "SELECT COUNT(*) FROM tag";
    COUNT_BLOBS = "SELECT COUNT(*), COALESCE(SUM(size), 0) FROM blob";
}

/// How much there is in a database.
pub(super) struct Counts {
    pub(super) repositories: u64,
    pub(super) images: u64,
    pub(super) tags: u64,
    pub(super) blobs: u64,
    pub(super) blob_bytes: u64,
}

/// Writes the keys of blobs in the place of the backup.
pub(super) async fn set_keys(database: &Metadata, keys: Vec<(i64, String)>) -> Result<()> {
    let set = async move |tx: &mut Tx<'_>| {
        for (id, key) in &keys {
            tx.execute(&SET_KEY, params![key, id]).await?;
        }
        Ok(())
    };
    database.write_lazily(set).await
}

pub(super) async fn count(database: &Metadata) -> Result<Counts> {
    let count = async |tx: &mut Tx<'_>| {
        let [repositories, images, tags] = [
            tx.query_one(&COUNT_REPOSITORIES, params![]).await?.unwrap_or(0),
            tx.query_one(&COUNT_IMAGES, params![]).await?.unwrap_or(0),
            tx.query_one(&COUNT_TAGS, params![]).await?.unwrap_or(0),
        ];
        let (blobs, blob_bytes) = tx.query_one(&COUNT_BLOBS, params![]).await?.unwrap_or((0, 0));
        Ok(Counts { repositories, images, tags, blobs, blob_bytes })
    };
    database.scan(count).await
}
