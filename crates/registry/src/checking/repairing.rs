//! Repairs.

use super::copies::SecondCopy;
use super::examining::has_digest;
use crate::blobs::BlobStore;
use crate::error::{Error, Result};
use crate::installation::Installation;
use crate::metadata::{Metadata, Tx, params, statements};
use crate::pace::Pace;
use crate::repository_blob::BlobInfo;
use crate::transfer::blob::{Blob, NewBlob};
use crate::uploads::completing;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt};
use roadstead_model::Digest;
use std::pin::pin;
use uuid::Uuid;

statements! {
    SET_OBJECT = "UPDATE blob SET storage_key = ?1, size = ?2 WHERE id = ?3 AND storage_key = ?4";
    SET_CONTENT = "INSERT INTO blob_content (blob_id, bytes) SELECT b.id, ?2 FROM blob b WHERE b.id = ?1 AND b.storage_key = ''
        ON CONFLICT (blob_id) DO UPDATE SET bytes = excluded.bytes";
    SET_SIZE = "UPDATE blob SET size = ?2 WHERE id = ?1";
    SET_MANIFEST = "INSERT INTO manifest_content (manifest_id, bytes) SELECT m.id, ?2 FROM manifest m WHERE m.id = ?1
        ON CONFLICT (manifest_id) DO UPDATE SET bytes = excluded.bytes";
    DELETE_USES_OF_NOTHING = "DELETE FROM manifest_blob WHERE NOT EXISTS (SELECT 1 FROM blob b WHERE b.id = manifest_blob.blob_id)";
    DELETE_LINKS_TO_NOTHING = "DELETE FROM repository_blob WHERE NOT EXISTS (SELECT 1 FROM blob b WHERE b.id = repository_blob.blob_id)";
}

/// What became of a repair. The error is why it was not possible.
pub(super) type Repair = std::result::Result<(), String>;

/// What became of a repair that needs rows that may be damaged themselves.
pub(super) async fn tried(repair: impl Future<Output = Result<Repair>>) -> Result<Repair> {
    match repair.await {
        Err(Error::Damaged(reason) | Error::Internal(reason)) => Ok(Err(reason)),
        repair => repair,
    }
}

/// Finds the bytes of a blob and lets its row name them.
pub(super) async fn repair_blob(installation: &Installation, copies: &[&dyn SecondCopy], blob: &Blob) -> Result<Repair> {
    if blob.key.is_empty() {
        return repair_small_blob(installation, copies, blob).await;
    }
    let (store, metadata) = (&installation.0.blobs, &installation.0.metadata);
    let (key, size) = match find(store, copies, &blob.digest, Some(&blob.key)).await {
        Ok(found) => found,
        Err(reason) => return Ok(Err(reason)),
    };
    let (new, id, old) = (key.clone(), blob.id, blob.key.clone());
    let set = async move |tx: &mut Tx<'_>| tx.execute(&SET_OBJECT, params![new, size, id, old]).await;
    let is_set = metadata.write(set).await? > 0;
    if key != blob.key {
        store.delete(if is_set { &blob.key } else { &key }).await;
    }
    Ok(if is_set { Ok(()) } else { Err("it has been deleted meanwhile".to_owned()) })
}

async fn repair_small_blob(installation: &Installation, copies: &[&dyn SecondCopy], blob: &Blob) -> Result<Repair> {
    let largest = installation.limits().small_blob_bytes as u64;
    let bytes = match fetch_small(copies, &blob.digest, largest.max(blob.size)).await {
        Ok(bytes) => bytes,
        Err(reason) => return Ok(Err(reason)),
    };
    let (id, size) = (blob.id, bytes.len() as u64);
    let set = async move |tx: &mut Tx<'_>| {
        tx.execute(&SET_SIZE, params![id, size]).await?;
        tx.execute(&SET_CONTENT, params![id, bytes[..]]).await
    };
    match installation.0.metadata.write(set).await? {
        0 => Ok(Err("it has been deleted meanwhile".to_owned())),
        _ => Ok(Ok(())),
    }
}

/// Makes the row of a blob whose bytes are found, and returns its id.
pub(super) async fn add_blob(
    installation: &Installation,
    copies: &[&dyn SecondCopy],
    digest: &Digest,
) -> Result<std::result::Result<i64, String>> {
    let store = &installation.0.blobs;
    let (key, size) = match find(store, copies, digest, None).await {
        Ok(found) => found,
        Err(reason) => return Ok(Err(reason)),
    };
    let (blob, now, stored) = (BlobInfo { digest: digest.clone(), size }, installation.now(), key.clone());
    let insert = async move |tx: &mut Tx<'_>| {
        let row = tx.next_id(now);
        let is_new = completing::insert_object(tx, row, &blob, &stored, now).await?;
        Ok(is_new.then_some(row))
    };
    let row = installation.0.metadata.write(insert).await?;
    if row.is_none() {
        store.delete(&key).await;
    }
    Ok(row.ok_or_else(|| "it has been pushed meanwhile".to_owned()))
}

