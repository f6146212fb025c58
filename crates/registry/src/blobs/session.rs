//! An upload that is being written to.

use super::filesystem;
use crate::error::Result;
use bytes::Bytes;

/// An upload that is open for appending. It ends by [`Self::settle`], [`Self::abandon`] or [`Self::finish`]; dropping it leaves what
/// was written for the next session to cut off, or for collection.
pub(crate) enum UploadSession {
    Filesystem(filesystem::Session),
}

impl UploadSession {
    /// Waits until a batch can be appended, which bounds what is held in memory. Reports the failure of the batch before; after a
    /// failure the session is of no use. Cancel safe.
    pub(crate) async fn ready(&mut self) -> Result<()> {
        match self {
            Self::Filesystem(session) => session.ready().await,
        }
    }

    /// Begins to hash and write a batch, in the background. Only a session that is ready takes one.
    pub(crate) fn append(&mut self, batch: Vec<Bytes>) -> Result<()> {
        match self {
            Self::Filesystem(session) => session.append(batch),
        }
    }

    /// Appends the last batch, makes all bytes durable and returns the state of the hash over them. The upload can be resumed.
    pub(crate) async fn settle(self, last: Vec<Bytes>) -> Result<Vec<u8>> {
        match self {
            Self::Filesystem(session) => session.settle(last).await,
        }
    }

    /// Cuts the upload to what it had when it was resumed.
    pub(crate) async fn abandon(self) -> Result<()> {
        match self {
            Self::Filesystem(session) => session.abandon().await,
        }
    }

    /// Appends the last batch, makes a durable blob of the upload and returns its key. Fails with
    /// [`crate::Error::LayerDigestMismatch`] if its digest is not that of the target.
    ///
    /// Until a row names the blob, only its age tells a collector to leave it alone, so the age counts from now on. An upload that was
    /// finished, but never named, can be resumed with the same target and finished again.
    pub(crate) async fn finish(self, last: Vec<Bytes>) -> Result<String> {
        match self {
            Self::Filesystem(session) => session.finish(last).await,
        }
    }
}
