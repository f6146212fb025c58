//! Upload sessions: how bytes come in, whichever door brings them.
//!
//! A session's row says how many bytes are durable and holds the hash over them, so a later request, also after a
//! restart, goes on from there. Bytes that were written beyond the row are cut off by the next append. The bytes of a small
//! session are in its row.
//!
//! What arrived of a chunk (PATCH) is kept when its connection breaks, since chunks are resumed. A closing request (PUT) is
//! idempotent (RFC 9110, section 9.2.2): one that broke leaves the session where it was, and one that comes again after its
//! answer was lost is answered as the first one was.

use crate::Installation;
use crate::error::{Error, Result};
use crate::hashing::Hash;
use crate::layers::BlobInfo;
use crate::metadata::{Content, NewBlob, RepositoryKey, Session, UploadRow};
use crate::receiving::{Ending, Outcome, Purpose};
use crate::turns::{Turn, Work};
use bytes::Bytes;
use roadstead_model::{Algorithm, Digest, RegistryId, RepositoryName};
use std::future::Future;

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

/// A session as a request names it.
#[derive(Clone, Copy)]
struct Named<'a> {
    registry: &'a RegistryId,
    name: &'a RepositoryName,
    id: &'a str,
}

impl Named<'_> {
    /// A part does not begin where the session stands.
    fn misplaced(self, received: u64) -> Error {
        Error::LayerPartInvalid { registry: self.registry.clone(), name: self.name.clone(), id: self.id.to_owned(), received }
    }

    /// Another request is writing to the session.
    fn busy(self, received: u64) -> Error {
        Error::UploadBusy { registry: self.registry.clone(), name: self.name.clone(), id: self.id.to_owned(), received }
    }
}

/// A session that lives no longer than its one request. Its client never learnt its id.
struct Passing {
    installation: Installation,
    key: RepositoryKey,
    id: String,
    is_over: bool,
}

impl Drop for Passing {
    /// The client is gone, and so is the task that served it.
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let (installation, key, id) = (self.installation.clone(), self.key.clone(), std::mem::take(&mut self.id));
            // A failure to give it up is no news: collection will.
            runtime.spawn(async move { drop(installation.cancel_upload(&key.registry, &key.name, &id).await) });
        }
    }
}

