//! Bodies of responses: bytes in memory, or a part of a blob that is read while it is sent.

use super::budget::Share;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use roadstead_model::Digest;
use roadstead_registry::BlobReader;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The size in bytes of the frames of a mapped blob.
const FRAME: usize = 2 << 20;
/// The size in bytes of the copies on a connection that sends one response at a time.
const COPY: usize = 64 << 10;
/// The size in bytes of the frames of a body in memory. If the client does not read its stream, the remaining ones can be dropped.
const PIECE: usize = 64 << 10;

/// The size in bytes from which a response takes a share of the budget for its bytes. A smaller one is covered by the share of
/// its HTTP/2 stream, or by that of its HTTP/1.1 connection, which sends one response at a time.
pub(super) const LARGE: usize = 16 * 1024;

/// How bytes of a blob are passed to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobAccess {
    /// As mapped pages, for connections that pass them to the kernel untouched.
    Mapped,
    /// As copies of at most this many bytes, for connections that read them: TLS encrypts, and HTTP/2 copies short frames.
    /// Mapped bytes must not be read in user space, because a truncated file would raise SIGBUS (see `roadstead_registry`'s
    /// mapping).
    Copied(usize),
}

impl BlobAccess {
    /// Returns the access that a connection needs. An HTTP/2 client that does not read keeps one frame of each stream in memory,
    /// so frames are as small as on the wire. An HTTP/1.1 connection has only one, and larger frames save system calls.
    pub fn of(version: http::Version, is_secure: bool) -> Self {
        match (version, is_secure) {
            (http::Version::HTTP_2, _) => Self::Copied(16 << 10),
            (_, true) => Self::Copied(COPY),
            (_, false) => Self::Mapped,
        }
    }

    pub async fn read(self, reader: &BlobReader, offset: u64, length: usize) -> io::Result<Bytes> {
        let bytes = match self {
            Self::Mapped => reader.read(offset, length).await,
            Self::Copied(most) => reader.copy(offset, length.min(most)).await,
        };
        bytes.map_err(io::Error::other)
    }
}

/// The body of a response.
#[derive(Debug)]
pub enum Body {
    /// Bytes in memory, possibly none.
    Full {
        /// The bytes not sent yet.
        bytes: Bytes,
        /// The digest of the whole, if it is large content that other responses may also be sending.
        digest: Option<Digest>,
    },
    /// A part of a blob, read while it is sent.
    Blob(BlobPart),
}

impl Body {
    pub const fn empty() -> Self {
        Self::Full { bytes: Bytes::new(), digest: None }
    }

    /// The whole content of a digest.
    pub fn content(digest: &Digest, bytes: Bytes) -> Self {
        let digest = (bytes.len() >= LARGE).then(|| digest.clone());
        Self::Full { bytes, digest }
    }

    /// The number of bytes that are in memory at a time. Mapped pages are page cache, which the kernel can reclaim.
    pub(super) fn in_memory(&self) -> usize {
        match self {
            Self::Full { bytes, .. } => bytes.len(),
            Self::Blob(BlobPart { access: BlobAccess::Copied(most), remaining, read_ahead, .. }) => {
                read_ahead + (*most as u64).min(*remaining) as usize
            }
            Self::Blob(_) => 0,
        }
    }

    /// `length` bytes of a blob from offset `start` on. The caller must have checked that they exist.
    pub fn blob(reader: BlobReader, start: u64, length: u64) -> Self {
        let read_ahead = reader.read_ahead(length);
        let read = move |offset, length, access: BlobAccess| -> BlobFuture {
            let reader = reader.clone();
            Box::pin(async move { access.read(&reader, offset, length).await })
        };
        Self::streamed(start, length, read_ahead, read)
    }

    /// `length` bytes from offset `start` on. `read` returns between one byte and the number of bytes requested, and has at most
    /// `read_ahead` more in memory.
    pub fn streamed(
        start: u64,
        length: u64,
        read_ahead: usize,
        read: impl Fn(u64, usize, BlobAccess) -> BlobFuture + Send + 'static,
    ) -> Self {
        let (read, access) = (Box::new(read), BlobAccess::Mapped);
        Self::Blob(BlobPart { read, access, read_ahead, room: None, reading: None, offset: start, remaining: length })
    }

    /// Sets the share in which a blob begins to be read.
    pub(crate) fn in_room(mut self, room: Option<Share>) -> Self {
        if let Self::Blob(part) = &mut self {
            part.room = room;
        }
        self
    }

    /// Releases the share in which a blob began to be read.
    pub(super) fn leave_room(&mut self) {
        if let Self::Blob(part) = self {
            part.room = None;
        }
    }

