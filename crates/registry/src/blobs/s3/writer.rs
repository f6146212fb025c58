//! Writing an upload: bytes are hashed once, gathered to parts, and sent while more arrive.
//!
//! Every part of a multipart upload but the last must have 5 MiB. A part is therefore sent only when the next one is sure to be as large:
//! whatever is left at the end of a request is then a part as well, and no byte is sent twice. Only an upload whose bytes since the last
//! part are fewer than that keeps them in objects of their own, its tails, until there are enough.

use super::buffer::{Buffer, Content};
use super::layout;
use super::objects::Objects;
use super::state::{Multipart, Part, State, Tail};
use crate::blobs::object::{ResumedUpload, Settled};
use crate::disk::blocking;
use crate::error::{Error, Result};
use bytes::Bytes;
use object_store::ObjectStoreExt;
use object_store::multipart::MultipartStore;
use roadstead_model::Digest;
use std::sync::Arc;
use tokio::task::JoinSet;

/// The minimum size of a part in bytes.
const MINIMUM: u64 = 5 << 20;
/// The size of the first parts in bytes.
const PART: u64 = 8 << 20;
/// The length of a new upload in bytes from which its first part is sent.
pub(in crate::blobs) const FIRST_WRITE: u64 = PART + MINIMUM;
/// After this many parts, sizes double, so that the 10,000 parts that S3 allows reach the 5 TiB that it allows.
const DOUBLING: u32 = 1024;
/// How many parts of an upload are sent at a time.
const AT_A_TIME: usize = 2;
/// The maximum number of tails. One more is merged with them.
const TAILS: usize = 8;
/// How many part numbers are left to a former writer that may still be alive. It sends [`AT_A_TIME`] parts at a time.
const LEFT_TO_FORMER: u32 = 16;
/// The size in bytes from which a batch is hashed on a blocking thread.
const LARGE: usize = 32 << 10;

/// The writer of an upload.
pub(super) struct Writer {
    objects: Arc<Objects>,
    /// Its `received` and `hash` include all appended bytes.
    upload: ResumedUpload,
    state: State,
    /// The bytes after those of the parts, with those of the tails.
    buffer: Buffer,
    sending: JoinSet<Result<Part>>,
    /// The number of the next part.
    next_part: u32,
    /// Whether a former writer may still send parts.
    is_contested: bool,
    /// Whether no row knows the multipart upload yet.
    is_new: bool,
}

const fn doublings(number: u32) -> u32 {
    number / DOUBLING
}

impl Writer {
    pub(super) fn new(objects: Arc<Objects>, upload: ResumedUpload) -> Result<Self> {
        let state = State::restore(upload.stored.as_deref(), upload.received)?;
        let buffer = Buffer::new(objects.room.clone(), &state.tails);
        let last = state.multipart.as_ref().and_then(|multipart| multipart.parts.last());
        let (next_part, is_contested) = (last.map_or(0, |part| part.0) + 1, upload.taken_over && state.multipart.is_some());
        Ok(Self { objects, upload, state, buffer, sending: JoinSet::new(), next_part, is_contested, is_new: false })
    }

    /// Hashes a batch, and sends parts as soon as there are enough bytes.
    pub(super) async fn append(&mut self, batch: Vec<Bytes>) -> Result<()> {
        self.take_in(batch).await?;
        while let Some(size) = self.next_size() {
            self.send_part(size).await?;
        }
        Ok(())
    }

    /// Appends the last batch and makes all bytes durable.
    pub(super) async fn settle(&mut self, last: Vec<Bytes>) -> Result<Settled> {
        self.append(last).await?;
        let old: u64 = self.state.tails.iter().map(|tail| tail.size).sum();
        if self.buffer.length() >= self.minimum() {
            self.send_part(u64::MAX).await?;
        } else if self.buffer.length() > old {
            self.store_tail(old).await?;
        }
        self.sent().await?;
        self.is_new = false;
        Ok(Settled { hash_state: self.upload.hash.save(), stored: Some(self.state.save()?) })
    }

    /// Appends the last batch and makes a blob. Fails if its digest is not the target.
    pub(super) async fn finish(&mut self, last: Vec<Bytes>) -> Result<String> {
        let expected = self.upload.target.take().ok_or_else(|| Error::Internal("an upload was finished without a target".to_owned()))?;
        self.take_in(last).await?;
        let is_hashed = self.upload.hash.algorithm() == expected.algorithm();
        if is_hashed {
            check(&expected, self.upload.hash.clone().finish())?;
        }
        let key = self.publish(&expected).await?;
        if !is_hashed {
            // The session was started with another algorithm, so read the object again.
            let computed = self.objects.digest(&key, self.upload.received, expected.algorithm()).await?;
            if let Err(error) = check(&expected, computed) {
                self.objects.delete(&key).await;
                return Err(error);
            }
        }
        self.is_new = false;
        Ok(key)
    }

    /// Waits until nothing is being sent any more, and removes what no row knows.
    pub(super) async fn give_up(mut self) {
        while self.sending.join_next().await.is_some() {}
        if let Some(multipart) = self.state.multipart.filter(|_| self.is_new) {
            self.objects.abort(&multipart.key, &multipart.id).await;
        }
    }

    async fn take_in(&mut self, batch: Vec<Bytes>) -> Result<()> {
        let length: usize = batch.iter().map(Bytes::len).sum();
        if length < LARGE {
            batch.iter().for_each(|bytes| self.upload.hash.update(bytes));
        } else {
            let (mut hash, pieces) = (self.upload.hash.clone(), batch.clone());
            let hashed = move || {
                pieces.iter().for_each(|bytes| hash.update(bytes));
                Ok::<_, Error>(hash)
            };
            self.upload.hash = blocking(hashed).await?;
        }
        self.upload.received += length as u64;
        self.buffer.push(batch).await
    }

