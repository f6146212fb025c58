//! Upload sessions: how bytes come in, whichever door brings them.
//!
//! A session's row says how many bytes are durable and holds the hash over them, so a later request, also after a
//! restart, goes on from there. Bytes that were written beyond the row are cut off by the next append.

use crate::Registry;
use crate::error::{Error, Result};
use crate::hashing::Hash;
use crate::layers::BlobInfo;
use crate::metadata::{NewBlob, RepositoryKey, Session, UploadRow};
use bytes::Bytes;
use roadstead_model::{Algorithm, Digest, RegistryId, RepositoryName};
use std::collections::HashSet;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

/// How many bytes are gathered before they are hashed and written together.
const BATCH_BYTES: usize = 1 << 20;

/// An upload session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Its id, a UUID.
    pub id: String,
    /// How many bytes it holds.
    pub received: u64,
}

/// The connection failed, or the client stopped before the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyError;

/// The body of a request, as it arrives.
pub trait PartBody: Send {
    /// The next bytes; none at the end.
    fn next(&mut self) -> impl Future<Output = Option<std::result::Result<Bytes, BodyError>>> + Send;
}

/// A part of a layer that was sent whole.
#[derive(Debug, Clone)]
pub struct LayerPart {
    /// The position of its first byte in the layer.
    pub first_byte: u64,
    /// The position of its last byte in the layer.
    pub last_byte: u64,
    /// The bytes.
    pub bytes: Bytes,
}

/// A body that is in memory already.
struct Whole(Option<Bytes>);

impl PartBody for Whole {
    async fn next(&mut self) -> Option<std::result::Result<Bytes, BodyError>> {
        self.0.take().map(Ok)
    }
}

/// The sessions that a request of this process is writing to.
#[derive(Clone, Default)]
pub(crate) struct Sessions(Arc<Mutex<HashSet<String>>>);

/// The right to write to a session. It ends when the last clone is dropped, which may be in a thread that still writes
/// for a request that is gone.
#[derive(Clone)]
pub(crate) struct Turn {
    _held: Arc<HeldTurn>,
}

struct HeldTurn {
    sessions: Sessions,
    id: String,
}

impl Sessions {
    pub(crate) fn take(&self, id: &str) -> Option<Turn> {
        let free = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned());
        free.then(|| Turn { _held: Arc::new(HeldTurn { sessions: self.clone(), id: id.to_owned() }) })
    }
}

