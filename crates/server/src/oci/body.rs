//! Request bodies, streamed into the registry or read whole up to a limit.

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use roadstead_registry::{BodyError, PartBody};
use std::time::Duration;

/// A client that sends nothing for so long is taken to be gone: it must not hold an upload session for ever.
const PATIENCE: Duration = Duration::from_secs(300);

/// A body that is streamed into an upload session.
pub(super) struct Chunks<'a> {
    body: &'a mut Incoming,
    /// What the client has announced and not yet sent; none if it has announced nothing.
    remaining: Option<u64>,
}

impl<'a> Chunks<'a> {
    /// `length` is what a `Content-Range` announces: a body of another length does not count as complete.
    pub(super) fn new(body: &'a mut Incoming, length: Option<u64>) -> Self {
        Self { body, remaining: length }
    }
}

impl PartBody for Chunks<'_> {
    async fn next(&mut self) -> Option<Result<Bytes, BodyError>> {
        loop {
            let Ok(frame) = tokio::time::timeout(PATIENCE, self.body.frame()).await else { return Some(Err(BodyError)) };
            match frame {
                Some(Ok(frame)) => {
                    // Trailers say nothing that a blob needs.
                    let Ok(bytes) = frame.into_data() else { continue };
                    return Some(self.count(bytes));
                }
                Some(Err(_)) => return Some(Err(BodyError)),
                None if self.remaining.is_some_and(|remaining| remaining > 0) => return Some(Err(BodyError)),
                None => return None,
            }
        }
    }
}

impl Chunks<'_> {
    fn count(&mut self, bytes: Bytes) -> Result<Bytes, BodyError> {
        if let Some(remaining) = &mut self.remaining {
            *remaining = remaining.checked_sub(bytes.len() as u64).ok_or(BodyError)?;
        }
        Ok(bytes)
    }
}

/// Why a body could not be read whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadError {
    /// It is larger than the limit.
    TooLarge,
    /// The client stopped before the end.
    Incomplete,
}

/// Reads a body of at most `maximum` bytes into memory.
pub(super) async fn read(body: &mut Incoming, maximum: usize) -> Result<Bytes, ReadError> {
    if body.size_hint().lower() > maximum as u64 {
        return Err(ReadError::TooLarge);
    }
    match tokio::time::timeout(PATIENCE, Limited::new(body, maximum).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(ReadError::TooLarge),
        Ok(Err(_)) | Err(_) => Err(ReadError::Incomplete),
    }
}