impl Installation {
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
        let room = self.make_room(registry, name).await?;
        self.0.metadata.start_upload(key, session, if_missing, self.now()).await?;
        room.has_begun();
        Ok(Upload { id, received: 0 })
    }

    /// How far a session has come. What a request has brought that is still under way counts: it is kept whatever becomes of that
    /// request, and the next one may go on from there. Only should the server itself end does the session stand where it stood before.
    pub async fn find_upload(&self, registry: &RegistryId, name: &RepositoryName, id: &str) -> Result<Upload> {
        let arriving = self.0.turns.reached(id).unwrap_or(0);
        let row = self.0.metadata.find_upload(registry, name, id).await?;
        Ok(Upload { id: id.to_owned(), received: row.received.max(arriving) })
    }

    /// Appends a body to a session. `start` is where the client believes the session to stand; with none it is not checked.
    ///
    /// When the body ends early, what arrived is kept and the session stands behind it; the error is
    /// [`Error::BodyIncomplete`]. A part that starts elsewhere is [`Error::LayerPartInvalid`] and leaves the session as it was.
    ///
    /// While another request is writing to the session, one that starts where that one got to takes over from it: it is the same
    /// client, whose other connection is dead. Any other is [`Error::UploadBusy`].
    pub async fn append_upload<B: PartBody>(
        &self,
        registry: &RegistryId,
        name: &RepositoryName,
        id: &str,
        start: Option<u64>,
        body: &mut B,
    ) -> Result<Upload> {
        let session = Named { registry, name, id };
        let (turn, row) = self.take_turn(session, start, Work::Appending).await?;
        match self.append(session, &turn, &row, body).await {
            Ok(received) => Ok(Upload { id: id.to_owned(), received }),
            Err(error) => Err(self.why_lost(session, error).await),
        }
    }

    async fn append<B: PartBody>(&self, session: Named<'_>, turn: &Turn, row: &UploadRow, body: &mut B) -> Result<u64> {
        let settled = self.receive(turn, session.id, row, Purpose::Part, body).await?.settle().await?;
        let (received, ending) = settled.ok_or_else(|| session.misplaced(row.received))?;
        self.whole(session, ending, received).map(|()| received)
    }

    /// The right to write to a session, and where the session stands, which has to be at `start` if that is given.
    async fn take_turn(&self, session: Named<'_>, start: Option<u64>, work: Work) -> Result<(Turn, UploadRow)> {
        let Named { registry, name, id } = session;
        let mut turn = self.0.turns.take(id, work);
        let mut row = self.0.metadata.find_upload(registry, name, id).await?;
        if let Err(holder) = &turn
            && holder.gives_way(row.received, start, work)
            && holder.stop().await
        {
            turn = self.0.turns.take(id, work);
            row = self.0.metadata.find_upload(registry, name, id).await?;
        }
        let received = turn.as_ref().err().map_or(row.received, |holder| holder.reached(row.received));
        match turn {
            _ if start.is_some_and(|start| start != received) => Err(session.misplaced(received)),
            Ok(turn) => Ok((turn, row)),
            Err(_) => Err(session.busy(received)),
        }
    }

    /// Whether a body came to its end, of a session that stands at `received`.
    fn whole(&self, session: Named<'_>, ending: Ending, received: u64) -> Result<()> {
        match ending {
            Ending::Whole => Ok(()),
            Ending::Broken => Err(Error::BodyIncomplete),
            Ending::TakenOver => Err(session.busy(received)),
            Ending::TooLarge => Err(Error::LayerTooLarge { maximum: self.0.limits.layer_bytes }),
        }
    }

    /// Why a request failed that was writing to a session: the session may have been given up meanwhile, or its repository deleted.
    async fn why_lost(&self, session: Named<'_>, error: Error) -> Error {
        match self.0.metadata.find_upload(session.registry, session.name, session.id).await {
            Err(gone @ (Error::UploadNotFound { .. } | Error::RepositoryNotFound { .. })) => {
                // What was written after its file was removed.
                self.0.blobs.discard_upload(session.id).await;
                gone
            }
            _ => error,
        }
    }

    /// Takes a whole blob in one request. Whatever becomes of the request, no session is left behind.
    pub async fn push_blob<B: PartBody>(
        &self,
        registry: &RegistryId,
        name: &RepositoryName,
        digest: &Digest,
        create_repository: bool,
        body: &mut B,
    ) -> Result<BlobInfo> {
        let Upload { id, .. } = self.start_upload(registry, name, Some(digest.algorithm()), create_repository).await?;
        let mut session = Passing { installation: self.clone(), key: RepositoryKey::new(registry, name), id, is_over: false };
        let pushed = self.complete_upload_with(registry, name, &session.id, Some(0), body, digest).await;
        session.is_over = pushed.is_ok();
        pushed
    }

    /// Ends a session: what it holds becomes a blob of the repository, if it has this digest. A session whose content
    /// has another digest is given up, since it can never be completed.
    pub async fn complete_upload(&self, registry: &RegistryId, name: &RepositoryName, id: &str, digest: &Digest) -> Result<BlobInfo> {
        self.complete_upload_with(registry, name, id, None, &mut Whole(None), digest).await
    }

    /// Appends the last body to a session and ends it as [`Self::complete_upload`] does. All bytes are made durable once,
    /// where they stay. When the body ends early the session stays as it was; the error is that of [`Self::append_upload`].
    ///
    /// A session that is gone has been ended if the repository holds the blob: the answer may have been lost. A body that comes
    /// once more must then be that blob; it is looked at and not stored.
    pub async fn complete_upload_with<B: PartBody>(
        &self,
        registry: &RegistryId,
        name: &RepositoryName,
        id: &str,
        start: Option<u64>,
        body: &mut B,
        digest: &Digest,
    ) -> Result<BlobInfo> {
        let session = Named { registry, name, id };
        let (turn, row) = match self.take_turn(session, start, Work::Closing).await {
            Ok(taken) => taken,
            Err(gone @ Error::UploadNotFound { .. }) => return self.ended_before(session, digest, body, gone).await,
            Err(error) => return Err(error),
        };
        match self.end(session, &turn, &row, body, digest).await {
            Err(error @ Error::LayerDigestMismatch { .. }) => Err(error),
            Err(error) => Err(self.why_lost(session, error).await),
            ended => ended,
        }
    }

    async fn end<B: PartBody>(&self, session: Named<'_>, turn: &Turn, row: &UploadRow, body: &mut B, digest: &Digest) -> Result<BlobInfo> {
        let Named { registry, name, id } = session;
        let reception = self.receive(turn, id, row, Purpose::Blob(digest), body).await?;
        if let Err(error) = self.whole(session, reception.ending(), row.received) {
            reception.abandon().await?;
            return Err(error);
        }
        let (size, content) = match reception.keep(digest).await? {
            Outcome::Blob { size, content } => (size, content),
            Outcome::Mismatch { computed } => {
                self.cancel_upload(registry, name, id).await?;
                return Err(Error::LayerDigestMismatch { expected: digest.clone(), computed });
            }
        };
        let new = NewBlob { digest: digest.clone(), size, content: content.clone() };
        let is_new = self.0.metadata.complete_upload(RepositoryKey::new(registry, name), id.to_owned(), new, self.now()).await?;
        self.0.open_sessions.ended(registry, name);
        if let (Content::Object(key), false) = (content, is_new) {
            self.0.blobs.delete(&key).await;
        }
        Ok(BlobInfo { digest: digest.clone(), size })
    }

    /// The blob that a session which is gone has become, if the repository holds it and `body` is empty or that blob; else `gone`.
    async fn ended_before<B: PartBody>(&self, session: Named<'_>, digest: &Digest, body: &mut B, gone: Error) -> Result<BlobInfo> {
        let blob = match self.reserve_blob(session.registry, session.name, digest).await {
            Err(Error::LayerNotFound(_)) => return Err(gone),
            found => found?,
        };
        let (mut hash, mut length) = (Hash::new(digest.algorithm()), 0);
        while let Some(next) = body.next().await {
            let bytes = next.map_err(|BodyError| Error::BodyIncomplete)?;
            length += bytes.len() as u64;
            if length > blob.size {
                return Err(gone);
            }
            hash.update(&bytes);
        }
        if length == 0 || hash.finish() == *digest { Ok(blob) } else { Err(gone) }
    }

    /// Appends one part that was sent whole, as UploadLayerPart does: it must lie exactly behind what the session holds.
    pub async fn append_layer_part(&self, registry: &RegistryId, name: &RepositoryName, id: &str, part: LayerPart) -> Result<Upload> {
        let row = self.0.metadata.find_upload(registry, name, id).await?;
        let length = part.last_byte.checked_sub(part.first_byte).map_or(0, |difference| difference.saturating_add(1));
        if length != part.bytes.len() as u64 || length > self.0.limits.layer_part_maximum {
            return Err(Named { registry, name, id }.misplaced(row.received));
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
        self.0.open_sessions.ended(registry, name);
        self.0.turns.stop(id);
        self.0.blobs.discard_upload(id).await;
        Ok(())
    }
}
