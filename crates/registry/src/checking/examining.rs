//! Whether a blob is as its row says.

use crate::blobs::BlobStore;
use crate::error::Result;
use crate::hashing::Hash;
use crate::installation::Installation;
use crate::metadata::{Tx, params, statements};
use crate::pace::Pace;
use crate::transfer::blob::Blob;
use futures_util::TryStreamExt;
use roadstead_model::Digest;
use std::pin::pin;

statements! {
    SELECT_CONTENT = "SELECT c.bytes FROM blob_content c WHERE c.blob_id = ?1";
    SELECT_KEY = "SELECT b.storage_key FROM blob b WHERE b.id = ?1";
}

/// What is wrong with a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wrong {
    Missing,
    Size(u64),
    Content,
    Unreadable(String),
}

impl Wrong {
    /// Completes a sentence that begins with the blob.
    pub(crate) fn text(&self, blob: &Blob) -> String {
        match self {
            Self::Missing => "is not in the store".to_owned(),
            Self::Size(size) => format!("has {size} bytes in the store instead of {}", blob.size),
            Self::Content => "has other content than its digest says".to_owned(),
            Self::Unreadable(error) => format!("cannot be read: {error}"),
        }
    }
}

impl Installation {
    /// What is wrong with a blob, if its row is still there. With a pace, its bytes are read and hashed.
    pub(crate) async fn examine_blob(&self, blob: &Blob, pace: Option<&Pace>) -> Result<Option<Wrong>> {
        let Some(wrong) = self.wrong_with(blob, pace).await? else { return Ok(None) };
        let key: Option<String> = self.0.metadata.read(async |tx: &mut Tx<'_>| tx.query_one(&SELECT_KEY, params![blob.id]).await).await?;
        // It may have been deleted or mended meanwhile.
        Ok(key.filter(|key| *key == blob.key).map(|_| wrong))
    }

    async fn wrong_with(&self, blob: &Blob, pace: Option<&Pace>) -> Result<Option<Wrong>> {
        if blob.key.is_empty() {
            let select = async |tx: &mut Tx<'_>| tx.query_one::<Vec<u8>>(&SELECT_CONTENT, params![blob.id]).await;
            let content = self.0.metadata.read(select).await?;
            return Ok(match content {
                None => Some(Wrong::Missing),
                Some(bytes) if bytes.len() as u64 != blob.size => Some(Wrong::Size(bytes.len() as u64)),
                Some(bytes) => (Digest::of(blob.digest.algorithm(), &bytes) != blob.digest).then_some(Wrong::Content),
            });
        }
        match (self.0.blobs.size(&blob.key).await?, pace) {
            (None, _) => Ok(Some(Wrong::Missing)),
            (Some(size), _) if size != blob.size => Ok(Some(Wrong::Size(size))),
            (_, None) => Ok(None),
            (_, Some(pace)) => Ok(match has_digest(&self.0.blobs, (&blob.key, blob.size), &blob.digest, pace).await {
                Ok(true) => None,
                Ok(false) => Some(Wrong::Content),
                Err(error) => Some(Wrong::Unreadable(error.to_string())),
            }),
        }
    }
}

/// Whether an object of this key and size has this digest.
pub(super) async fn has_digest(store: &BlobStore, (key, size): (&str, u64), digest: &Digest, pace: &Pace) -> Result<bool> {
    let mut pieces = pin!(store.open_once(key, size).await?.pieces(size));
    let mut hash = Hash::new(digest.algorithm());
    while let Some(bytes) = pieces.try_next().await? {
        pace.wait_for(bytes.len() as u64).await;
        hash.update(&bytes);
    }
    Ok(hash.finish() == *digest)
}
