//! Acquiring the lease that a request needs to write to a session.

use super::session::{SessionName, UploadRow};
use crate::error::{Error, Result};
use crate::installation::Installation;
use crate::upload_leases::{Intent, UploadLease};

impl Installation {
    /// Acquires the lease of a session and reads its row. Fails unless the session's length is `start`, if given.
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

    /// Returns the reason for `error`, with which a request failed to write to a session: the session was canceled or its repository
    /// deleted meanwhile. Otherwise returns `error`.
    pub(super) async fn cause_of(&self, session: SessionName<'_>, error: Error) -> Error {
        match self.upload_row(session).await {
            Err(gone @ (Error::UploadNotFound { .. } | Error::RepositoryNotFound { .. })) => {
                // The request may have written bytes after the upload was deleted.
                self.0.blobs.delete_upload(session.id).await;
                gone
            }
            _ => error,
        }
    }
}
