//! A body on its way into an upload session: gathered in batches, and hashed and written behind what the session holds.
//!
//! What blocks runs away from the threads that serve requests, one batch while the next one is gathered. The last batch
//! waits for what is to become of it, so that a body of one batch takes one such run from its first byte to the durable blob.
//!
//! As long as a session has little, all of it stays in memory and then in the metadata: nothing of it blocks.

use crate::Registry;
use crate::blobs::UploadFile;
use crate::error::{Error, Result};
use crate::hashing::Hash;
use crate::metadata::{Content, UploadRow};
use crate::uploads::{BodyError, PartBody, Turn};
use bytes::{Bytes, BytesMut};
use roadstead_model::Digest;
use tokio::task::JoinHandle;

/// How many bytes are gathered before they are hashed and written together. An upload holds two batches at most: with twice as
/// much, pushes of 1 MiB would be some percent faster, and 64 uploads at once take more than 100 MB.
const BATCH_BYTES: usize = 256 * 1024;

/// A piece of a body that is smaller than this is copied: it may be a small part of a large buffer, and a batch of single bytes
/// would take many times what they are.
const SMALL_PIECE: usize = 4 * 1024;

/// After so many bytes the disk is set to work on them, while more of a large body arrives: at its end little is left to wait for.
const AHEAD_BYTES: usize = 8 * 1024 * 1024;

/// A body that has been read, but for its last batch also written.
pub(crate) struct Reception {
    writer: Writer,
    /// How far the session comes with all of it.
    received: u64,
    rest: Vec<Bytes>,
    ended: Result<()>,
}

/// A body that has become a part of its session. What lies in the session's file is durable.
pub(crate) struct Arrived {
    /// How far the session has come.
    pub(crate) received: u64,
    /// The hash over all of that.
    pub(crate) hash_state: Vec<u8>,
    /// All of that, if it is little. It is durable only once the session's row has it.
    pub(crate) content: Option<Vec<u8>>,
    /// Whether the body came to its end.
    pub(crate) ended: Result<()>,
    /// Nobody else writes to the session until its row says so too.
    pub(crate) turn: Turn,
}

/// What hashes and writes, and goes from one blocking run to the next. Whoever has it has the session's turn.
struct Writer {
    registry: Registry,
    turn: Turn,
    id: String,
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

impl Registry {
    /// Reads a body to its end.
    pub(crate) async fn receive<B: PartBody>(&self, turn: Turn, id: &str, row: &UploadRow, body: &mut B) -> Result<Reception> {
        let hash = Hash::restore(&row.hash_state)?;
        let content = row.content.clone().unwrap_or_default();
        let mut writer = Writer {
            registry: self.clone(),
            turn,
            id: id.to_owned(),
            start: row.received,
            hash,
            content,
            file: None,
            unsynced: 0,
            syncing: None,
        };
        let mut received = row.received;
        let (mut batch, mut ended) = next_batch(body).await;
        loop {
            let length: u64 = batch.iter().map(|bytes| bytes.len() as u64).sum();
            let maximum = self.0.limits.layer_bytes;
            if received + length > maximum {
                return Ok(Reception { writer, received, rest: Vec::new(), ended: Err(Error::LayerTooLarge { maximum }) });
            }
            received += length;
            if let Some(ended) = ended {
                return Ok(Reception { writer, received, rest: batch, ended });
            }
            let writing = tokio::task::spawn_blocking(move || writer.write(&batch).map(|()| writer));
            (batch, ended) = next_batch(body).await;
            writer = writing.await.map_err(stopped)??;
            writer.sync_ahead().await?;
        }
    }
}

impl Reception {
    /// Whether the body ended before its end.
    pub(crate) fn is_broken(&self) -> bool {
        self.ended.is_err()
    }

    /// Whether the whole session is so small that it needs no file.
    pub(crate) fn is_small(&self) -> bool {
        let Writer { registry, start, content, file, .. } = &self.writer;
        file.is_none() && content.len() as u64 == *start && self.received <= registry.0.limits.small_blob_bytes as u64
    }