/// Replaces the content of a manifest.
pub(super) async fn repair_manifest(installation: &Installation, copies: &[&dyn SecondCopy], id: i64, digest: &Digest) -> Result<Repair> {
    let mut reason = nowhere(copies);
    for copy in copies {
        match copy.manifest(digest).await {
            Ok(Some(bytes)) if Digest::of(digest.algorithm(), &bytes) == *digest => {
                let set = async move |tx: &mut Tx<'_>| tx.execute(&SET_MANIFEST, params![id, bytes[..]]).await;
                installation.0.metadata.write(set).await?;
                return Ok(Ok(()));
            }
            Ok(Some(_)) => reason = "the other place has other content".to_owned(),
            Ok(None) => {}
            Err(error) => reason = error.to_string(),
        }
    }
    Ok(Err(reason))
}

/// Deletes links to blobs that have no row.
pub(super) async fn delete_links_to_nothing(metadata: &Metadata) -> Result<Repair> {
    let delete = async |tx: &mut Tx<'_>| {
        tx.execute(&DELETE_USES_OF_NOTHING, params![]).await?;
        tx.execute(&DELETE_LINKS_TO_NOTHING, params![]).await.map(|_| Ok(()))
    };
    metadata.write(delete).await
}

/// An object with this content that no upload and no deletion touches: that of this key, or a new one. The error is why there is none.
///
/// Other objects of this digest are copied, never adopted. They belong to uploads, which may still write to them or, when they find the
/// row of the blob, delete them.
async fn find(
    store: &BlobStore,
    copies: &[&dyn SecondCopy],
    digest: &Digest,
    key: Option<&str>,
) -> std::result::Result<(String, u64), String> {
    if let Some(key) = key
        && let Ok(Some(size)) = store.size(key).await
        && has_digest(store, (key, size), digest, &Pace::new(None)).await.unwrap_or(false)
    {
        return Ok((key.to_owned(), size));
    }
    let mut reason = nowhere(copies);
    let named = store.named(digest).await.unwrap_or_else(|error| {
        reason = format!("the store cannot be searched for other copies: {error}");
        Vec::new()
    });
    for (other, size) in named {
        if Some(other.as_str()) == key {
            continue;
        }
        match copy(store, (&other, size), digest).await {
            Ok(found) => return Ok(found),
            // It is damaged too, or gone.
            Err(Error::LayerDigestMismatch { .. }) => {}
            Err(error) => reason = error.to_string(),
        }
    }
    for copy in copies {
        match fetch(store, *copy, digest).await {
            Ok(Some(found)) => return Ok(found),
            Ok(None) => {}
            Err(error) => reason = error.to_string(),
        }
    }
    Err(reason)
}

fn nowhere(copies: &[&dyn SecondCopy]) -> String {
    (if copies.is_empty() { "name a place that has it with --from" } else { "the other places do not have it" }).to_owned()
}

/// Copies an object of the store to a new one.
async fn copy(store: &BlobStore, (key, size): (&str, u64), digest: &Digest) -> Result<(String, u64)> {
    let pieces = store.open_once(key, size).await?.pieces(size);
    keep(store, pin!(pieces), digest).await
}

/// Fetches a blob into the store.
async fn fetch(store: &BlobStore, copy: &dyn SecondCopy, digest: &Digest) -> Result<Option<(String, u64)>> {
    match copy.blob(digest).await? {
        Some(pieces) => keep(store, pieces, digest).await.map(Some),
        None => Ok(None),
    }
}

/// Stores a blob, and verifies it.
async fn keep(store: &BlobStore, mut pieces: impl Stream<Item = Result<Bytes>> + Unpin, digest: &Digest) -> Result<(String, u64)> {
    let (mut stored, mut size) = (NewBlob::begin(store, digest, Uuid::new_v4())?, 0);
    while let Some(bytes) = pieces.try_next().await? {
        size += bytes.len() as u64;
        stored.push(bytes).await?;
    }
    Ok((stored.finish().await?, size))
}

/// Fetches a blob of at most `largest` bytes. The error is why that is not possible.
async fn fetch_small(copies: &[&dyn SecondCopy], digest: &Digest, largest: u64) -> std::result::Result<Bytes, String> {
    let mut reason = nowhere(copies);
    for copy in copies {
        match read_small(*copy, digest, largest).await {
            Ok(Some(bytes)) if Digest::of(digest.algorithm(), &bytes) == *digest => return Ok(bytes),
            Ok(Some(_)) => reason = "the other place has other content".to_owned(),
            Ok(None) => {}
            Err(error) => reason = error.to_string(),
        }
    }
    Err(reason)
}

async fn read_small(copy: &dyn SecondCopy, digest: &Digest, largest: u64) -> Result<Option<Bytes>> {
    let Some(mut stream) = copy.blob(digest).await? else { return Ok(None) };
    let mut content = Vec::new();
    while let Some(bytes) = stream.next().await {
        content.extend_from_slice(&bytes?);
        if content.len() as u64 > largest {
            return Err(Error::Refused("the other place has a larger blob".to_owned()));
        }
    }
    Ok(Some(content.into()))
}
