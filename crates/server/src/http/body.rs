//! The body of an answer: bytes in memory, or a part of a blob that is read as it is sent.

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use roadstead_model::Digest;
use roadstead_registry::BlobReader;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// How many bytes of a blob are handed to the connection at a time, straight from the kernel's pages.
const FRAME: usize = 2 << 20;
/// How many bytes of an answer in memory are handed to the connection at a time: a stream that its client does not read keeps
/// the rest where it can be taken back.
const PIECE: usize = 64 << 10;

/// From this size on an answer takes a share of its own size. A smaller one is covered by the share of its HTTP/2 stream; over HTTP/1.1
/// by that of its connection, which has one answer at a time.
pub(super) const LARGE: usize = 16 * 1024;

/// How the bytes of a blob get to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Without a copy, to a connection that hands them on to the kernel as they are.
    Mapped,
    /// As copies of this many bytes at most, to one that looks at them: TLS encrypts them, and HTTP/2 copies what is short. Nobody may
    /// look at mapped bytes, because a file that something else cuts short would end the process (see `roadstead_registry`'s mapping).
    Copied(usize),
}

impl Manner {
    /// What a connection needs. A client of HTTP/2 that does not read has a frame held for each of its streams, so theirs are no larger than
    /// they are on the wire; one of HTTP/1.1 has one, which pays with 64 KiB for fewer calls of the system.
    pub fn of(version: http::Version, is_secure: bool) -> Self {
        match (version, is_secure) {
            (http::Version::HTTP_2, _) => Self::Copied(16 << 10),
            (_, true) => Self::Copied(64 << 10),
            (_, false) => Self::Mapped,
        }
    }

    /// Reads from a blob in this manner.
    pub async fn read(self, reader: &BlobReader, offset: u64, length: usize) -> io::Result<Bytes> {
        let bytes = match self {
            Self::Mapped => reader.read(offset, length).await,
            Self::Copied(most) => reader.copy(offset, length.min(most)).await,
        };
        bytes.map_err(io::Error::other)
    }
}

/// The body of an answer.
#[derive(Debug)]
pub enum Body {
    /// Some bytes in memory, possibly none.
    Full {
        /// What is still to be sent.
        bytes: Option<Bytes>,
        /// The digest of all of them, when they are large content that others may be getting too.
        digest: Option<Digest>,
    },
    /// A part of a blob, read as it is sent.
    Blob(BlobPart),
}

impl Body {
    /// No bytes at all.
    pub const fn empty() -> Self {
        Self::Full { bytes: None, digest: None }
    }

    /// The whole content of this digest.
    pub fn content(digest: &Digest, bytes: Bytes) -> Self {
        let digest = (bytes.len() >= LARGE).then(|| digest.clone());
        Self::Full { bytes: Some(bytes).filter(|bytes| !bytes.is_empty()), digest }
    }

    /// How many bytes of it are in memory at a time. The mapped pages of a blob are the kernel's, which takes them back as it likes.
    pub(super) fn in_memory(&self) -> usize {
        match self {
            Self::Full { bytes, .. } => bytes.as_ref().map_or(0, Bytes::len),
            Self::Blob(BlobPart { manner: Manner::Copied(most), remaining, .. }) => (*most as u64).min(*remaining) as usize,
            Self::Blob(_) => 0,
        }
    }

    /// `length` bytes of a blob from `start` on. The caller has checked that the blob has them.
    pub fn blob(reader: BlobReader, start: u64, length: u64) -> Self {
        let read = move |offset, length, manner: Manner| -> Reading {
            let reader = reader.clone();
            Box::pin(async move { manner.read(&reader, offset, length).await })
        };
        Self::Blob(BlobPart::new(Box::new(read), start, length))
    }

    /// `length` bytes that `read` gives for an offset and a length: at least one byte and at most as many as asked for.
    pub fn streamed(length: u64, read: impl Fn(u64, usize, Manner) -> Reading + Send + 'static) -> Self {
        Self::Blob(BlobPart::new(Box::new(read), 0, length))
    }

    /// The same body for a connection that needs its bytes in this manner.
    pub(crate) fn take_in(&mut self, manner: Manner) {
        if let Self::Blob(part) = self {
            part.manner = manner;
        }
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(bytes: T) -> Self {
        Self::Full { bytes: Some(bytes.into()).filter(|bytes| !bytes.is_empty()), digest: None }
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
            Self::Full { bytes, .. } => bytes.as_ref().map_or(0, |bytes| bytes.len() as u64),
            Self::Blob(part) => part.remaining,
        })
    }
}

fn next_piece(rest: &mut Option<Bytes>) -> Option<Bytes> {
    match rest {
        Some(bytes) if bytes.len() > PIECE => Some(bytes.split_to(PIECE)),
        rest => rest.take(),
    }
}

/// Bytes that are being read.
pub type Reading = Pin<Box<dyn Future<Output = io::Result<Bytes>> + Send>>;
type Read = Box<dyn Fn(u64, usize, Manner) -> Reading + Send>;

/// A part of a blob on its way out. The next frame is read when the connection asks for it and not before, so a slow
/// client holds one frame of memory, whatever the size of the blob.
pub struct BlobPart {
    read: Read,
    manner: Manner,
    reading: Option<Reading>,
    offset: u64,
    remaining: u64,
}

impl fmt::Debug for BlobPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobPart").field("offset", &self.offset).field("remaining", &self.remaining).finish_non_exhaustive()
    }
}

impl BlobPart {
    fn new(read: Read, start: u64, length: u64) -> Self {
        Self { read, manner: Manner::Mapped, reading: None, offset: start, remaining: length }
    }

    /// The answer's head is sent by the time that a read fails: all that is left is to log it and end the connection,
    /// from which the client learns that it has too little.
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if self.remaining == 0 {
            return Poll::Ready(None);
        }
        let wanted = self.remaining.min(FRAME as u64) as usize;
        let reading = self.reading.get_or_insert_with(|| (self.read)(self.offset, wanted, self.manner));
        let result = ready!(reading.as_mut().poll(context));
        self.reading = None;
        let result = result.and_then(|bytes| match bytes.len() {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            length if length > wanted => Err(io::Error::other("more bytes than asked for")),
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

    /// A blob whose bytes are their offsets modulo 251; reads are noted, and give at most `at_most` bytes.
    fn part(start: u64, length: u64, at_most: usize) -> (Body, Reads) {
        let reads = Reads::new(Mutex::new(Vec::new()));
        let noted = reads.clone();
        let read = move |offset: u64, length: usize, _: Manner| -> Reading {
            noted.lock().push((offset, length));
            Box::pin(async move { Ok((offset..offset + length.min(at_most) as u64).map(|at| (at % 251) as u8).collect()) })
        };
        (Body::Blob(BlobPart::new(Box::new(read), start, length)), reads)
    }

    #[tokio::test]
    async fn a_part_of_a_blob_is_sent_in_frames_and_says_its_length_beforehand() {
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
    async fn nothing_is_read_before_it_is_asked_for() {
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
    async fn a_large_answer_is_handed_over_in_pieces_that_are_no_copies() {
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
