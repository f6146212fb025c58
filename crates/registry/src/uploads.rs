//! Upload sessions: how bytes come in, whichever door brings them.
//!
//! A session's row says how many bytes are durable and holds the hash over them, so a later request, also after a
//! restart, goes on from there. Bytes that were written beyond the row are cut off by the next append. The bytes of a small
//! session are in its row.

use crate::Registry;
use crate::error::{Error, Result};
use crate::hashing::Hash;
use crate::layers::BlobInfo;
use crate::metadata::{Content, NewBlob, RepositoryKey, Session, UploadRow};
use crate::receiving::Arrived;
use bytes::Bytes;
use roadstead_model::{Algorithm, Digest, RegistryId, RepositoryName};
use std::collections::HashSet;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

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
        let (turn, row) = self.take_turn(registry, name, id, start).await?;
        let arrived = self.receive(turn, id, &row, body).await?.settle().await?;
        self.advance(registry, name, id, &row, &arrived).await?;
        let received = arrived.received;
        arrived.ended.map(|()| Upload { id: id.to_owned(), received })
    }

    /// The right to write to a session, and where the session stands, which has to be at `start` if that is given.
    async fn take_turn(&self, registry: &RegistryId, name: &RepositoryName, id: &str, start: Option<u64>) -> Result<(Turn, UploadRow)> {
        let turn = self.0.sessions.take(id);
        let row = self.0.metadata.find_upload(registry, name, id).await?;
        match turn {
            Some(turn) if start.is_none_or(|start| start == row.received) => Ok((turn, row)),
            _ => Err(part_invalid(registry, name, id, row.received)),
        }
    }

    /// Notes how far a session has come, if it has come any farther, and gives it as it stands then.
    async fn advance(
        &self,
        registry: &RegistryId,
        name: &RepositoryName,
        id: &str,
        row: &UploadRow,
        arrived: &Arrived,
    ) -> Result<UploadRow> {
        if arrived.received == row.received {
            return Ok(row.clone());
        }
        let after = row.after(arrived.received, arrived.hash_state.clone(), arrived.content.clone());
        let moved = self.0.metadata.advance_upload(id.to_owned(), row.received, after.clone(), self.now()).await?;
        if moved { Ok(after) } else { Err(part_invalid(registry, name, id, row.received)) }
    }

    /// Ends a session: what it holds becomes a blob of the repository, if it has this digest. A session whose content
    /// has another digest is given up, since it can never be completed.
    pub async fn complete_upload(&self, registry: &RegistryId, name: &RepositoryName, id: &str, digest: &Digest) -> Result<BlobInfo> {
        self.complete_upload_with(registry, name, id, None, &mut Whole(None), digest).await
    }

    /// Appends the last body to a session as [`Self::append_upload`] does, and ends it as [`Self::complete_upload`] does.
    /// The bytes of a body that is all of the session are made durable once, where they stay.
    pub async fn complete_upload_with<B: PartBody>(
        &self,
        registry: &RegistryId,
        name: &RepositoryName,
        id: &str,
        start: Option<u64>,
        body: &mut B,
        digest: &Digest,
    ) -> Result<BlobInfo> {
        let (turn, row) = self.take_turn(registry, name, id, start).await?;
        let mut reception = self.receive(turn, id, &row, body).await?;
        // A session that had something in its file has to be found whole when this is cut off and sent again.
        if reception.is_broken() || (row.received > 0 && !reception.is_small()) {
            let arrived = reception.settle().await?;
            let row = self.advance(registry, name, id, &row, &arrived).await?;
            arrived.ended?;
            reception = self.receive(arrived.turn, id, &row, &mut Whole(None)).await?;
        }
        let (size, kept, _turn) = reception.keep(digest).await?;
        let content = match kept {
            Ok(content) => content,
            Err(computed) => {
                self.cancel_upload(registry, name, id).await?;
                return Err(Error::LayerDigestMismatch { expected: digest.clone(), computed });
            }
        };
        let new = NewBlob { digest: digest.clone(), size, content: content.clone() };
        let is_new = self.0.metadata.complete_upload(RepositoryKey::new(registry, name), id.to_owned(), new, self.now()).await?;
        if let (Content::Object(key), false) = (content, is_new) {
            self.0.blobs.delete(&key).await;
        }
        Ok(BlobInfo { digest: digest.clone(), size })
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
