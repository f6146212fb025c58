//! Objects as the rest of the store uses them.

use super::bucket::Bucket;
use super::layout;
use super::reader::Reader;
use super::room::Room;
use super::state::State;
use crate::error::{Error, Result};
use crate::hashing::Hash;
use object_store::multipart::MultipartStore;
use object_store::{Error as StoreError, ObjectStoreExt};
use roadstead_model::{Algorithm, Digest};
use std::sync::Arc;

/// The bucket, and the room for bytes that are to be sent to it.
pub(super) struct Objects {
    pub(super) bucket: Bucket,
    pub(super) room: Arc<Room>,
    /// Whether the server lists unfinished multipart uploads by the beginning of their keys.
    pub(super) lists_unfinished: bool,
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl Objects {
    /// Returns the size of an object in bytes.
    pub(super) async fn size(&self, key: &str) -> Result<u64> {
        Ok(self.bucket.client.head(&self.bucket.path(&layout::name(key))).await?.size)
    }

    /// Reads an object and computes its digest.
    pub(super) async fn digest(self: &Arc<Self>, key: &str, size: u64, algorithm: Algorithm) -> Result<Digest> {
        const STEP: u64 = 256 << 10;
        let (reader, mut hash, mut offset) = (Reader::new(self.clone(), key, size), Hash::new(algorithm), 0);
        while offset < size {
            let bytes = reader.read(offset, STEP.min(size - offset) as usize).await?;
            hash.update(&bytes);
            offset += bytes.len() as u64;
        }
        Ok(hash.finish())
    }

    pub(super) async fn delete(&self, key: &str) {
        let deleted = self.bucket.client.delete(&self.bucket.path(&layout::name(key))).await;
        warn("delete an object", key, deleted);
    }

    pub(super) async fn abort(&self, key: &str, id: &str) {
        let path = self.bucket.path(&layout::name(key));
        warn("abort a multipart upload", key, self.bucket.client.abort_multipart(&path, &id.to_owned()).await);
    }

    /// Deletes what an upload has stored.
    pub(super) async fn delete_all(&self, state: State) {
        if let Some(multipart) = state.multipart {
            self.abort(&multipart.key, &multipart.id).await;
        }
        for tail in state.tails {
            self.delete(&tail.key).await;
        }
    }

    /// Aborts the multipart uploads of an upload, as far as the server lists them.
    pub(super) async fn abort_all(&self, upload: &str) {
        if !self.lists_unfinished {
            return;
        }
        let mut after = None;
        loop {
            let page = match self.bucket.unfinished(&layout::of_upload(upload), after.as_ref()).await {
                Ok(page) => page,
                failed => return warn("list multipart uploads", upload, failed.map(drop)),
            };
            for unfinished in &page.uploads {
                if let Some((key, _)) = self.bucket.relative(&unfinished.key).and_then(layout::parse) {
                    self.abort(key, &unfinished.upload_id).await;
                }
            }
            after = page.next();
            if after.is_none() {
                return;
            }
        }
    }
}

fn warn(doing: &str, what: &str, done: object_store::Result<()>) {
    match done {
        Ok(()) | Err(StoreError::NotFound { .. }) => {}
        Err(error) => tracing::warn!(%error, what, "cannot {doing}"),
    }
}
