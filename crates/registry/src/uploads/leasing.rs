//! Claiming the session that a request writes to.

use super::claim::Claim;
use super::session::{Session, SessionName, busy, misplaced};
use crate::error::{Error, Result};
use crate::installation::Installation;
use crate::upload_leases::{GRACE, Intent, UploadLease};
use std::time::Duration;

/// How often a completing request looks whether a request of another replica is done.
const POLL: Duration = Duration::from_millis(250);

impl Installation {
    /// Claims a session. Fails unless its length is `start`, if given, and no other request may be writing to it.
    ///
    /// A request of this process may have to yield. Where one of another replica got to is unknown, so it never has to; a completing
    /// request without a `start`, which may always take over, waits until it is done.
    pub(super) async fn claim(&self, name: SessionName<'_>, start: Option<u64>, intent: Intent) -> Result<Claim> {
        let mut lease = self.0.upload_leases.acquire(name.id, intent);
        let mut session = self.session(name).await?;
        if let Err(holder) = &lease
            && holder.yields_to(session.row.received, start, intent)
            && holder.revoke().await
        {
            lease = self.0.upload_leases.acquire(name.id, intent);
            session = self.session(name).await?;
        }
        if let (Ok(lease), None, Intent::Complete) = (&lease, start, intent) {
            session = self.await_writer(name, session, lease).await?;
        }
        let stored = session.row.received;
        let received = lease.as_ref().err().map_or(stored, |holder| holder.position(stored));
        match lease {
            _ if start.is_some_and(|start| start != received) => Err(misplaced(name.repository, name.id, received)),
            Ok(lease) if !self.is_written_elsewhere(&session) => Ok(Claim::new(self, name.repository, name.id, session, lease)),
            _ => Err(busy(name.repository, name.id, received)),
        }
    }

    /// Waits until no request of another replica writes to the session, until the lease is revoked, and at most [`GRACE`].
    async fn await_writer(&self, name: SessionName<'_>, mut session: Session, lease: &UploadLease) -> Result<Session> {
        let mut waited = Duration::ZERO;
        while self.is_written_elsewhere(&session) && waited < GRACE {
            if tokio::time::timeout(POLL, lease.revoked()).await.is_ok() {
                return Ok(session);
            }
            waited += POLL;
            session = self.session(name).await?;
        }
        Ok(session)
    }

    /// Whether a request of another replica may be writing to a session whose lease is not taken here.
    fn is_written_elsewhere(&self, session: &Session) -> bool {
        session.row.writer.as_ref().is_some_and(|writer| self.now() < writer.until)
    }

    /// Returns the reason for `error`, with which a request failed to write to a session: the session was canceled or its repository
    /// deleted meanwhile. Otherwise returns `error`.
    pub(super) async fn cause_of(&self, name: SessionName<'_>, error: Error) -> Error {
        match self.session(name).await {
            Err(gone @ (Error::UploadNotFound { .. } | Error::RepositoryNotFound { .. })) => {
                // The request may have written bytes after the upload was deleted.
                self.0.blobs.delete_upload(name.id, None).await;
                gone
            }
            _ => error,
        }
    }
}
