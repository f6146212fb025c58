//! Reading blobs.

use super::{filesystem, s3};
use crate::error::Result;
use bytes::Bytes;
use futures_util::stream::{self, Stream};
use std::io::{self, ErrorKind};

/// The bytes that are read at a time of what is read as a whole.
const PIECE: u64 = 256 << 10;

/// A blob that is open for reading, even if it is deleted meanwhile. Clones share it.
#[derive(Debug, Clone)]
pub struct BlobReader(Source);

#[derive(Debug, Clone)]
enum Source {
    Memory(Bytes),
    Filesystem(filesystem::OpenFile),
    S3(s3::Reader),
}

impl BlobReader {
    pub(crate) fn of_bytes(bytes: Bytes) -> Self {
        Self(Source::Memory(bytes))
    }

    pub(super) fn of_file(file: filesystem::OpenFile) -> Self {
        Self(Source::Filesystem(file))
    }

    pub(super) fn of_object(object: s3::Reader) -> Self {
        Self(Source::S3(object))
    }

    /// Returns a reader for a part of the blob, of which nothing else is going to be read. It is fastest from front to back.
    #[must_use]
    pub fn slice(&self, start: u64, length: u64) -> Self {
        match &self.0 {
            Source::Memory(_) | Source::Filesystem(_) => self.clone(),
            Source::S3(object) => Self::of_object(object.slice(start, length)),
        }
    }

    /// Begins to read a [slice](Self::slice). Fails if it cannot be read.
    pub async fn part(&self, start: u64, length: u64) -> Result<Self> {
        let part = self.slice(start, length);
        if let Source::S3(object) = &part.0 {
            object.begin().await?;
        }
        Ok(part)
    }

    /// How many bytes may be in memory while `length` bytes are read, besides those that were read.
    pub fn read_ahead(&self, length: u64) -> usize {
        match &self.0 {
            Source::Memory(_) | Source::Filesystem(_) => 0,
            Source::S3(_) => s3::REQUEST + (s3::READ_AHEAD as u64).min(length) as usize,
        }
    }

    /// Returns exactly `length` bytes from `offset` on, without copying them. Fails if the blob ends before.
    ///
    /// The bytes may belong to a mapped file and are meant for the kernel to send (`writev`). If another program truncates the file,
    /// sending them fails, but accessing them in this process raises `SIGBUS`. To access them, use [`Self::copy`].
    pub async fn read(&self, offset: u64, length: usize) -> Result<Bytes> {
        match &self.0 {
            Source::Memory(bytes) => slice(bytes, offset, length),
            Source::Filesystem(file) => file.read(offset, length).await,
            Source::S3(object) => object.read(offset, length).await,
        }
    }

    /// Returns a copy of exactly `length` bytes from `offset` on. Fails if the blob ends before. Keep `length` small, because the copy
    /// is held while the peer is slow to read.
    pub async fn copy(&self, offset: u64, length: usize) -> Result<Bytes> {
        match &self.0 {
            Source::Memory(bytes) => slice(bytes, offset, length),
            Source::Filesystem(file) => file.copy(offset, length).await,
            Source::S3(object) => object.read(offset, length).await,
        }
    }

    /// The bytes of the blob, which has this size, from front to back. They are [copies](Self::copy).
    pub(crate) fn pieces(self, size: u64) -> impl Stream<Item = Result<Bytes>> + Send + 'static {
        stream::try_unfold((self, 0), move |(reader, offset)| async move {
            let length = PIECE.min(size - offset);
            if length == 0 {
                return Ok(None);
            }
            let bytes = reader.copy(offset, length as usize).await?;
            Ok(Some((bytes, (reader, offset + length))))
        })
    }
}

fn slice(bytes: &Bytes, offset: u64, length: usize) -> Result<Bytes> {
    let range = usize::try_from(offset).ok().and_then(|start| Some(start..start.checked_add(length)?));
    let range = range.filter(|range| range.end <= bytes.len()).ok_or_else(|| io::Error::from(ErrorKind::UnexpectedEof))?;
    Ok(bytes.slice(range))
}
