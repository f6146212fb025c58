//! Reading a blob.

use super::filesystem;
use crate::error::Result;
use bytes::Bytes;
use std::io::{self, ErrorKind};

/// A blob that is open for reading. Clones share it, and it can be read to its end even if it is deleted meanwhile.
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

    /// Exactly `length` bytes from `offset` on, without a copy; fails if the blob ends before.
    ///
    /// The bytes may be those of a mapped file, for the kernel to send (`writev`). If something else truncates the file meanwhile,
    /// sending them fails, but a process that accesses them itself is killed (`SIGBUS`). To access them, use [`Self::copy`].
    pub async fn read(&self, offset: u64, length: usize) -> Result<Bytes> {
        match &self.0 {
            Source::Memory(bytes) => slice(bytes, offset, length),
            Source::Filesystem(file) => file.read(offset, length).await,
        }
    }

    /// A copy of exactly `length` bytes from `offset` on; fails if the blob ends before. Keep `length` small: a reader that waits for
    /// its peer holds the copy.
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
