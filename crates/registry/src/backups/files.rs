//! Storing files as blobs, and fetching them.

use super::snapshot::StoredFile;
use crate::blobs::BlobStore;
use crate::disk::{blocking, permissions};
use crate::error::{Error, Result};
use crate::hashing::Hash;
use crate::transfer::blob::NewBlob;
use crate::transfer::damage::Wrong;
use bytes::Bytes;
use futures_util::TryStreamExt;
use roadstead_model::{Algorithm, Digest};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::pin::pin;
use uuid::Uuid;

/// The bytes of a file that are read at a time.
const READ: u64 = 1 << 20;

/// Stores a file, which nothing writes to.
pub(super) async fn store(path: &Path, to: &BlobStore) -> Result<StoredFile> {
    let (digest, size) = digest_of(path.to_owned()).await?;
    let mut stored = NewBlob::begin(to, &digest, Uuid::new_v4())?;
    let mut file = File::open(path)?;
    loop {
        let batch = read(&mut file)?;
        if batch.is_empty() {
            return Ok(StoredFile { digest: digest.to_string(), size, key: stored.finish().await? });
        }
        stored.push(batch).await?;
    }
}

/// Fetches a file. Refuses one that is damaged.
pub(super) async fn fetch(from: &BlobStore, stored: &StoredFile, to: &Path) -> Result<()> {
    let refuse = |wrong: Wrong| Err(Error::Refused(format!("one of its files {wrong}: use another snapshot")));
    if let Some(wrong) = stored.as_blob()?.look(from).await? {
        return refuse(wrong);
    }
    permissions::create_file(to)?;
    let mut file = permissions::file_options().write(true).truncate(true).open(to)?;
    let mut pieces = pin!(from.open(&stored.key, stored.size).await?.pieces(stored.size));
    while let Some(bytes) = pieces.try_next().await? {
        file.write_all(&bytes)?;
    }
    match digest_of(to.to_owned()).await? {
        (digest, _) if digest == stored.digest()? => Ok(()),
        _ => refuse(Wrong::Content),
    }
}

async fn digest_of(path: PathBuf) -> Result<(Digest, u64)> {
    blocking(move || {
        let (mut file, mut hash, mut size) = (File::open(path)?, Hash::new(Algorithm::Sha256), 0);
        loop {
            let batch = read(&mut file)?;
            if batch.is_empty() {
                return Ok::<_, io::Error>((hash.finish(), size));
            }
            size += batch.len() as u64;
            hash.update(&batch);
        }
    })
    .await
}

/// The next bytes of a file; none at its end.
fn read(file: &mut File) -> io::Result<Bytes> {
    let mut batch = Vec::new();
    file.take(READ).read_to_end(&mut batch)?;
    Ok(batch.into())
}