    fn minimum(&self) -> u64 {
        MINIMUM << doublings(self.next_part)
    }

    /// Returns the size of the part that can be sent now.
    fn next_size(&self) -> Option<u64> {
        let size = PART << doublings(self.next_part);
        (self.buffer.length() >= size + self.minimum()).then_some(size)
    }

    /// Stores the bytes after the first `old` as a tail, or merges all tails if there are too many.
    async fn store_tail(&mut self, old: u64) -> Result<()> {
        let tails = self.buffer.take(old)?;
        let mut new = self.buffer.take(u64::MAX)?;
        if self.state.tails.len() >= TAILS {
            new = tails.followed_by(new);
            self.state.tails.clear();
        }
        let size = new.length;
        let key = self.put(new).await?;
        self.state.tails.push(Tail { key, size });
        Ok(())
    }

    async fn put(&self, content: Content) -> Result<String> {
        let key = layout::new_key(&self.upload.id);
        let (payload, _held) = content.load(&self.objects.bucket).await?;
        self.objects.bucket.client.put(&self.objects.bucket.path(&layout::name(&key)), payload).await?;
        Ok(key)
    }

    /// Starts to send the next part of at most `most` bytes, once fewer than [`AT_A_TIME`] are being sent.
    async fn send_part(&mut self, most: u64) -> Result<()> {
        if self.sending.len() >= AT_A_TIME {
            self.sent_one().await?;
        }
        let (key, id) = self.multipart().await?;
        let content = self.buffer.take(most)?;
        self.state.tails.clear();
        let (objects, number, size) = (self.objects.clone(), self.next_part, content.length);
        self.next_part += 1;
        self.sending.spawn(async move {
            let (payload, _held) = content.load(&objects.bucket).await?;
            let path = objects.bucket.path(&layout::name(&key));
            let part = objects.bucket.client.put_part(&path, &id, number as usize - 1, payload).await?;
            Ok(Part(number, part.content_id, size))
        });
        Ok(())
    }

    /// Returns key and id of the multipart upload, which is created unless it exists.
    async fn multipart(&mut self) -> Result<(String, String)> {
        let multipart = match self.state.multipart.take() {
            Some(multipart) => multipart,
            None => {
                let key = layout::new_key(&self.upload.id);
                let id = self.objects.bucket.client.create_multipart(&self.objects.bucket.path(&layout::name(&key))).await?;
                self.is_new = true;
                Multipart { key, id, parts: Vec::new() }
            }
        };
        let multipart = self.state.multipart.insert(multipart);
        if self.is_contested {
            let parts = self.objects.bucket.parts(&layout::name(&multipart.key), &multipart.id).await?;
            self.next_part = parts.iter().map(|part| part.number + 1).fold(self.next_part, u32::max) + LEFT_TO_FORMER;
            self.is_contested = false;
        }
        Ok((multipart.key.clone(), multipart.id.clone()))
    }

    /// Waits until one of the parts is sent.
    async fn sent_one(&mut self) -> Result<()> {
        let Some(sent) = self.sending.join_next().await else { return Ok(()) };
        let part = sent.map_err(|error| Error::Internal(error.to_string()))??;
        let parts = self.state.multipart.as_mut().map(|multipart| &mut multipart.parts);
        let parts = parts.ok_or_else(|| Error::Internal("a part was sent to no multipart upload".to_owned()))?;
        parts.insert(parts.partition_point(|before| before.0 < part.0), part);
        Ok(())
    }

    /// Waits until all parts are sent.
    async fn sent(&mut self) -> Result<()> {
        while !self.sending.is_empty() {
            self.sent_one().await?;
        }
        Ok(())
    }

    /// Makes an object of all bytes and returns its key.
    async fn publish(&mut self, expected: &Digest) -> Result<String> {
        let Some(multipart) = &self.state.multipart else {
            return match &self.state.tails[..] {
                [tail] if tail.size == self.upload.received => Ok(tail.key.clone()),
                _ => {
                    let all = self.buffer.take(u64::MAX)?;
                    self.put(all).await
                }
            };
        };
        let (key, id) = (multipart.key.clone(), multipart.id.clone());
        let sent = self.send_rest().await;
        let is_ours = sent.is_ok();
        let completed = match sent {
            Ok(()) => self.complete(&key, &id).await,
            failed => failed,
        };
        match completed {
            Err(error) if !self.was_completed(&key, expected, is_ours).await => Err(error),
            _ => Ok(key),
        }
    }

    async fn send_rest(&mut self) -> Result<()> {
        if self.buffer.length() > 0 {
            self.send_part(u64::MAX).await?;
        }
        self.sent().await
    }

    async fn complete(&mut self, key: &str, id: &str) -> Result<()> {
        let parts = self.state.multipart.as_ref().map_or(&[][..], |multipart| &multipart.parts);
        Ok(self.objects.bucket.complete(&layout::name(key), id, parts).await?)
    }

    /// Whether the multipart upload was completed before: its response was lost, or an earlier request ended before a row named the
    /// blob. The bytes that followed the recorded parts may have been others then, unless they were accepted once more.
    async fn was_completed(&self, key: &str, expected: &Digest, is_ours: bool) -> bool {
        let size = self.upload.received;
        match self.objects.size(key).await {
            Ok(found) if found == size && is_ours => true,
            Ok(found) if found == size => {
                self.objects.digest(key, size, expected.algorithm()).await.is_ok_and(|digest| digest == *expected)
            }
            _ => false,
        }
    }
}

fn check(expected: &Digest, computed: Digest) -> Result<()> {
    if computed == *expected { Ok(()) } else { Err(Error::LayerDigestMismatch { expected: expected.clone(), computed }) }
}
