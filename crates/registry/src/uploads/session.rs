//! A session as a request names it, and the lease that the request needs to write to it.

use crate::error::{Error, Result};
use crate::installation::Installation;
use crate::metadata::UploadRow;
use crate::upload_leases::{Intent, UploadLease};
use roadstead_model::RepositoryKey;

#[derive(Clone, Copy)]
pub(super) struct SessionName<'a> {
    pub(super) repository: &'a RepositoryKey,
    pub(super) id: &'a str,
}

impl SessionName<'_> {
    /// The error for a part that does not begin where the session stands.
    pub(super) fn misplaced(self, received: u64) -> Error {
        Error::LayerPartInvalid { repository: self.repository.clone(), id: self.id.to_owned(), received }
    }

    /// The error while another request is writing to the session.
    pub(super) fn busy(self, received: u64) -> Error {
        Error::UploadBusy { repository: self.repository.clone(), id: self.id.to_owned(), received }
    }
}

impl Installation {
    /// Acquires the lease of a session and reads where it stands, which must be at `start` if that is given.
    pub(super) async fn lease_upload(
        &self,
        session: SessionName<'_>,
        start: Option<u64>,
        intent: Intent,
    ) -> Result<(UploadLease, UploadRow)> {
        let SessionName { repository, id } = session;
        let mut lease = self.0.upload_leases.acquire(id, intent);
        let mut row = self.0.metadata.find_upload(repository, id).await?;
        if let Err(holder) = &lease
            && holder.yields_to(row.received, start, intent)
            && holder.revoke().await
        {
            lease = self.0.upload_leases.acquire(id, intent);
            row = self.0.metadata.find_upload(repository, id).await?;
        }
        let received = lease.as_ref().err().map_or(row.received, |holder| holder.position(row.received));
        match lease {
            _ if start.is_some_and(|start| start != received) => Err(session.misplaced(received)),
            Ok(lease) => Ok((lease, row)),
            Err(_) => Err(session.busy(received)),
        }
    }

    /// The error of a request that failed to write to a session, or why it had to: the session was canceled meanwhile, or its repository
    /// deleted.
    pub(super) async fn cause_of(&self, session: SessionName<'_>, error: Error) -> Error {
        match self.0.metadata.find_upload(session.repository, session.id).await {
            Err(gone @ (Error::UploadNotFound { .. } | Error::RepositoryNotFound { .. })) => {
                // The request may have written something after the upload was deleted.
                self.0.blobs.delete_upload(session.id).await;
                gone
            }
            _ => error,
        }
    }
}
