//! Reading blobs.

use super::filesystem;
use crate::error::Result;
use bytes::Bytes;
use std::io::{self, ErrorKind};

/// A blob that is open for reading, even if it is deleted meanwhile. Clones share it.
#[derive(Debug, Clone)]
pub struct BlobReader(Source);

#[derive(Debug, Clone)]
enum Source {
    Memory(Bytes),
    Filesystem(filesystem::OpenFile),
}

impl BlobReader {
    pub(crate) fn of_bytes(bytes: Bytes) -> Self {
        Self(Source::Memory(bytes))
    }

    pub(super) fn of_file(file: filesystem::OpenFile) -> Self {
        Self(Source::Filesystem(file))
    }

    /// Returns exactly `length` bytes from `offset` on, without copying them. Fails if the blob ends before.
    ///
    /// The bytes may belong to a mapped file and are meant for the kernel to send (`writev`). If another program truncates the file,
    /// sending them fails, but accessing them in this process raises `SIGBUS`. To access them, use [`Self::copy`].
    pub async fn read(&self, offset: u64, length: usize) -> Result<Bytes> {
        match &self.0 {
            Source::Memory(bytes) => slice(bytes, offset, length),
            Source::Filesystem(file) => file.read(offset, length).await,
        }
    }

    /// Returns a copy of exactly `length` bytes from `offset` on. Fails if the blob ends before. Keep `length` small, because the copy
    /// is held while the peer is slow to read.
    pub async fn copy(&self, offset: u64, length: usize) -> Result<Bytes> {
        match &self.0 {
            Source::Memory(bytes) => slice(bytes, offset, length),
            Source::Filesystem(file) => file.copy(offset, length).await,
        }
    }
}

fn slice(bytes: &Bytes, offset: u64, length: usize) -> Result<Bytes> {
    let range = usize::try_from(offset).ok().and_then(|start| Some(start..start.checked_add(length)?));
    let range = range.filter(|range| range.end <= bytes.len()).ok_or_else(|| io::Error::from(ErrorKind::UnexpectedEof))?;
    Ok(bytes.slice(range))
}
