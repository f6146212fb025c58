//! Writing uploads.

use super::filesystem;
use super::object::Settled;
use super::s3;
use crate::error::Result;
use crate::span;
use bytes::Bytes;
use tracing::Instrument;

/// An upload that is open for appending, until [`Self::settle`], [`Self::abandon`] or [`Self::finish`]. If it is dropped, the bytes
/// written remain until the next session truncates them or garbage collection deletes them.
pub(crate) enum UploadSession {
    Filesystem(filesystem::Session),
    S3(s3::Session),
}

impl UploadSession {
    /// Waits until a batch can be appended, which bounds the memory of a session. Fails if the previous batch failed; the session
    /// cannot be used afterwards. Cancel safe.
    pub(crate) async fn ready(&mut self) -> Result<()> {
        match self {
            Self::Filesystem(session) => session.ready().await,
            Self::S3(session) => session.ready().await,
        }
    }

    /// Starts to hash and write a batch in the background. Fails unless the session is [ready](Self::ready).
    pub(crate) fn append(&mut self, batch: Vec<Bytes>) -> Result<()> {
        match self {
            Self::Filesystem(session) => session.append(batch),
            Self::S3(session) => session.append(batch),
        }
    }

    /// Appends the last batch and makes all bytes durable. The upload can be resumed.
    pub(crate) async fn settle(self, last: Vec<Bytes>) -> Result<Settled> {
        match self {
            Self::Filesystem(session) => session.settle(last).instrument(span!("blob settle")).await,
            Self::S3(session) => session.settle(last).instrument(span!("blob settle")).await,
        }
    }

    /// Truncates the upload to its length when it was resumed.
    pub(crate) async fn abandon(self) -> Result<()> {
        match self {
            Self::Filesystem(session) => session.abandon().await,
            Self::S3(session) => session.abandon().await,
        }
    }

    /// Appends the last batch, makes a durable blob from the upload and returns its key. Fails with
    /// [`crate::Error::LayerDigestMismatch`] if the content does not match the target.
    ///
    /// The age of the blob starts at zero, because only its age protects it from collection until a row names it. An upload that was
    /// finished, but not named by a row, can be resumed with the same target and finished again.
    pub(crate) async fn finish(self, last: Vec<Bytes>) -> Result<String> {
        match self {
            Self::Filesystem(session) => session.finish(last).instrument(span!("blob finish")).await,
            Self::S3(session) => session.finish(last).instrument(span!("blob finish")).await,
        }
    }
}
