//! Random blobs, all distinct, whose digests are cheap to compute.

use crate::failure::Result;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use sha2::{Digest, Sha256};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

/// Blobs repeat one random block of this size and end in unique bytes.
const BLOCK: u64 = 1 << 20;
const ENDING: u64 = 16;

/// Generates blobs of one size. All but their last bytes are hashed only once, so that hashing does not slow down the client.
pub(crate) struct Blobs {
    block: Bytes,
    size: u64,
    hash: Sha256,
    salt: u64,
    count: AtomicU64,
}

#[derive(Debug, Clone)]
pub(crate) struct Blob {
    pub(crate) digest: String,
    pub(crate) size: u64,
    block: Bytes,
    ending: Bytes,
}

impl Blobs {
    pub(crate) fn new(size: u64) -> Result<Self> {
        let size = size.max(ENDING);
        let mut block = vec![0; BLOCK as usize];
        getrandom::fill(&mut block)?;
        let block = Bytes::from(block);
        let mut hash = Sha256::new();
        pieces(&block, size - ENDING, 0).for_each(|piece| hash.update(piece));
        Ok(Self { block, size, hash, salt: getrandom::u64()?, count: AtomicU64::new(0) })
    }

    /// A new blob, different from all earlier ones.
    pub(crate) fn next(&self) -> Blob {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let ending = Bytes::from([self.salt.to_be_bytes(), number.to_be_bytes()].concat());
        let digest = sha256(self.hash.clone().chain_update(&ending));
        Blob { digest, size: self.size, block: self.block.clone(), ending }
    }
}

impl Blob {
    pub(crate) fn of(bytes: Bytes) -> Self {
        Self { digest: sha256(Sha256::new_with_prefix(&bytes)), size: bytes.len() as u64, block: Bytes::new(), ending: bytes }
    }

    pub(crate) fn payload(&self) -> Payload {
        self.part(0, self.size)
    }

    /// `length` bytes beginning at `start`.
    pub(crate) fn part(&self, start: u64, length: u64) -> Payload {
        let repeated = self.size - self.ending.len() as u64;
        let end = start + length;
        let mut parts: Vec<Bytes> = pieces(&self.block, end.min(repeated), start).collect();
        if end > repeated {
            parts.push(self.ending.slice((start.saturating_sub(repeated)) as usize..(end - repeated) as usize));
        }
        Payload::new(parts)
    }
}

/// The bytes from `start` to `end` of the endlessly repeated block.
fn pieces(block: &Bytes, end: u64, mut start: u64) -> impl Iterator<Item = Bytes> {
    std::iter::from_fn(move || {
        let from = start % BLOCK;
        let length = (BLOCK - from).min(end.saturating_sub(start));
        start += length;
        (length > 0).then(|| block.slice(from as usize..(from + length) as usize))
    })
}

fn sha256(hash: Sha256) -> String {
    format!("sha256:{}", hex::encode(hash.finalize()))
}

/// The body of a request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Payload {
    parts: std::collections::VecDeque<Bytes>,
    remaining: u64,
}

impl Payload {
    fn new(parts: Vec<Bytes>) -> Self {
        Self { remaining: parts.iter().map(|part| part.len() as u64).sum(), parts: parts.into() }
    }
}

impl<T: Into<Bytes>> From<T> for Payload {
    fn from(bytes: T) -> Self {
        Self::new(vec![bytes.into()])
    }
}

impl http_body::Body for Payload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<std::result::Result<Frame<Bytes>, Infallible>>> {
        let part = self.parts.pop_front();
        self.remaining -= part.as_ref().map_or(0, |part| part.len() as u64);
        Poll::Ready(part.map(|part| Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.remaining == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(payload: Payload) -> Vec<u8> {
        payload.parts.into_iter().flatten().collect()
    }

    #[test]
    fn a_blob_has_the_digest_and_the_size_that_it_says() {
        for size in [16, 4096, BLOCK + 16, 2 * BLOCK + 5] {
            let blob = Blobs::new(size).unwrap().next();
            let content = bytes(blob.payload());
            assert_eq!((content.len() as u64, blob.size), (size, size));
            assert_eq!(blob.digest, sha256(Sha256::new_with_prefix(&content)));
        }
    }

    #[test]
    fn parts_of_a_blob_make_up_the_blob() {
        let blob = Blobs::new(2 * BLOCK + 100).unwrap().next();
        let (first, second) = (blob.part(0, BLOCK + 7), blob.part(BLOCK + 7, BLOCK + 93));
        assert_eq!([bytes(first), bytes(second)].concat(), bytes(blob.payload()));
        assert_eq!(bytes(blob.part(blob.size - 3, 3)), bytes(blob.payload())[blob.size as usize - 3..]);
    }

    #[test]
    fn no_two_blobs_are_the_same() {
        let blobs = Blobs::new(64).unwrap();
        assert_ne!(blobs.next().digest, blobs.next().digest);
    }
}
