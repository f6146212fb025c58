//! A body on its way into an upload session: gathered in batches, and hashed and written behind what the session holds.
//!
//! What blocks runs away from the threads that serve requests, one batch while the next one is gathered. The last batch
//! waits for what is to become of it, so that a body of one batch takes one such run from its first byte to the durable blob.
//!
//! As long as a session has little, all of it stays in memory and then in the metadata: nothing of it blocks.
//!
//! A [`Reception`] is a body that was read to its end or as far as it came ([`Ending`]). Then it is settled (it becomes a part of its
//! session), kept (the session becomes a blob), or abandoned (the session stays as it was).

mod batch;

use crate::Installation;
use crate::blobs::UploadFile;
use crate::error::{Error, Result};
use crate::hashing::Hash;
use crate::metadata::{Content, UploadRow};
use crate::turns::Turn;
use crate::uploads::{BodyError, PartBody};
use batch::Batch;
use bytes::Bytes;
use roadstead_model::Digest;
use tokio::task::JoinHandle;

/// How many bytes are gathered before they are hashed and written together. An upload holds two batches at most: with twice as
/// much, pushes of 1 MiB would be some percent faster, and 64 uploads at once take more than 100 MB.
const BATCH_BYTES: usize = 256 * 1024;

/// After so many bytes the disk is set to work on them, while more of a large body arrives: at its end little is left to wait for.
const AHEAD_BYTES: usize = 8 * 1024 * 1024;

/// How a body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It is all there.
    Whole,
    /// Its connection failed, or its client stopped.
    Broken,
    /// Another request has taken the session over.
    TakenOver,
    /// The layer would be larger than layers may be. The batch with which it would be is dropped.
    TooLarge,
}

/// What a body is read for.
#[derive(Clone, Copy)]
pub(crate) enum Purpose<'a> {
    /// To become a part of its session, also if it breaks.
    Part,
    /// To make a blob of the session, or nothing.
    Blob(&'a Digest),
}

/// A body that is being read.
struct Progress {
    writing: Writing,
    /// How far the session comes with all that the writer was given.
    received: u64,
    /// What has arrived since.
    batch: Batch,
    /// Where the session is noted to stand, if what arrives is to be kept.
    row: Option<UploadRow>,
    /// The request that it belonged to is gone.
    is_left: bool,
}

#[derive(Default)]
enum Writing {
    Paused(Box<Writer>),
    Running(JoinHandle<Result<Box<Writer>>>),
    /// It has ended, or failed.
    #[default]
    Over,
}

/// A body that has been read, but for its last batch also written.
pub(crate) struct Reception {
    writer: Writer,
    /// Where the session is noted to stand, if this is to become a part of it.
    row: Option<UploadRow>,
    /// How far the session comes with all of it.
    received: u64,
    rest: Vec<Bytes>,
    ending: Ending,
}

/// What a part has made of its session.
struct Arrived {
    /// The hash over all that the session has.
    hash_state: Vec<u8>,
    /// All of that, if it is little. It is durable only once the session's row has it.
    content: Option<Vec<u8>>,
}

/// What has become of a session that was to be a blob.
pub(crate) enum Outcome {
    /// Its content is durable, and what a row has to name.
    Blob {
        /// In bytes.
        size: u64,
        content: Content,
    },
    /// It has another digest.
    Mismatch { computed: Digest },
}

/// What hashes and writes, and goes from one blocking run to the next. Whoever has it has the session's turn.
struct Writer {
    installation: Installation,
    turn: Turn,
    id: String,
    /// What the session is to become now, if it is: a request before may have made that of its file, and have ended before its row.
    becoming: Option<Digest>,
    /// Where the session stood at first.
    start: u64,
    hash: Hash,
    /// All that the session has, as long as it has no file.
    content: Vec<u8>,
    /// Opened for the first bytes that make it too much for the metadata.
    file: Option<UploadFile>,
    /// How many bytes were written since the disk was last set to work on them, and that work.
    unsynced: usize,
    syncing: Option<JoinHandle<Result<()>>>,
}

impl Installation {
    /// Reads a body to its end, or until another request takes the session over. Nobody else writes to the session until what this
    /// returns is done with, and `turn` dropped.
    pub(crate) async fn receive<B: PartBody>(
        &self,
        turn: &Turn,
        id: &str,
        row: &UploadRow,
        purpose: Purpose<'_>,
        body: &mut B,
    ) -> Result<Reception> {
        let writer = Writer {
            installation: self.clone(),
            turn: turn.clone(),
            id: id.to_owned(),
            becoming: if let Purpose::Blob(digest) = purpose { Some(digest.clone()) } else { None },
            start: row.received,
            hash: Hash::restore(&row.hash_state)?,
            content: row.content.clone().unwrap_or_default(),
            file: None,
            unsynced: 0,
            syncing: None,
        };
        let row = matches!(purpose, Purpose::Part).then(|| row.clone());
        let mut progress =
            Progress { received: writer.start, writing: Writing::Paused(Box::new(writer)), batch: Batch::default(), row, is_left: false };
        let mut ending = next_batch(body, turn, progress.received, &mut progress.batch).await;
        loop {
            if progress.length() > self.0.limits.layer_bytes {
                progress.batch.take();
                return progress.ended(Ending::TooLarge).await;
            }
            if let Some(ending) = ending {
                return progress.ended(ending).await;
            }
            progress.begin_write();
            ending = next_batch(body, turn, progress.received, &mut progress.batch).await;
            if let Err(error) = progress.writer().await?.sync_ahead().await {
                // The kernel tells of lost bytes once: after that nothing of this may pass for durable.
                progress.writing = Writing::Over;
                return Err(error);
            }
        }
    }
}

