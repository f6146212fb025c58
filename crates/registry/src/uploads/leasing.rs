//! The lease that a request needs to write to a session.

use super::session::{SessionName, UploadRow};
use crate::error::{Error, Result};
use crate::installation::Installation;
use crate::upload_leases::{Intent, UploadLease};

impl Installation {
    /// Acquires the lease of a session and reads where it stands, which must be at `start` if that is given.
    pub(super) async fn lease_upload(
        &self,
        session: SessionName<'_>,
        start: Option<u64>,
        intent: Intent,
    ) -> Result<(UploadLease, UploadRow)> {
        let mut lease = self.0.upload_leases.acquire(session.id, intent);
        let mut row = self.upload_row(session).await?;
        if let Err(holder) = &lease
            && holder.yields_to(row.received, start, intent)
            && holder.revoke().await
        {
            lease = self.0.upload_leases.acquire(session.id, intent);
            row = self.upload_row(session).await?;
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
        match self.upload_row(session).await {
            Err(gone @ (Error::UploadNotFound { .. } | Error::RepositoryNotFound { .. })) => {
                // The request may have written something after the upload was deleted.
                self.0.blobs.delete_upload(session.id).await;
                gone
            }
            _ => error,
        }
    }
}
