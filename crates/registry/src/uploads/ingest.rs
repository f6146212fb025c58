//! Ingest: the body of a request on its way into an upload session.
//!
//! The body is gathered in batches, and one batch is hashed and written in the background while the next one is gathered. The last
//! batch is kept until it is known what becomes of the session, so that a body of one batch takes one blocking task from its first
//! byte to the durable blob.
//!
//! As long as a session is small, its bytes stay in memory and then in its row, and nothing blocks.

use super::batch::Batch;
use super::body::{BodyError, PartBody};
use super::session::UploadRow;
use crate::blobs::{ResumedUpload, UploadSession};
use crate::error::{Error, Result};
use crate::hashing::Hash;
use crate::installation::Installation;
use crate::metadata::{Tx, params, statements};
use crate::repository_blob::Content;
use crate::upload_leases::UploadLease;
use roadstead_model::Digest;
use scopeguard::ScopeGuard;

statements! {
    ADVANCE = "UPDATE upload SET received = ?3, hash_state = ?4, last_part = ?5, has_short_part = ?6, updated_at = ?7, content = ?8
        WHERE id = ?1 AND received = ?2";
}

/// How many bytes are hashed and written together. An upload holds two batches at most: with twice as many bytes, pushes of 1 MiB would
/// be some percent faster, but 64 concurrent uploads would take more than 100 MB.
const BATCH_BYTES: u64 = 256 * 1024;

/// How a body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// It is complete.
    Complete,
    /// Its connection failed, or its client stopped.
    Broken,
    /// Another request has taken the session over.
    Revoked,
    /// The layer would exceed the limit. The batch that would make it do so is dropped.
    TooLarge,
}

/// A body that is being read, or has been read: then it ends by [`Self::settle`], [`Self::abandon`] or [`Self::finish`].
pub(super) struct Ingest {
    installation: Installation,
    lease: UploadLease,
    id: String,
    /// The session as it was before.
    row: UploadRow,
    /// The blob that the session is to become. Without one, what arrives becomes a part of the session, even if the body breaks off.
    target: Option<Digest>,
    stage: Stage,
    /// How many bytes the session has without the batch.
    received: u64,
    batch: Batch,
}

/// Where the bytes of a session are.
enum Stage {
    /// In memory, because they are few.
    Inline(Vec<u8>),
    /// In the store.
    Stored(UploadSession),
}

impl Ingest {
    /// Prepares to read a body into a session that stands as `row` says.
    pub(super) fn begin(
        installation: &Installation,
        lease: &UploadLease,
        id: &str,
        mut row: UploadRow,
        target: Option<&Digest>,
    ) -> Result<Self> {
        let (received, content) = (row.received, row.content.take().unwrap_or_default());
        let is_inline = content.len() as u64 == received;
        let mut ingest = Self {
            installation: installation.clone(),
            lease: lease.clone(),
            id: id.to_owned(),
            row,
            target: target.cloned(),
            stage: Stage::Inline(content),
            received,
            batch: Batch::default(),
        };
        if !is_inline {
            ingest.stage = ingest.resume(received, Hash::restore(&ingest.row.hash_state)?);
        }
        Ok(ingest)
    }

    /// Reads a body to its end, or until another request takes the session over.
    ///
    /// On HTTP/2, a request whose client is gone is dropped. Such a body ends like one whose connection breaks.
    pub(super) async fn read<B: PartBody>(self, body: &mut B) -> Result<(Self, Ending)> {
        let mut reading = scopeguard::guard(self, Self::break_off_in_background);
        let ending = reading.read_to_end(body).await?;
        Ok((ScopeGuard::into_inner(reading), ending))
    }

    async fn read_to_end<B: PartBody>(&mut self, body: &mut B) -> Result<Ending> {
        loop {
            let ending = self.fill_batch(body).await;
            if self.length() > self.installation.0.limits.layer_bytes {
                self.batch.take();
                return Ok(Ending::TooLarge);
            }
            match ending {
                Some(ending) => return Ok(ending),
                None => self.write_batch().await?,
            }
        }
    }