impl Progress {
    /// How far the session comes with all that has arrived.
    fn length(&self) -> u64 {
        self.received + self.batch.length()
    }

    /// Has the batch written in another thread, and begins a new one.
    fn begin_write(&mut self) {
        self.received = self.length();
        let batch = self.batch.take();
        if let Writing::Paused(mut writer) = std::mem::take(&mut self.writing) {
            self.writing = Writing::Running(tokio::task::spawn_blocking(move || writer.write(&batch).map(|()| writer)));
        }
    }

    /// The writer, once it has written what it was given.
    async fn writer(&mut self) -> Result<&mut Writer> {
        if let Writing::Running(running) = &mut self.writing {
            let ended = running.await;
            self.writing = Writing::Over;
            self.writing = Writing::Paused(ended.map_err(stopped)??);
        }
        match &mut self.writing {
            Writing::Paused(writer) => Ok(writer),
            Writing::Running(_) | Writing::Over => Err(Error::Internal("a body was read on after its writer had failed".to_owned())),
        }
    }

    /// All of it, once it is written but for the last batch.
    async fn ended(mut self, ending: Ending) -> Result<Reception> {
        self.writer().await?;
        let (received, rest) = (self.length(), self.batch.take());
        match std::mem::take(&mut self.writing) {
            Writing::Paused(writer) => Ok(Reception { writer: *writer, received, rest, ending, row: self.row.take() }),
            Writing::Running(_) | Writing::Over => Err(Error::Internal("a body ended after its writer had failed".to_owned())),
        }
    }
}

impl Progress {
    /// Ends it without the request that it belonged to.
    async fn give_up(self) {
        let is_part = self.row.is_some();
        let ended = match self.ended(Ending::Broken).await {
            Ok(reception) if is_part => reception.settle().await.map(drop),
            Ok(reception) => reception.abandon().await,
            Err(error) => Err(error),
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "what had arrived of an upload is lost");
        }
    }
}

impl Drop for Progress {
    /// On HTTP/2 a request whose client is gone is dropped. It ends all the same as one whose body breaks.
    fn drop(&mut self) {
        // Once: a runtime that ends drops what is spawned.
        if self.is_left || matches!(self.writing, Writing::Over) {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (writing, batch) = (std::mem::take(&mut self.writing), std::mem::take(&mut self.batch));
        let left = Self { writing, received: self.received, batch, row: self.row.take(), is_left: true };
        runtime.spawn(left.give_up());
    }
}

impl Reception {
    /// How the body ended.
    pub(crate) fn ending(&self) -> Ending {
        self.ending
    }

    /// Whether the whole session is so small that it needs no file.
    fn is_small(&self) -> bool {
        let Writer { installation, start, content, file, .. } = &self.writer;
        file.is_none() && content.len() as u64 == *start && self.received <= installation.0.limits.small_blob_bytes as u64
    }

    /// Makes what arrived a part of the session, durable and noted in its row, and gives how far the session has come and how the body
    /// ended; none when the session stood elsewhere by then, or is gone. It goes on when the caller is dropped.
    pub(crate) async fn settle(self) -> Result<Option<(u64, Ending)>> {
        tokio::spawn(async move {
            let Writer { installation, turn, id, .. } = &self.writer;
            let (installation, id, _until_noted) = (installation.clone(), id.clone(), turn.clone());
            let (received, ending) = (self.received, self.ending);
            let Some(row) = self.row.clone().filter(|row| row.received < received) else { return Ok(Some((received, ending))) };
            let Arrived { hash_state, content } = self.make_durable().await?;
            let after = row.after(received, hash_state, content);
            let noted = installation.0.metadata.advance_upload(id, row.received, after, installation.now()).await?;
            Ok(noted.then_some((received, ending)))
        })
        .await
        .map_err(stopped)?
    }

