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
use futures_util::{StreamExt, TryStreamExt};
use roadstead_model::Digest;
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

/// Finds the bytes of a blob and lets its row name them.
pub(super) async fn repair_blob(installation: &Installation, copies: &[&dyn SecondCopy], blob: &Blob) -> Result<Repair> {
    if blob.key.is_empty() {
        return repair_small_blob(installation, copies, blob).await;
    }
    let (store, metadata) = (&installation.0.blobs, &installation.0.metadata);
    let (key, size) = match find(store, copies, &blob.digest, Some(&blob.key)).await? {
        Ok(found) => found,
        Err(reason) => return Ok(Err(reason)),
    };
    let (new, id, old) = (key.clone(), blob.id, blob.key.clone());
    let set = async move |tx: &mut Tx<'_>| tx.execute(&SET_OBJECT, params![new, size, id, old]).await;
    if metadata.write(set).await? == 0 {
        return Ok(Err("it has been deleted meanwhile".to_owned()));
    }
    if key != blob.key {
        store.delete(&blob.key).await;
    }
    Ok(Ok(()))
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
    let (key, size) = match find(&installation.0.blobs, copies, digest, None).await? {
        Ok(found) => found,
        Err(reason) => return Ok(Err(reason)),
    };
    let (blob, now) = (BlobInfo { digest: digest.clone(), size }, installation.now());
    let insert = async move |tx: &mut Tx<'_>| {
        let row = tx.next_id(now);
        let is_new = completing::insert_object(tx, row, &blob, &key, now).await?;
        Ok(is_new.then_some(row))
    };
    let row = installation.0.metadata.write(insert).await?;
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
pub(super) async fn delete_links_to_nothing(metadata: &Metadata) -> Result<()> {
    let delete = async |tx: &mut Tx<'_>| {
        tx.execute(&DELETE_USES_OF_NOTHING, params![]).await?;
        tx.execute(&DELETE_LINKS_TO_NOTHING, params![]).await.map(drop)
    };
    metadata.write(delete).await
}

/// An object of the store with this content: one that is there, or one that is fetched. The error is why there is none.
async fn find(
    store: &BlobStore,
    copies: &[&dyn SecondCopy],
    digest: &Digest,
    key: Option<&str>,
) -> Result<std::result::Result<(String, u64), String>> {
    let mut there = store.named(digest).await?;
    if let Some(key) = key
        && let Some(size) = store.size(key).await?
    {
        there.push((key.to_owned(), size));
    }
    for (key, size) in there {
        if has_digest(store, (&key, size), digest, &Pace::new(None)).await.unwrap_or(false) {
            return Ok(Ok((key, size)));
        }
    }
    let mut reason = nowhere(copies);
    for copy in copies {
        match fetch(store, *copy, digest).await {
            Ok(Some(found)) => return Ok(Ok(found)),
            Ok(None) => {}
            Err(error) => reason = error.to_string(),
        }
    }
    Ok(Err(reason))
}

fn nowhere(copies: &[&dyn SecondCopy]) -> String {
    (if copies.is_empty() { "name a place that has it with --from" } else { "the other places do not have it" }).to_owned()
}

/// Fetches a blob into the store, which verifies it.
async fn fetch(store: &BlobStore, copy: &dyn SecondCopy, digest: &Digest) -> Result<Option<(String, u64)>> {
    let Some(mut stream) = copy.blob(digest).await? else { return Ok(None) };
    let (mut stored, mut size) = (NewBlob::begin(store, digest, Uuid::new_v4())?, 0);
    while let Some(bytes) = stream.try_next().await? {
        size += bytes.len() as u64;
        stored.push(bytes).await?;
    }
    Ok(Some((stored.finish().await?, size)))
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
