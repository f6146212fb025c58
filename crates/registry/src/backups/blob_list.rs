//! The blobs that a snapshot needs, as a file beside its databases: the ids that [`upload_of`] gives them, of 16 bytes each. With it,
//! deleting old snapshots reads no database of those that are kept.

use super::copies::upload_of;
use super::files;
use super::snapshot::StoredFile;
use crate::blobs::BlobStore;
use crate::error::Result;
use roadstead_model::Digest;
use std::collections::HashSet;
use std::path::Path;

/// The bytes of an id.
const ID: usize = 16;

/// A list that is being made.
#[derive(Default)]
pub(super) struct BlobList(Vec<u8>);

impl BlobList {
    pub(super) fn add(&mut self, digest: &Digest) {
        self.0.extend_from_slice(upload_of(digest).as_bytes());
    }

    /// Stores the list by way of this path.
    pub(super) async fn store(&self, path: &Path, to: &BlobStore) -> Result<StoredFile> {
        std::fs::write(path, &self.0)?;
        files::store(path, to).await
    }
}

/// Adds the ids in a stored list, which is fetched to this path. Fails if it is damaged.
pub(super) async fn read(from: &BlobStore, list: &StoredFile, path: &Path, ids: &mut HashSet<u128>) -> Result<()> {
    files::fetch(from, list, path).await?;
    let bytes = std::fs::read(path)?;
    ids.extend(bytes.as_chunks::<ID>().0.iter().map(|id| u128::from_be_bytes(*id)));
    Ok(())
}
