//! Ingest of a request's body into an upload session.
//!
//! The body is received in batches. While one batch is hashed and written in the background, the next is received. The last batch is
//! held back until the body ends, so that a body of one batch needs a single blocking task.
//!
//! The bytes of small sessions stay in memory and are stored in the metadata. They need no file and never block.

use super::batch::Batch;
use super::body::{BodyError, PartBody};
use super::claim::Claim;
use super::session::UploadRow;
use crate::blobs::{ResumedUpload, Settled, UploadSession};
use crate::error::{Error, Result};
use crate::hashing::Hash;
use crate::repository_blob::Content;
use roadstead_model::Digest;
use scopeguard::ScopeGuard;

/// The number of bytes that are hashed and written together. An upload holds at most two batches. Twice the size would make pushes of
/// 1 MiB a few percent faster, but 64 concurrent uploads would take more than 100 MB.
const BATCH_BYTES: u64 = 256 * 1024;

/// How a body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// The body is complete.
    Complete,
    /// The connection failed, or the client stopped.
    Broken,
    /// Another request has taken over the session.
    Revoked,
    /// The layer would exceed its limit. The batch that exceeds it is dropped.
    TooLarge,
}

/// A body that is read into a session, until [`Self::settle`], [`Self::abandon`] or [`Self::finish`].
pub(super) struct Ingest {
    /// The session before this body.
    claim: Claim,
    /// The blob to make from the session. If `None`, bytes received are appended to the session, even if the body breaks off.
    target: Option<Digest>,
    stage: Stage,
    /// The length of the session without the batch.
    received: u64,
    batch: Batch,
}

/// Where the bytes of a session are.
enum Stage {
    /// The bytes of a small session, in memory.
    Inline(Vec<u8>),
    /// In the blob store.
    Stored(UploadSession),
}

impl Default for Stage {
    fn default() -> Self {
        Self::Inline(Vec::new())
    }
}

impl Ingest {
    /// Prepares to read a body into a session.
    pub(super) fn begin(claim: Claim, target: Option<&Digest>) -> Result<Self> {
        let (received, content) = (claim.row().received, claim.row().content.clone().unwrap_or_default());
        let is_inline = content.len() as u64 == received;
        let hash = Hash::restore(&claim.row().hash_state)?;
        let mut ingest = Self { claim, target: target.cloned(), stage: Stage::Inline(content), received, batch: Batch::default() };
        if !is_inline {
            ingest.stage = ingest.resume(received, hash);
        }
        Ok(ingest)
    }

    /// Reads a body to its end, or until another request takes over the session.
    ///
    /// HTTP/2 drops the request when its client disconnects. That is treated like a broken connection.
    pub(super) async fn read<B: PartBody>(self, body: &mut B) -> Result<(Self, Ending)> {
        let mut reading = scopeguard::guard(self, Self::break_off_in_background);
        let ending = reading.read_to_end(body).await?;
        Ok((ScopeGuard::into_inner(reading), ending))
    }

    async fn read_to_end<B: PartBody>(&mut self, body: &mut B) -> Result<Ending> {
        loop {
            let ending = self.fill_batch(body).await;
            if self.length() > self.claim.installation.0.limits.layer_bytes {
                self.batch.take();
                return Ok(Ending::TooLarge);
            }
            match ending {
                Some(ending) => return Ok(ending),
                None if self.write_batch().await? => {}
                None => return Ok(Ending::Revoked),
            }
        }
    }

    /// Receives a batch. Returns how the body ended, or `None` if the batch is full.
    async fn fill_batch<B: PartBody>(&mut self, body: &mut B) -> Option<Ending> {
        let mut revoked = std::pin::pin!(self.claim.lease.revoked());
        loop {
            self.claim.lease.set_position(self.length());
            if self.batch.length() >= BATCH_BYTES {
                return None;
            }
            let next = tokio::select! {
                biased;
                () = &mut revoked => return Some(Ending::Revoked),
                next = body.next() => next,
            };
            match next {
                Some(Ok(bytes)) => self.batch.push(bytes),
                Some(Err(BodyError)) => return Some(Ending::Broken),
                None => return Some(Ending::Complete),
            }
        }
    }

    /// Hands the batch to the store. Returns `false` if this request has lost the right to write to it.
    async fn write_batch(&mut self) -> Result<bool> {
        self.spill()?;
        match self.is_private() {
            true => self.claim.reserve().await?,
            false => self.claim.open_store().await?,
        }
        let Stage::Stored(session) = &mut self.stage else { return Ok(true) };
        session.ready().await?;
        if !self.claim.may_write() {
            return Ok(false);
        }
        self.received += self.batch.length();
        session.append(self.batch.take()).map(|()| true)
    }