    /// Makes what arrived a part of the session: durable in its file, or ready for its row.
    pub(crate) async fn settle(self) -> Result<Arrived> {
        let is_small = self.is_small();
        let Self { mut writer, received, rest, ended } = self;
        if is_small {
            writer.gather(&rest);
            rest.iter().for_each(|bytes| writer.hash.update(bytes));
        } else if !rest.is_empty() || writer.file.is_some() {
            writer.synced_ahead().await?;
            let settled = tokio::task::spawn_blocking(move || {
                writer.write(&rest)?;
                writer.file.iter().try_for_each(UploadFile::make_durable)?;
                Ok::<_, Error>(writer)
            });
            writer = settled.await.map_err(stopped)??;
        }
        let content = is_small.then_some(writer.content);
        Ok(Arrived { received, hash_state: writer.hash.save(), content, ended, turn: writer.turn })
    }

    /// Makes the content of a blob of the whole session if it has this digest, and else gives the digest that it has. Gives
    /// the session's size and turn too.
    pub(crate) async fn keep(self, digest: &Digest) -> Result<(u64, std::result::Result<Content, Digest>, Turn)> {
        let is_small = self.is_small();
        let Self { mut writer, received, rest, .. } = self;
        if is_small {
            writer.gather(&rest);
            let computed = Digest::of(digest.algorithm(), &writer.content);
            let kept = if computed == *digest { Ok(Content::Small(writer.content.into())) } else { Err(computed) };
            return Ok((received, kept, writer.turn));
        }
        writer.synced_ahead().await?;
        let digest = digest.clone();
        let kept = tokio::task::spawn_blocking(move || {
            writer.write(&rest)?;
            let Writer { registry, turn, id, hash, file, .. } = writer;
            let blobs = &registry.0.blobs;
            let computed = if hash.algorithm() == digest.algorithm() {
                hash.finish()
            } else {
                // The algorithm was not announced when the session began, so what was stored is read once more.
                blobs.digest_of_upload(&id, received, &digest)?
            };
            let kept = if computed == digest { Ok(Content::Object(blobs.keep(&id, file, received, &digest)?)) } else { Err(computed) };
            Ok((received, kept, turn))
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
            self.file = Some(self.registry.0.blobs.open_upload(&self.id, offset)?);
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
        match self.syncing.take() {
            Some(syncing) => syncing.await.map_err(stopped)?,
            None => Ok(()),
        }
    }
}

fn stopped(error: tokio::task::JoinError) -> Error {
    Error::Internal(error.to_string())
}

/// Gathers a batch of a body, and says how the body ended if it did.
async fn next_batch<B: PartBody>(body: &mut B) -> (Vec<Bytes>, Option<Result<()>>) {
    let (mut batch, mut small, mut length) = (Vec::new(), BytesMut::new(), 0);
    let mut ended = None;
    while length < BATCH_BYTES && ended.is_none() {
        match body.next().await {
            Some(Ok(bytes)) => {
                length += bytes.len();
                if bytes.len() < SMALL_PIECE {
                    small.extend_from_slice(&bytes);
                } else {
                    batch.extend((!small.is_empty()).then(|| small.split().freeze()));
                    batch.push(bytes);
                }
            }
            Some(Err(BodyError)) => ended = Some(Err(Error::BodyIncomplete)),
            None => ended = Some(Ok(())),
        }
    }
    batch.extend((!small.is_empty()).then(|| small.freeze()));
    (batch, ended)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A body of pieces of these lengths, whose bytes count on.
    struct Pieces(std::vec::IntoIter<usize>, u8);

    impl PartBody for Pieces {
        async fn next(&mut self) -> Option<std::result::Result<Bytes, BodyError>> {
            let length = self.0.next()?;
            Some(Ok((0..length)
                .map(|_| {
                    self.1 = self.1.wrapping_add(1);
                    self.1
                })
                .collect()))
        }
    }

    #[tokio::test]
    async fn a_batch_of_single_bytes_is_one_piece_and_the_order_is_kept() {
        let mut lengths = vec![1; 10_000];
        lengths.extend([SMALL_PIECE, 1, 2, SMALL_PIECE, SMALL_PIECE, 3]);
        let (batch, ended) = next_batch(&mut Pieces(lengths.clone().into_iter(), 0)).await;
        assert!(matches!(ended, Some(Ok(()))));
        let sizes: Vec<usize> = batch.iter().map(Bytes::len).collect();
        assert_eq!(sizes, [10_000, SMALL_PIECE, 3, SMALL_PIECE, SMALL_PIECE, 3]);
        let bytes = batch.concat();
        assert!(bytes.iter().enumerate().all(|(at, byte)| *byte == (at + 1) as u8) && bytes.len() == lengths.iter().sum::<usize>());
    }
}
