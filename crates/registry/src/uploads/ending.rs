//! How sessions end: their rows are deleted, and their ids are remembered until they expire.

use super::claim::Claim;
use super::session::SessionName;
use crate::error::Result;
use crate::installation::Installation;
use crate::metadata::{Tx, params, statements};
use roadstead_model::{RepositoryKey, Timestamp};

statements! {
    DELETE = "DELETE FROM upload WHERE repository_id = ?1 AND id = ?2 RETURNING stored";
    DELETE_CLAIMED = "DELETE FROM upload WHERE repository_id = ?1 AND id = ?2 AND received = ?3 AND writer = ?4";
    // A session that has a row has not ended.
    RECORD = "INSERT INTO ended_upload (id, until) SELECT ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM upload u WHERE u.id = ?1)
        ON CONFLICT (id) DO NOTHING";
}

/// A session to be ended by the request that has claimed it.
pub(super) struct Ended {
    pub(super) repository: i64,
    id: String,
    until: Option<Timestamp>,
    received: u64,
    token: String,
    is_new: bool,
}

impl Ended {
    pub(super) fn of(claim: &Claim) -> Self {
        let (session, row) = (&claim.session, claim.row());
        Self {
            repository: session.repository,
            id: claim.id.clone(),
            until: session.until,
            received: row.received,
            token: claim.token(),
            is_new: row.is_new,
        }
    }

    /// Ends the session. Returns `false` if it was changed or has ended meanwhile.
    pub(super) async fn end(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<bool> {
        let Self { repository, id, until, received, token, is_new } = self;
        let delete = (&DELETE_CLAIMED, &params![repository, id, received, token][..]);
        match until {
            Some(until) if *is_new => Ok(tx.execute(&RECORD, params![id, until]).await? > 0),
            Some(until) if now < *until => Ok(tx.execute_all([delete, (&RECORD, params![id, until])]).await? == [1, 1]),
            None if *is_new => Ok(true),
            _ => Ok(tx.execute_all([delete]).await? == [1]),
        }
    }
}

impl Installation {
    /// Cancels a session.
    pub async fn cancel_upload(&self, name: SessionName<'_>) -> Result<()> {
        let session = self.session(name).await?;
        let (repository, until, id, now) = (session.repository, session.until, name.id.to_owned(), self.now());
        let work = async move |tx: &mut Tx<'_>| {
            let deleted: Option<Option<Vec<u8>>> = tx.query_one(&DELETE, params![repository, id]).await?;
            let recorded = match until {
                Some(until) if now < until => tx.execute(&RECORD, params![id, until]).await? > 0,
                _ => false,
            };
            Ok((deleted, recorded))
        };
        let (deleted, recorded) = self.0.metadata.counting().write(work).await?;
        match deleted {
            None if !recorded => return Err(name.not_found()),
            None => self.stop_upload(name.id, None).await,
            Some(stored) => self.forget_upload(name.repository, name.id, stored.as_deref()).await,
        }
        Ok(())
    }

    /// Cancels a session that a request has claimed, because its bytes are not the blob that they should be. Does nothing if another
    /// request has taken it over.
    pub(super) async fn cancel_claimed(&self, claim: Claim) -> Result<()> {
        let (ended, now) = (Ended::of(&claim), self.now());
        let has_row = !ended.is_new;
        let work = async move |tx: &mut Tx<'_>| ended.end(tx, now).await;
        let has_ended = self.0.metadata.counting().write(work).await?;
        if has_ended && has_row {
            self.0.upload_quota.release(&claim.repository);
        }
        claim.delete_bytes(has_ended).await;
        Ok(())
    }

    /// Cleans up after the row of a session was deleted, which knew what the blob store has of it.
    pub(crate) async fn forget_upload(&self, repository: &RepositoryKey, id: &str, stored: Option<&[u8]>) {
        self.0.upload_quota.release(repository);
        self.stop_upload(id, stored).await;
    }

    /// Stops the request that writes to a session, and deletes the session's bytes.
    async fn stop_upload(&self, id: &str, stored: Option<&[u8]>) {
        self.0.upload_leases.revoke(id);
        self.0.blobs.delete_upload(id, stored).await;
    }
}