    /// Makes what arrived durable in the session's file, or ready for its row.
    async fn make_durable(self) -> Result<Arrived> {
        let is_small = self.is_small();
        let Self { mut writer, rest, .. } = self;
        if is_small {
            writer.gather(&rest);
            rest.iter().for_each(|bytes| writer.hash.update(bytes));
        } else {
            writer.synced_ahead().await?;
            let settled = tokio::task::spawn_blocking(move || {
                writer.write(&rest)?;
                writer.file.iter().try_for_each(UploadFile::make_durable)?;
                Ok::<_, Error>(writer)
            });
            writer = settled.await.map_err(stopped)??;
        }
        Ok(Arrived { hash_state: writer.hash.save(), content: is_small.then_some(writer.content) })
    }

    /// Leaves the session as it was, and gives its disk back.
    pub(crate) async fn abandon(self) -> Result<()> {
        let Self { mut writer, .. } = self;
        writer.synced_ahead().await?;
        let Some(file) = writer.file.take() else { return Ok(()) };
        tokio::task::spawn_blocking(move || {
            let cut = file.cut_to_start();
            drop(writer);
            cut
        })
        .await
        .map_err(stopped)?
    }

    /// Makes the content of a blob of the whole session, if it has this digest.
    pub(crate) async fn keep(self, digest: &Digest) -> Result<Outcome> {
        let is_small = self.is_small();
        let Self { mut writer, received, rest, .. } = self;
        if is_small {
            writer.gather(&rest);
            let computed = Digest::of(digest.algorithm(), &writer.content);
            let content = Content::Small(writer.content.into());
            return Ok(if computed == *digest { Outcome::Blob { size: received, content } } else { Outcome::Mismatch { computed } });
        }
        writer.synced_ahead().await?;
        let digest = digest.clone();
        let kept = tokio::task::spawn_blocking(move || {
            writer.write(&rest)?;
            let Writer { installation, turn: _turn, id, hash, file, .. } = writer;
            let blobs = &installation.0.blobs;
            let computed = if hash.algorithm() == digest.algorithm() {
                hash.finish()
            } else {
                // The algorithm was not announced when the session began, so what was stored is read once more.
                blobs.digest_of_upload(&id, received, &digest)?
            };
            if computed != digest {
                return Ok(Outcome::Mismatch { computed });
            }
            Ok(Outcome::Blob { size: received, content: Content::Object(blobs.keep(&id, file, received, &digest)?) })
        });
        kept.await.map_err(stopped)?
    }
}

impl Writer {
    /// Takes a batch into memory.
    fn gather(&mut self, batch: &[Bytes]) {
        batch.iter().for_each(|bytes| self.content.extend_from_slice(bytes));
    }

    /// Writes a batch to the session's file, behind what was in memory so far. It blocks.
    fn write(&mut self, batch: &[Bytes]) -> Result<()> {
        batch.iter().for_each(|bytes| self.hash.update(bytes));
        let content = std::mem::take(&mut self.content);
        if content.is_empty() && batch.is_empty() {
            return Ok(());
        }
        if self.file.is_none() {
            let offset = self.start - content.len() as u64;
            self.file = Some(self.installation.0.blobs.open_upload(&self.id, offset, self.becoming.as_ref())?);
        }
        self.unsynced += content.len() + batch.iter().map(Bytes::len).sum::<usize>();
        let before = [Bytes::from(content)];
        self.file.iter().try_for_each(|file| file.write(&before).and_then(|()| file.write(batch)))
    }

    /// Sets the disk to work on what was written, unless that is little or it still has work of this upload.
    async fn sync_ahead(&mut self) -> Result<()> {
        if self.unsynced < AHEAD_BYTES || self.syncing.as_ref().is_some_and(|syncing| !syncing.is_finished()) {
            return Ok(());
        }
        self.synced_ahead().await?;
        if let Some(file) = &self.file {
            let file = file.share()?;
            self.syncing = Some(tokio::task::spawn_blocking(move || file.sync_content()));
            self.unsynced = 0;
        }
        Ok(())
    }

    /// Waits for that work. Its failure is told here and nowhere else: the kernel reports each once.
    async fn synced_ahead(&mut self) -> Result<()> {
        let Some(syncing) = &mut self.syncing else { return Ok(()) };
        let synced = syncing.await;
        self.syncing = None;
        synced.map_err(stopped)?
    }
}

fn stopped(error: tokio::task::JoinError) -> Error {
    Error::Internal(error.to_string())
}

/// Gathers a batch of a body for a session that stands at `received`, and says how the body ended if it did.
async fn next_batch<B: PartBody>(body: &mut B, turn: &Turn, mut received: u64, batch: &mut Batch) -> Option<Ending> {
    let end = received + BATCH_BYTES as u64;
    let mut taken_over = std::pin::pin!(turn.stopped());
    while received < end {
        turn.reach(received);
        let next = tokio::select! {
            biased;
            () = &mut taken_over => return Some(Ending::TakenOver),
            next = body.next() => next,
        };
        match next {
            Some(Ok(bytes)) => {
                received += bytes.len() as u64;
                batch.push(bytes);
            }
            Some(Err(BodyError)) => return Some(Ending::Broken),
            None => return Some(Ending::Whole),
        }
    }
    turn.reach(received);
    None
}