    /// Whether nothing of the session is stored yet, and the end of this request will end it. It needs no row then.
    fn is_private(&self) -> bool {
        self.claim.row().is_new && self.target.is_some() && self.length() < self.claim.installation.0.blobs.first_write()
    }

    /// The length of the session including all bytes received.
    pub(super) fn length(&self) -> u64 {
        self.received + self.batch.length()
    }

    fn resume(&self, received: u64, hash: Hash) -> Stage {
        let (row, id, target, _lease) = (self.claim.row(), self.claim.object.clone(), self.target.clone(), self.claim.lease.clone());
        let upload = ResumedUpload { id, received, hash, stored: row.stored.clone(), taken_over: row.writer.is_some(), target, _lease };
        Stage::Stored(self.claim.installation.0.blobs.resume(upload))
    }

    /// Moves the session from memory to the blob store, with its bytes in front of the batch. They are hashed again.
    fn spill(&mut self) -> Result<()> {
        if let Stage::Inline(content) = &mut self.stage {
            self.batch.push_front(std::mem::take(content).into());
            self.received = 0;
            self.stage = self.resume(0, Hash::new(Hash::restore(&self.claim.row().hash_state)?.algorithm()));
        }
        Ok(())
    }

    /// Moves the last batch to the bytes in memory, or the session to the blob store if it is too large.
    fn close(&mut self) -> Result<()> {
        let is_small = self.length() <= self.claim.installation.0.limits.small_blob_bytes as u64;
        match &mut self.stage {
            Stage::Inline(content) if is_small => {
                self.received += self.batch.length();
                self.batch.take().iter().for_each(|bytes| content.extend_from_slice(bytes));
                Ok(())
            }
            _ => self.spill(),
        }
    }

    /// Makes the bytes received durable and returns the length of the session. Returns `None` if its row was changed or deleted
    /// meanwhile. Continues if the caller is dropped.
    pub(super) async fn settle(self) -> Result<Option<u64>> {
        tokio::spawn(self.settle_now()).await.map_err(|error| Error::Internal(error.to_string()))?
    }

    async fn settle_now(mut self) -> Result<Option<u64>> {
        let received = self.length();
        if received == self.claim.row().received {
            self.claim.give_up().await;
            return Ok(Some(received));
        }
        match self.keep(received).await {
            Ok(row) => Ok(self.claim.advance(row).await?.then_some(received)),
            Err(error) => {
                self.claim.give_up().await;
                Err(error)
            }
        }
    }

    /// Makes the bytes received durable and returns the row to be recorded.
    async fn keep(&mut self, received: u64) -> Result<UploadRow> {
        self.close()?;
        let (row, stage) = (self.claim.row(), std::mem::take(&mut self.stage));
        match stage {
            Stage::Inline(content) => {
                let mut hash = Hash::restore(&row.hash_state)?;
                hash.update(content.get(row.received as usize..).unwrap_or_default());
                Ok(row.after(received, Settled { hash_state: hash.save(), stored: None }, Some(content)))
            }
            Stage::Stored(session) => {
                self.claim.share_store().await?;
                let settled = session.settle(self.batch.take()).await?;
                Ok(self.claim.row().after(received, settled, None))
            }
        }
    }

    /// Discards the bytes received.
    pub(super) async fn abandon(self) -> Result<()> {
        let abandoned = match self.stage {
            Stage::Stored(session) if self.claim.may_write() => session.abandon().await,
            Stage::Inline(_) | Stage::Stored(_) => Ok(()),
        };
        self.claim.give_up().await;
        abandoned
    }

    /// Makes the content of a blob from the whole session, which ends by it. Fails with [`Error::LayerDigestMismatch`] if its digest is
    /// not `expected`.
    pub(super) async fn finish(mut self, expected: &Digest) -> (Claim, Result<Content>) {
        let content = self.make_content(expected).await;
        (self.claim, content)
    }

    async fn make_content(&mut self, expected: &Digest) -> Result<Content> {
        if self.claim.row().is_new {
            self.claim.detach();
        }
        self.close()?;
        match std::mem::take(&mut self.stage) {
            Stage::Stored(session) => {
                if !self.claim.row().is_new {
                    self.claim.share_store().await?;
                }
                session.finish(self.batch.take()).await.map(Content::Object)
            }
            Stage::Inline(content) => match Digest::of(expected.algorithm(), &content) {
                computed if computed == *expected => Ok(Content::Small(content.into())),
                computed => Err(Error::LayerDigestMismatch { expected: expected.clone(), computed }),
            },
        }
    }

    /// Settles or abandons a body after its request was dropped.
    fn break_off_in_background(self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            let ended = if self.target.is_none() { self.settle_now().await.map(drop) } else { self.abandon().await };
            if let Err(error) = ended {
                tracing::debug!(%error, "the bytes received of an upload are lost");
            }
        });
    }
}
