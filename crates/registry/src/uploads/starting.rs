//! Starting a session.

use super::session::Upload;
use crate::error::Result;
use crate::hashing::Hash;
use crate::installation::Installation;
use crate::metadata::{Tx, params, statements};
use crate::repository_row;
use roadstead_model::{Algorithm, RepositoryKey};

statements! {
    INSERT = "INSERT INTO upload (id, repository_id, received, hash_state, minimum_part, last_part, has_short_part, created_at, updated_at)
        VALUES (?1, ?2, 0, ?3, ?4, 0, FALSE, ?5, ?5)";
    COUNT = "SELECT r.registry_id, r.name, COUNT(*) FROM upload u JOIN repository r ON r.id = u.repository_id GROUP BY r.registry_id, r.name";
}

impl Installation {
    /// Starts a session. Bytes are hashed with `algorithm` as they arrive, SHA-256 if `None`.
    pub async fn start_upload(&self, repository: &RepositoryKey, algorithm: Option<Algorithm>, create_repository: bool) -> Result<Upload> {
        self.start_session(repository, algorithm.unwrap_or(Algorithm::Sha256), 0, create_repository).await
    }

    /// Starts a session in which all parts but the last must have at least [`crate::Limits::layer_part_minimum`] bytes.
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
        let stored = self.0.metadata.scan(async |tx: &mut Tx<'_>| tx.query(&COUNT, params![]).await);
        let reservation = self.0.upload_quota.reserve(repository, &self.0.limits, stored).await?;
        let (if_missing, now) = (self.if_missing(create_repository), self.now());
        let id = uuid::Uuid::new_v4().to_string();
        let (key, upload) = (repository.clone(), id.clone());
        let work = async move |tx: &mut Tx<'_>| {
            let repository = repository_row::require_or_insert(tx, &key, if_missing, now).await?;
            let hash_state = Hash::new(algorithm).save();
            tx.execute(&INSERT, params![upload, repository, hash_state, minimum_part, now]).await.map(drop)
        };
        // A lazy write, because losing an empty session in a power failure does no harm.
        self.0.metadata.write_lazily(work).await?;
        reservation.commit();
        Ok(Upload { id, received: 0 })
    }
}
