//! Reading an object as a stream: one request to the server for all bytes that follow each other.

use super::layout;
use super::objects::Objects;
use crate::error::{Error, Result};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use object_store::{GetOptions, ObjectStore};
use std::fmt;
use std::io::ErrorKind;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// How long the server may take for the next bytes.
const STALLED: Duration = Duration::from_secs(15);

/// The bytes that a response may have in memory: what the client reads from its connection at a time, twice.
pub(in crate::blobs) const READ_AHEAD: usize = 832 << 10;

/// The bytes that a request has in memory besides those of its response: tasks, a connection with its buffers, and TLS.
pub(in crate::blobs) const REQUEST: usize = 128 << 10;

/// How often a stream that breaks off is continued without having brought a byte.
const ATTEMPTS: u32 = 5;

/// An object, or a part of it, that is read from front to back. Clones share its stream.
#[derive(Clone)]
pub(crate) struct Reader {
    objects: Arc<Objects>,
    key: Arc<str>,
    /// The size of the object in bytes.
    size: u64,
    range: Range<u64>,
    stream: Arc<Mutex<Option<Stream>>>,
}

/// A response that is being received.
struct Stream {
    /// The offset of the first byte of `rest`.
    offset: u64,
    rest: Bytes,
    following: BoxStream<'static, object_store::Result<Bytes>>,
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("key", &self.key).field("range", &self.range).finish_non_exhaustive()
    }
}

impl Reader {
    pub(super) fn new(objects: Arc<Objects>, key: &str, size: u64) -> Self {
        Self { objects, key: key.into(), size, range: 0..size, stream: Arc::default() }
    }

    /// Returns a reader for a part, with a stream of its own.
    pub(in crate::blobs) fn slice(&self, start: u64, length: u64) -> Self {
        Self { range: start..start.saturating_add(length), stream: Arc::default(), ..self.clone() }
    }

    /// Requests the first bytes. Fails if the object does not exist, has another size, or ends before the part.
    pub(in crate::blobs) async fn begin(&self) -> Result<()> {
        if self.range.end > self.size {
            return Err(std::io::Error::from(ErrorKind::UnexpectedEof).into());
        }
        if !self.range.is_empty() {
            *self.stream.lock().await = Some(self.request(self.range.start).await?);
        }
        Ok(())
    }

    /// Returns exactly `length` bytes from `offset` on.
    pub(in crate::blobs) async fn read(&self, offset: u64, length: usize) -> Result<Bytes> {
        if offset.checked_add(length as u64).is_none_or(|end| end > self.size) {
            return Err(std::io::Error::from(ErrorKind::UnexpectedEof).into());
        }
        let mut shared = self.stream.lock().await;
        let first = self.read_some(&mut shared, offset, length).await?;
        if first.len() == length {
            return Ok(first);
        }
        let mut all = BytesMut::with_capacity(length);
        all.extend_from_slice(&first);
        while all.len() < length {
            let next = self.read_some(&mut shared, offset + all.len() as u64, length - all.len()).await?;
            all.extend_from_slice(&next);
        }
        Ok(all.freeze())
    }

    /// Returns at most `length` bytes from `offset` on, and at least one if `length` is not zero.
    async fn read_some(&self, shared: &mut Option<Stream>, offset: u64, length: usize) -> Result<Bytes> {
        if length == 0 {
            return Ok(Bytes::new());
        }
        let mut attempts = 0;
        loop {
            // The stream is taken out, so that one whose reading is cancelled or fails is not used again.
            let read = match shared.take().filter(|stream| stream.offset == offset) {
                Some(stream) => stream.next(length).await,
                None => self.request(offset).await?.next(length).await,
            };
            match read {
                Ok((bytes, stream)) => {
                    *shared = Some(stream);
                    return Ok(bytes);
                }
                Err(error) if attempts == ATTEMPTS => return Err(error),
                Err(error) => {
                    tracing::debug!(%error, key = &*self.key, offset, "an object is read on after its response broke off");
                    attempts += 1;
                    super::multiparts::pause(attempts).await;
                }
            }
        }
    }

    /// Requests the bytes from `offset` to the end of the range.
    async fn request(&self, offset: u64) -> Result<Stream> {
        let end = if self.range.contains(&offset) { self.range.end } else { self.size };
        let options = GetOptions { range: Some((offset..end).into()), ..GetOptions::default() };
        let path = self.objects.bucket.path(&layout::name(&self.key));
        let found = self.objects.bucket.client.get_opts(&path, options).await?;
        if found.meta.size != self.size {
            let (key, found) = (&self.key, found.meta.size);
            return Err(Error::Internal(format!(
                "the stored blob '{key}' has {found} bytes, not {}: something else changed it",
                self.size
            )));
        }
        Ok(Stream { offset, rest: Bytes::new(), following: found.into_stream() })
    }
}

impl Stream {
    async fn next(mut self, length: usize) -> Result<(Bytes, Self)> {
        while self.rest.is_empty() {
            let next = tokio::time::timeout(STALLED, self.following.next()).await;
            let next = next.map_err(|_| Error::Unavailable("S3 sends nothing".to_owned()))?;
            self.rest = next.ok_or_else(|| Error::from(std::io::Error::from(ErrorKind::UnexpectedEof)))??;
        }
        let bytes = self.rest.split_to(length.min(self.rest.len()));
        self.offset += bytes.len() as u64;
        Ok((bytes, self))
    }
}
