//! Whether a blob is as its row says.

use crate::blobs::BlobStore;
use crate::error::Result;
use crate::hashing::Hash;
use crate::installation::Installation;
use crate::metadata::{Tx, params, statements};
use crate::pace::Pace;
use crate::transfer::blob::{Blob, PAUSES};
use crate::transfer::damage::Wrong;
use futures_util::TryStreamExt;
use roadstead_model::Digest;
use std::pin::pin;
use tokio::time::sleep;

statements! {
    SELECT_CONTENT = "SELECT c.bytes FROM blob_content c WHERE c.blob_id = ?1";
    SELECT_KEY = "SELECT b.storage_key FROM blob b WHERE b.id = ?1";
}

impl Installation {
    /// What is wrong with a blob, if its row is still there. With a pace, its bytes are read and hashed. Fails only if the database or the
    /// store does not answer.
    pub(crate) async fn examine_blob(&self, blob: &Blob, pace: Option<&Pace>) -> Result<Option<Wrong>> {
        let wrong = match blob.key.is_empty() {
            true => self.wrong_in_row(blob).await?,
            false => wrong_in_store(&self.0.blobs, blob, pace).await?,
        };
        let Some(wrong) = wrong else { return Ok(None) };
        let select = async |tx: &mut Tx<'_>| tx.query_one::<String>(&SELECT_KEY, params![blob.id]).await;
        Ok(match self.0.metadata.salvage(select).await? {
            // It may have been deleted or mended meanwhile.
            Ok(key) if key.as_ref() != Some(&blob.key) => None,
            _ => Some(wrong),
        })
    }

    async fn wrong_in_row(&self, blob: &Blob) -> Result<Option<Wrong>> {
        let select = async |tx: &mut Tx<'_>| tx.query_one::<Vec<u8>>(&SELECT_CONTENT, params![blob.id]).await;
        Ok(match self.0.metadata.salvage(select).await? {
            Err(error) => Some(Wrong::Unreadable(error)),
            Ok(None) => Some(Wrong::Missing),
            Ok(Some(bytes)) if bytes.len() as u64 != blob.size => Some(Wrong::Size { found: bytes.len() as u64, expected: blob.size }),
            Ok(Some(bytes)) => (Digest::of(blob.digest.algorithm(), &bytes) != blob.digest).then_some(Wrong::Content),
        })
    }
}

/// What is wrong with a blob in a store. With a pace, its bytes are read and hashed. Fails only if the store does not answer.
pub(crate) async fn wrong_in_store(store: &BlobStore, blob: &Blob, pace: Option<&Pace>) -> Result<Option<Wrong>> {
    let mut pauses = PAUSES.iter().filter(|_| !store.fails_by_file());
    loop {
        match (wrong_now(store, blob, pace).await?, pauses.next()) {
            // Behind a network, that may soon be over.
            (Some(Wrong::Unreadable(_)), Some(pause)) => sleep(*pause).await,
            (wrong, _) => return Ok(wrong),
        }
    }
}

async fn wrong_now(store: &BlobStore, blob: &Blob, pace: Option<&Pace>) -> Result<Option<Wrong>> {
    let seen = blob.look(store).await?;
    let (None, Some(pace)) = (&seen, pace) else { return Ok(seen) };
    match has_digest(store, (&blob.key, blob.size), &blob.digest, pace).await {
        Ok(is_whole) => Ok((!is_whole).then_some(Wrong::Content)),
        Err(error) => {
            store.check_ready().await?;
            // It may have been deleted meanwhile.
            Ok(blob.look(store).await?.or_else(|| Some(Wrong::Unreadable(error.to_string()))))
        }
    }
}

/// Whether an object of this key and size has this digest.
pub(crate) async fn has_digest(store: &BlobStore, (key, size): (&str, u64), digest: &Digest, pace: &Pace) -> Result<bool> {
    let mut pieces = pin!(store.open_once(key, size).await?.pieces(size));
    let mut hash = Hash::new(digest.algorithm());
    while let Some(bytes) = pieces.try_next().await? {
        pace.wait_for(bytes.len() as u64).await;
        hash.update(&bytes);
    }
    Ok(hash.finish() == *digest)
}