    /// Gathers a batch, and returns how the body ended if it did.
    async fn fill_batch<B: PartBody>(&mut self, body: &mut B) -> Option<Ending> {
        let mut revoked = std::pin::pin!(self.lease.revoked());
        while self.batch.length() < BATCH_BYTES {
            self.lease.set_position(self.received + self.batch.length());
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
        self.lease.set_position(self.received + self.batch.length());
        None
    }

    /// Hands the batch to the store.
    async fn write_batch(&mut self) -> Result<()> {
        if let Stage::Stored(session) = &mut self.stage {
            session.ready().await?;
        }
        self.spill()?;
        self.received = self.length();
        match &mut self.stage {
            Stage::Stored(session) => session.append(self.batch.take()),
            Stage::Inline(_) => Ok(()),
        }
    }

    /// How many bytes the session has with all that has arrived.
    pub(super) fn length(&self) -> u64 {
        self.received + self.batch.length()
    }

    fn resume(&self, received: u64, hash: Hash) -> Stage {
        let (id, target, _lease) = (self.id.clone(), self.target.clone(), self.lease.clone());
        Stage::Stored(self.installation.0.blobs.resume(ResumedUpload { id, received, hash, target, _lease }))
    }

    /// Moves the bytes in memory to the front of the batch, for the store, which hashes them again.
    fn spill(&mut self) -> Result<()> {
        if let Stage::Inline(content) = &mut self.stage {
            self.batch.push_front(std::mem::take(content).into());
            self.received = 0;
            self.stage = self.resume(0, Hash::new(Hash::restore(&self.row.hash_state)?.algorithm()));
        }
        Ok(())
    }

    /// Adds the last batch to the bytes in memory, if all of them together are few; else sees to it that there is a store session.
    fn close(&mut self) -> Result<()> {
        let is_small = self.length() <= self.installation.0.limits.small_blob_bytes as u64;
        match &mut self.stage {
            Stage::Inline(content) if is_small => {
                self.received += self.batch.length();
                self.batch.take().iter().for_each(|bytes| content.extend_from_slice(bytes));
                Ok(())
            }
            _ => self.spill(),
        }
    }

    /// Makes what arrived a durable part of the session, and returns where the session stands. `None` if its row had changed
    /// meanwhile, or is gone. Continues if the caller is dropped.
    pub(super) async fn settle(self) -> Result<Option<u64>> {
        tokio::spawn(self.settle_now()).await.map_err(|error| Error::Internal(error.to_string()))?
    }

    async fn settle_now(mut self) -> Result<Option<u64>> {
        let (before, received) = (self.row.received, self.length());
        if received == before {
            return Ok(Some(received));
        }
        self.close()?;
        let (hash_state, content) = match self.stage {
            Stage::Inline(content) => (extended(&self.row.hash_state, content.get(before as usize..))?, Some(content)),
            Stage::Stored(session) => (session.settle(self.batch.take()).await?, None),
        };
        let (id, row, now) = (self.id, self.row.after(received, hash_state, content), self.installation.now());
        let work = async move |tx: &mut Tx<'_>| {
            let UploadRow { received, hash_state, last_part, has_short_part, content, .. } = &row;
            tx.execute(&ADVANCE, params![id, before, received, hash_state, last_part, has_short_part, now, content]).await
        };
        let advanced = self.installation.0.metadata.write(work).await?;
        Ok((advanced == 1).then_some(received))
    }

    /// Leaves the session as it was.
    pub(super) async fn abandon(self) -> Result<()> {
        match self.stage {
            Stage::Inline(_) => Ok(()),
            Stage::Stored(session) => session.abandon().await,
        }
    }

    /// Makes the content of a blob of the whole session. Fails with [`Error::LayerDigestMismatch`] if its digest is not `expected`.
    pub(super) async fn finish(mut self, expected: &Digest) -> Result<Content> {
        self.close()?;
        match self.stage {
            Stage::Stored(session) => session.finish(self.batch.take()).await.map(Content::Object),
            Stage::Inline(content) => match Digest::of(expected.algorithm(), &content) {
                computed if computed == *expected => Ok(Content::Small(content.into())),
                computed => Err(Error::LayerDigestMismatch { expected: expected.clone(), computed }),
            },
        }
    }

    /// Ends a body that nobody reads any more.
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

/// The saved state of a hash after some more bytes.
fn extended(hash_state: &[u8], bytes: Option<&[u8]>) -> Result<Vec<u8>> {
    let mut hash = Hash::restore(hash_state)?;
    hash.update(bytes.unwrap_or_default());
    Ok(hash.save())
}