    /// Sets how bytes of a blob are passed to the connection.
    pub(crate) fn set_access(&mut self, access: BlobAccess) {
        if let Self::Blob(part) = self {
            // What comes from a network is nowhere mapped.
            part.access = if part.read_ahead > 0 && access == BlobAccess::Mapped { BlobAccess::Copied(COPY) } else { access };
        }
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(bytes: T) -> Self {
        Self::Full { bytes: bytes.into(), digest: None }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Self::Full { bytes, .. } => Poll::Ready(next_piece(bytes).map(|bytes| Ok(Frame::data(bytes)))),
            Self::Blob(part) => part.poll_next(context).map(|next| next.map(|result| result.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        http_body::Body::size_hint(self).exact() == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Self::Full { bytes, .. } => bytes.len() as u64,
            Self::Blob(part) => part.remaining,
        })
    }
}

fn next_piece(rest: &mut Bytes) -> Option<Bytes> {
    (!rest.is_empty()).then(|| rest.split_to(rest.len().min(PIECE)))
}

/// A pending read of a blob.
pub(crate) type BlobFuture = Pin<Box<dyn Future<Output = io::Result<Bytes>> + Send>>;

/// A part of a blob that is being sent. Frames are read when the connection polls for them, so a slow client holds only one in
/// memory.
pub struct BlobPart {
    read: Box<dyn Fn(u64, usize, BlobAccess) -> BlobFuture + Send>,
    access: BlobAccess,
    /// In bytes.
    read_ahead: usize,
    /// Until the response has a share.
    room: Option<Share>,
    reading: Option<BlobFuture>,
    offset: u64,
    remaining: u64,
}

impl fmt::Debug for BlobPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobPart").field("offset", &self.offset).field("remaining", &self.remaining).finish_non_exhaustive()
    }
}

impl BlobPart {
    /// Returns the next frame. When a read fails, the head has already been sent, so the error is logged and ends the
    /// connection, which tells the client that the body is incomplete.
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if self.remaining == 0 {
            return Poll::Ready(None);
        }
        let wanted = self.remaining.min(FRAME as u64) as usize;
        let reading = self.reading.get_or_insert_with(|| (self.read)(self.offset, wanted, self.access));
        let result = ready!(reading.as_mut().poll(context));
        self.reading = None;
        let result = result.and_then(|bytes| match bytes.len() {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            length if length > wanted => Err(io::Error::other("more bytes than requested")),
            _ => Ok(bytes),
        });
        match &result {
            Ok(bytes) => {
                self.offset += bytes.len() as u64;
                self.remaining -= bytes.len() as u64;
            }
            Err(error) => {
                tracing::error!(%error, offset = self.offset, "cannot read a blob while sending it");
                self.remaining = 0;
            }
        }
        Poll::Ready(Some(result))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;
    use parking_lot::Mutex;
    use std::sync::Arc;

    type Reads = Arc<Mutex<Vec<(u64, usize)>>>;

    /// A blob whose bytes are their offsets modulo 251. Reads are recorded, and return at most `at_most` bytes.
    fn part(start: u64, length: u64, at_most: usize) -> (Body, Reads) {
        let reads = Reads::new(Mutex::new(Vec::new()));
        let recorded = reads.clone();
        let body = Body::streamed(start, length, 0, move |offset, length, _| {
            recorded.lock().push((offset, length));
            Box::pin(async move { Ok((offset..offset + length.min(at_most) as u64).map(|at| (at % 251) as u8).collect()) })
        });
        (body, reads)
    }

    #[tokio::test]
    async fn a_part_of_a_blob_is_sent_in_frames_and_announces_its_length() {
        let length = 2 * FRAME as u64 + 5;
        let (body, reads) = part(7, length, usize::MAX);
        assert_eq!(http_body::Body::size_hint(&body).exact(), Some(length));
        let sent = body.collect().await.unwrap().to_bytes();
        assert_eq!(sent.len() as u64, length);
        assert!(sent.iter().enumerate().all(|(at, byte)| *byte == ((at as u64 + 7) % 251) as u8));
        assert_eq!(*reads.lock(), [(7, FRAME), (7 + FRAME as u64, FRAME), (7 + 2 * FRAME as u64, 5)]);
    }

    #[tokio::test]
    async fn a_short_read_is_continued_where_it_ended() {
        let (body, reads) = part(0, 10, 4);
        assert_eq!(body.collect().await.unwrap().to_bytes().len(), 10);
        assert_eq!(*reads.lock(), [(0, 10), (4, 6), (8, 2)]);
    }

    #[tokio::test]
    async fn a_frame_is_read_only_when_it_is_polled_for() {
        let (mut body, reads) = part(0, 3 * FRAME as u64, usize::MAX);
        assert!(reads.lock().is_empty());
        body.frame().await.unwrap().unwrap();
        assert_eq!(reads.lock().len(), 1);
    }

    #[tokio::test]
    async fn a_blob_that_ends_early_is_an_error_and_then_the_end() {
        let (mut body, _) = part(0, 10, 0);
        assert!(body.frame().await.unwrap().is_err());
        assert!(body.frame().await.is_none());
    }

    #[tokio::test]
    async fn a_large_body_is_passed_on_in_pieces_without_copying() {
        let whole = Bytes::from(vec![7; 2 * PIECE + 5]);
        let mut body = Body::from(whole.clone());
        for (at, length) in [(0, PIECE), (PIECE, PIECE), (2 * PIECE, 5)] {
            assert!(!http_body::Body::is_end_stream(&body));
            let piece = body.frame().await.unwrap().unwrap().into_data().unwrap();
            assert_eq!((piece.as_ptr(), piece.len()), (whole[at..].as_ptr(), length));
        }
        assert!(http_body::Body::is_end_stream(&body) && body.frame().await.is_none());
    }

    #[tokio::test]
    async fn an_empty_body_has_the_length_zero() {
        for body in [Body::empty(), Body::from(Bytes::new()), part(0, 0, 1).0] {
            assert!(http_body::Body::is_end_stream(&body));
            assert_eq!(body.collect().await.unwrap().to_bytes().len(), 0);
        }
    }
}
