//! Storing files as blobs, and fetching them.

use super::snapshot::StoredFile;
use crate::blobs::BlobStore;
use crate::disk::{blocking, permissions};
use crate::error::{Error, Result};
use crate::hashing::Hash;
use crate::transfer::blob::new_upload;
use bytes::Bytes;
use roadstead_model::{Algorithm, Digest};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// The bytes that are read at a time.
const READ: usize = 1 << 20;

/// Stores a file, which nothing writes to.
pub(super) async fn store(path: &Path, to: &BlobStore) -> Result<StoredFile> {
    let (digest, size) = digest_of(path.to_owned()).await?;
    let mut session = to.resume(new_upload(&digest, Uuid::new_v4())?);
    let mut file = File::open(path)?;
    let mut last = Vec::new();
    loop {
        let batch = read(&mut file)?;
        if batch.is_empty() {
            break;
        }
        if !last.is_empty() {
            session.ready().await?;
            session.append(std::mem::take(&mut last))?;
        }
        last.push(batch);
    }
    let key = session.finish(last).await?;
    Ok(StoredFile { digest: digest.to_string(), size, key })
}

/// Fetches a file, and fails if it has another digest.
pub(super) async fn fetch(from: &BlobStore, stored: &StoredFile, to: &Path) -> Result<()> {
    permissions::create_file(to)?;
    let mut file = permissions::file_options().write(true).truncate(true).open(to)?;
    let (reader, mut offset) = (from.open(&stored.key, stored.size).await?, 0);
    while offset < stored.size {
        let length = (READ as u64).min(stored.size - offset);
        file.write_all(&reader.copy(offset, length as usize).await?)?;
        offset += length;
    }
    match digest_of(to.to_owned()).await? {
        (digest, _) if digest == stored.digest()? => Ok(()),
        _ => Err(Error::Refused("a database in it has other content than its digest says: use another snapshot".to_owned())),
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
    file.take(READ as u64).read_to_end(&mut batch)?;
    Ok(batch.into())
}
