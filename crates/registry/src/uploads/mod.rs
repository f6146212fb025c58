//! Upload sessions: how bytes come in, whichever door brings them.
//!
//! A session's row says how many bytes are durable and holds the hash over them, so that a later request, even after a restart, can
//! continue from there. Bytes beyond those that the row counts are cut off by the next append. The bytes of a small session are in its
//! row.
//!
//! What arrived of a chunk (PATCH) is kept when its connection breaks, since clients resume chunks. Completing a session (PUT) is
//! idempotent (RFC 9110, section 9.2.2): a request that breaks off leaves the session as it was, and one that is repeated because its
//! response was lost is answered like the first.

mod appending;
mod batch;
mod body;
mod completing;
mod ingest;
mod layer_parts;
mod session;

use crate::error::Result;
use crate::hashing::Hash;
use crate::installation::Installation;
use crate::metadata::Session;
use roadstead_model::{Algorithm, RepositoryKey};

pub use body::{BodyError, PartBody};
pub use layer_parts::LayerPart;

/// An upload session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Its id, a UUID.
    pub id: String,
    /// How many bytes it holds.
    pub received: u64,
}

impl Installation {
    /// Begins a session. Its bytes are hashed with `algorithm` as they arrive, or with SHA-256.
    pub async fn start_upload(&self, repository: &RepositoryKey, algorithm: Option<Algorithm>, create_repository: bool) -> Result<Upload> {
        self.start_session(repository, algorithm.unwrap_or(Algorithm::Sha256), 0, create_repository).await
    }

    /// Begins a session whose parts, except for the last, must have at least [`crate::Limits::layer_part_minimum`] bytes.
    pub async fn start_layer_upload(&self, repository: &RepositoryKey) -> Result<Upload> {
        self.start_session(repository, Algorithm::Sha256, self.0.limits.layer_part_minimum, false).await
    }

    async fn start_session(
        &self,
        repository: &RepositoryKey,
        algorithm: Algorithm,
        minimum_part: u64,
        create_repository: bool,
    ) -> Result<Upload> {
        let id = uuid::Uuid::new_v4().to_string();
        let session = Session { id: id.clone(), hash_state: Hash::new(algorithm).save(), minimum_part };
        let (key, if_missing) = (repository.clone(), self.if_missing(create_repository));
        let room = self.0.upload_quota.reserve(repository, &self.0.limits, self.0.metadata.count_uploads()).await?;
        self.0.metadata.start_upload(key, session, if_missing, self.now()).await?;
        room.commit();
        Ok(Upload { id, received: 0 })
    }

    /// Where a session stands. What has arrived with a request that is still running counts, because it is kept whatever becomes of that
    /// request, and the next one may continue from there. Only if the server itself ends is it lost.
    pub async fn find_upload(&self, repository: &RepositoryKey, id: &str) -> Result<Upload> {
        let arriving = self.0.upload_leases.position(id).unwrap_or(0);
        let row = self.0.metadata.find_upload(repository, id).await?;
        Ok(Upload { id: id.to_owned(), received: row.received.max(arriving) })
    }

    /// Cancels a session.
    pub async fn cancel_upload(&self, repository: &RepositoryKey, id: &str) -> Result<()> {
        self.0.metadata.cancel_upload(repository.clone(), id.to_owned()).await?;
        self.0.upload_quota.release(repository);
        self.forget_upload(id).await;
        Ok(())
    }

    /// Stops whoever writes to a session whose row is gone, and deletes its bytes.
    pub(crate) async fn forget_upload(&self, id: &str) {
        self.0.upload_leases.revoke(id);
        self.0.blobs.delete_upload(id).await;
    }
}
