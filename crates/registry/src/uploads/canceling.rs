//! Canceling a session.

use super::session::SessionName;
use crate::error::Result;
use crate::installation::Installation;
use crate::metadata::{Tx, params, statements};
use crate::repository_row;
use roadstead_model::RepositoryKey;

statements! {
    DELETE = "DELETE FROM upload WHERE repository_id = ?1 AND id = ?2";
}

impl Installation {
    /// Cancels a session.
    pub async fn cancel_upload(&self, repository: &RepositoryKey, id: &str) -> Result<()> {
        let (key, upload) = (repository.clone(), id.to_owned());
        let work = async move |tx: &mut Tx<'_>| {
            let row = repository_row::require(tx, &key).await?;
            delete_row(tx, row, SessionName { repository: &key, id: &upload }).await
        };
        self.0.metadata.write(work).await?;
        self.forget_upload(repository, id).await;
        Ok(())
    }

    /// Cleans up after the row of a session was deleted: stops the request that writes to it, and deletes its bytes.
    pub(crate) async fn forget_upload(&self, repository: &RepositoryKey, id: &str) {
        self.0.upload_quota.release(repository);
        self.0.upload_leases.revoke(id);
        self.0.blobs.delete_upload(id).await;
    }
}

/// Deletes the row of a session. Fails if it does not exist.
pub(super) async fn delete_row(tx: &mut Tx<'_>, repository: i64, session: SessionName<'_>) -> Result<()> {
    if tx.execute(&DELETE, params![repository, session.id]).await? > 0 { Ok(()) } else { Err(session.not_found()) }
}