impl Drop for HeldTurn {
    fn drop(&mut self) {
        self.sessions.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

impl Registry {
    /// Begins a session. Its bytes are hashed with `algorithm` as they arrive; without one, with SHA-256.
    pub async fn start_upload(
        &self,
        registry: &RegistryId,
        name: &RepositoryName,
        algorithm: Option<Algorithm>,
        create_repository: bool,
    ) -> Result<Upload> {
        self.start_session(registry, name, algorithm.unwrap_or(Algorithm::Sha256), 0, create_repository).await
    }

    /// Begins a session whose parts, but for the last, must be at least [`crate::Limits::layer_part_minimum`] bytes.
    pub async fn start_layer_upload(&self, registry: &RegistryId, name: &RepositoryName) -> Result<Upload> {
        self.start_session(registry, name, Algorithm::Sha256, self.0.limits.layer_part_minimum, false).await
    }

    async fn start_session(
        &self,
        registry: &RegistryId,
        name: &RepositoryName,
        algorithm: Algorithm,
        minimum_part: u64,
        create_repository: bool,
    ) -> Result<Upload> {
        let id = uuid::Uuid::new_v4().to_string();
        let session = Session { id: id.clone(), hash_state: Hash::new(algorithm).save(), minimum_part };
        let (key, if_missing) = (RepositoryKey::new(registry, name), self.if_missing(create_repository));
        self.0.metadata.start_upload(key, session, if_missing, self.now()).await?;
        Ok(Upload { id, received: 0 })
    }

    /// How far a session has come.
    pub async fn find_upload(&self, registry: &RegistryId, name: &RepositoryName, id: &str) -> Result<Upload> {
        let row = self.0.metadata.find_upload(registry, name, id).await?;
        Ok(Upload { id: id.to_owned(), received: row.received })
    }

    /// Appends a body to a session. `start` is where the client believes the session to stand; with none it is not checked.
    ///
    /// When the body ends early, what arrived is kept and the session stands behind it; the error is
    /// [`Error::BodyIncomplete`]. A part that starts elsewhere, or comes while another one is being written, is
    /// [`Error::LayerPartInvalid`] and leaves the session as it was.
    pub async fn append_upload<B: PartBody>(
        &self,
        registry: &RegistryId,
        name: &RepositoryName,
        id: &str,
        start: Option<u64>,
        body: &mut B,
    ) -> Result<Upload> {
        let row = self.0.metadata.find_upload(registry, name, id).await?;
        let busy = part_invalid(registry, name, id, row.received);
        let turn = self.0.sessions.take(id).ok_or_else(|| busy.clone())?;
        // The session may have moved between the look and the turn.
        let row = self.0.metadata.find_upload(registry, name, id).await?;
        if start.is_some_and(|start| start != row.received) {
            return Err(part_invalid(registry, name, id, row.received));
        }
        let (advanced, ended) = self.receive(&turn, id, &row, body).await?;
        if advanced.received != row.received {
            let received = advanced.received;
            if !self.0.metadata.advance_upload(id.to_owned(), row.received, advanced, self.now()).await? {
                return Err(busy);
            }
            ended?;
            return Ok(Upload { id: id.to_owned(), received });
        }
        ended?;
        Ok(Upload { id: id.to_owned(), received: row.received })
    }

    /// Writes and hashes a body behind what the session holds, and makes it durable. The second value says whether the
    /// body came to its end.
    async fn receive<B: PartBody>(&self, turn: &Turn, id: &str, row: &UploadRow, body: &mut B) -> Result<(UploadRow, Result<()>)> {
        let mut hash = Hash::restore(&row.hash_state)?;
        let mut received = row.received;
        let mut writer = None;
        let ended = loop {
            let (batch, ended) = next_batch(body).await;
            let length: usize = batch.iter().map(Bytes::len).sum();
            if received + length as u64 > self.0.limits.layer_bytes {
                break Err(Error::LayerTooLarge { maximum: self.0.limits.layer_bytes });
            }
            if length > 0 {
                let file = match writer.take() {
                    Some(file) => file,
                    None => self.0.blobs.append(id, row.received).await?,
                };
                let turn = turn.clone();
                let written = tokio::task::spawn_blocking(move || {
                    let _turn = turn;
                    file.write(&batch, &mut hash).map(|()| (file, hash))
                });
                let (file, hashed) = written.await.map_err(|error| Error::Internal(error.to_string()))??;
                (writer, hash) = (Some(file), hashed);
                received += length as u64;
            }
            if let Some(ended) = ended {
                break ended;
            }
        };
        if let Some(file) = writer {
            let turn = turn.clone();
            let durable = tokio::task::spawn_blocking(move || {
                let _turn = turn;
                file.make_durable()
            });
            durable.await.map_err(|error| Error::Internal(error.to_string()))??;
        }
        Ok((row.after(received, hash.save()), ended))
    }

    /// Ends a session: what it holds becomes a blob of the repository, if it has this digest. A session whose content
    /// has another digest is given up, since it can never be completed.
    pub async fn complete_upload(&self, registry: &RegistryId, name: &RepositoryName, id: &str, digest: &Digest) -> Result<BlobInfo> {
        let row = self.0.metadata.find_upload(registry, name, id).await?;
        let _turn = self.0.sessions.take(id).ok_or_else(|| part_invalid(registry, name, id, row.received))?;
        let row = self.0.metadata.find_upload(registry, name, id).await?;
        let hash = Hash::restore(&row.hash_state)?;
        let computed = if hash.algorithm() == digest.algorithm() {
            hash.finish()
        } else {
            // The algorithm was not announced when the session began, so what was stored is read once more.
            self.0.blobs.digest_of_upload(id, row.received, digest).await?
        };
        if computed != *digest {
            self.cancel_upload(registry, name, id).await?;
            return Err(Error::LayerDigestMismatch { expected: digest.clone(), computed });
        }
        let storage_key = self.0.blobs.keep(id, row.received, digest).await?;
        let new = NewBlob { digest: digest.clone(), size: row.received, storage_key: storage_key.clone() };
        let kept = self.0.metadata.complete_upload(RepositoryKey::new(registry, name), id.to_owned(), new, self.now()).await?;
        if kept.storage_key != storage_key {
            self.0.blobs.delete(&storage_key).await;
        }
        Ok(kept.into())
    }

    /// Appends one part that was sent whole, as UploadLayerPart does: it must lie exactly behind what the session holds.
    pub async fn append_layer_part(&self, registry: &RegistryId, name: &RepositoryName, id: &str, part: LayerPart) -> Result<Upload> {
        let row = self.0.metadata.find_upload(registry, name, id).await?;
        let length = part.last_byte.checked_sub(part.first_byte).map_or(0, |difference| difference.saturating_add(1));
        if length != part.bytes.len() as u64 || length > self.0.limits.layer_part_maximum {
            return Err(part_invalid(registry, name, id, row.received));
        }
        self.append_upload(registry, name, id, Some(part.first_byte), &mut Whole(Some(part.bytes))).await
    }

    /// Ends a session as CompleteLayerUpload does: it must have received something, its parts must have been large enough,
    /// every digest must be the content's, and the repository must not hold the layer yet.
    pub async fn complete_layer_upload(
        &self,
        registry: &RegistryId,
        name: &RepositoryName,
        id: &str,
        digests: &[Digest],
    ) -> Result<BlobInfo> {
        let row = self.0.metadata.find_upload(registry, name, id).await?;
        if row.received == 0 {
            return Err(Error::UploadEmpty { registry: registry.clone(), name: name.clone(), id: id.to_owned() });
        }
        if row.has_short_part {
            return Err(Error::LayerPartTooSmall);
        }
        let digest = digests.first().ok_or_else(|| Error::Internal("no digest to complete an upload with".to_owned()))?;
        let computed = Hash::restore(&row.hash_state)?.finish();
        if let Some(other) = digests.iter().find(|other| other.algorithm() == computed.algorithm() && **other != computed) {
            return Err(Error::LayerDigestMismatch { expected: other.clone(), computed });
        }
        if self.0.metadata.find_blob(registry, name, digest).await.is_ok() {
            self.cancel_upload(registry, name, id).await?;
            return Err(Error::LayerExists { registry: registry.clone(), name: name.clone(), digest: digest.clone() });
        }
        self.complete_upload(registry, name, id, digest).await
    }

    /// Gives a session up.
    pub async fn cancel_upload(&self, registry: &RegistryId, name: &RepositoryName, id: &str) -> Result<()> {
        self.0.metadata.cancel_upload(RepositoryKey::new(registry, name), id.to_owned()).await?;
        self.0.blobs.discard_upload(id).await;
        Ok(())
    }
}

/// A part that does not belong where the session stands.
fn part_invalid(registry: &RegistryId, name: &RepositoryName, id: &str, received: u64) -> Error {
    Error::LayerPartInvalid { registry: registry.clone(), name: name.clone(), id: id.to_owned(), received }
}

/// Gathers a batch of a body, and says how the body ended if it did.
async fn next_batch<B: PartBody>(body: &mut B) -> (Vec<Bytes>, Option<Result<()>>) {
    let (mut batch, mut length) = (Vec::new(), 0);
    while length < BATCH_BYTES {
        match body.next().await {
            Some(Ok(bytes)) => {
                length += bytes.len();
                batch.push(bytes);
            }
            Some(Err(BodyError)) => return (batch, Some(Err(Error::BodyIncomplete))),
            None => return (batch, Some(Ok(()))),
        }
    }
    (batch, None)
}
