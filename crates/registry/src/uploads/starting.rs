//! Starting a session. It writes nothing, unless the repository has to be created.

use super::session::Upload;
use crate::error::{Error, Result};
use crate::installation::Installation;
use crate::metadata::{Tx, params, statements};
use crate::repository_row;
use crate::upload_ids::Purpose;
use crate::upload_quota::Reservation;
use roadstead_model::{Algorithm, Identity, RepositoryKey};

statements! {
    COUNT = "SELECT r.registry_id, r.name, COUNT(*) FROM upload u JOIN repository r ON r.id = u.repository_id GROUP BY r.registry_id, r.name";
}

impl Installation {
    /// Starts a session. Bytes are hashed with `algorithm` as they arrive, SHA-256 if `None`.
    pub async fn start_upload(
        &self,
        repository: &RepositoryKey,
        caller: &Identity,
        algorithm: Option<Algorithm>,
        create_repository: bool,
    ) -> Result<Upload> {
        let row = self.repository_to_push_to(repository, create_repository).await?;
        let purpose = Purpose { algorithm: algorithm.unwrap_or(Algorithm::Sha256), is_layer: false };
        Ok(Upload { id: self.0.upload_ids.issue(row, caller, purpose, self.now()), received: 0 })
    }

    /// Starts a session in which all parts but the last must have at least [`crate::Limits::layer_part_minimum`] bytes.
    pub async fn start_layer_upload(&self, repository: &RepositoryKey, caller: &Identity) -> Result<Upload> {
        let row = self.repository_to_push_to(repository, false).await?;
        let purpose = Purpose { algorithm: Algorithm::Sha256, is_layer: true };
        Ok(Upload { id: self.0.upload_ids.issue(row, caller, purpose, self.now()), received: 0 })
    }

    /// The row id of a repository, which is created if it is missing and that is allowed.
    pub(super) async fn repository_to_push_to(&self, repository: &RepositoryKey, create: bool) -> Result<i64> {
        let question = [repository.registry.as_str(), repository.name.as_str()];
        let find = async |tx: &mut Tx<'_>| repository_row::find(tx, repository).await;
        if let Some(row) = self.0.metadata.read_through(self.arrived(), &self.0.caches.repository_rows, &question, find).await? {
            return Ok(row);
        }
        if !create {
            return Err(Error::RepositoryNotFound(repository.clone()));
        }
        let (key, if_missing, now) = (repository.clone(), self.if_missing(create), self.now());
        let work = async move |tx: &mut Tx<'_>| repository_row::require_or_insert(tx, &key, if_missing, now).await;
        // All new repositories of an account count in its row.
        self.0.metadata.content().write_in_lane(repository.registry.to_string(), work).await
    }

    /// Reserves a place in the quotas for a session that is about to have bytes.
    pub(super) async fn reserve_upload(&self, repository: &RepositoryKey) -> Result<Reservation> {
        let stored = self.0.metadata.scan(async |tx: &mut Tx<'_>| tx.query(&COUNT, params![]).await);
        self.0.upload_quota.reserve(repository, &self.0.limits, self.0.metadata.is_shared(), stored).await
    }
}
