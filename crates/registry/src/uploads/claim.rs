//! What a request holds of the session that it writes to.

use super::session::{Session, UploadRow, busy};
use super::write_right::{Requested, WriteRight};
use crate::error::Result;
use crate::installation::Installation;
use crate::metadata::{Tx, params, statements};
use crate::upload_leases::UploadLease;
use crate::upload_quota::Reservation;
use roadstead_model::{RepositoryKey, Timestamp};

statements! {
    INSERT = "INSERT INTO upload (id, repository_id, received, hash_state, minimum_part, last_part, has_short_part, content, stored,
            writer, writer_until, created_at, updated_at)
        SELECT ?1, r.id, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?12 FROM repository r
        WHERE r.id = ?2 AND NOT EXISTS (SELECT 1 FROM ended_upload e WHERE e.id = ?1) ON CONFLICT (id) DO NOTHING";
    ADVANCE = "UPDATE upload SET received = ?4, hash_state = ?5, last_part = ?6, has_short_part = ?7, content = ?8, stored = ?9, updated_at = ?10,
            writer = '' WHERE id = ?1 AND received = ?2 AND writer = ?3";
    TAKE = "UPDATE upload SET writer = ?4, writer_until = ?5 WHERE id = ?1 AND received = ?2 AND writer = ?3";
    UNDO = "DELETE FROM upload WHERE id = ?1 AND received = 0 AND writer = ?2";
}

/// A session that only this request writes to.
pub(super) struct Claim {
    pub(super) installation: Installation,
    pub(super) repository: RepositoryKey,
    pub(super) id: String,
    pub(super) session: Session,
    /// Whether this request inserted the row.
    has_inserted: bool,
    /// The name of the upload in the blob store.
    pub(super) object: String,
    place: Option<Reservation>,
    /// Where replicas share the metadata: the right to write to the blob store, once it is needed.
    right: Option<WriteRight>,
    /// The right to write to the session among the requests of this process.
    pub(super) lease: UploadLease,
}

impl Claim {
    pub(super) fn new(installation: &Installation, repository: &RepositoryKey, id: &str, session: Session, lease: UploadLease) -> Self {
        Self {
            installation: installation.clone(),
            repository: repository.clone(),
            id: id.to_owned(),
            session,
            has_inserted: false,
            object: id.to_owned(),
            place: None,
            right: None,
            lease,
        }
    }

    pub(super) const fn row(&self) -> &UploadRow {
        &self.session.row
    }

    /// The token in the row, as long as no other request takes the session over.
    pub(super) fn token(&self) -> String {
        let writer = self.right.as_ref().map(|right| &right.writer).or(self.row().writer.as_ref());
        writer.map(|writer| writer.token.clone()).unwrap_or_default()
    }

    /// Whether bytes may be written to the blob store.
    pub(super) fn may_write(&self) -> bool {
        self.right.as_ref().is_none_or(WriteRight::holds)
    }

    /// Reserves a place in the quotas, if the session is new. Fails if one is reached.
    pub(super) async fn reserve(&mut self) -> Result<()> {
        if self.row().is_new && self.place.is_none() {
            self.place = Some(self.installation.reserve_upload(&self.repository).await?);
        }
        Ok(())
    }

    /// Records that bytes of the session are about to be in the blob store.
    pub(super) async fn open_store(&mut self) -> Result<()> {
        if self.row().is_new {
            self.reserve().await?;
        }
        let requested = self.installation.0.metadata.is_shared().then(|| Requested::new(&self.installation));
        let changed = match &requested {
            _ if self.row().is_new => self.insert(self.row().clone(), requested.as_ref()).await?,
            Some(requested) if self.right.is_none() => self.take(requested).await?,
            _ => return Ok(()),
        };
        if !changed {
            return Err(busy(&self.repository, &self.id, self.row().received));
        }
        self.right = requested.map(|requested| requested.granted(&self.installation, &self.id, &self.lease));
        Ok(())
    }

    /// Obtains the right to write to the blob store, where replicas share the metadata. Fails if it is lost.
    pub(super) async fn share_store(&mut self) -> Result<()> {
        if self.installation.0.metadata.is_shared() {
            self.open_store().await?;
        }
        if self.may_write() { Ok(()) } else { Err(busy(&self.repository, &self.id, self.row().received)) }
    }

    /// Gives the upload a name of its own in the blob store, because this request ends a session that has no row: one of another replica
    /// may be ending the same session.
    pub(super) fn detach(&mut self) {
        self.object = uuid::Uuid::new_v4().to_string();
    }

    /// Records the bytes received, which must be durable, and lets other requests write to the session. Returns `false` if the session
    /// was changed or has ended meanwhile.
    pub(super) async fn advance(&mut self, row: UploadRow) -> Result<bool> {
        if self.row().is_new {
            self.reserve().await?;
            return self.insert(row, None).await;
        }
        let (id, before, token, now) = (self.id.clone(), self.row().received, self.token(), self.installation.now());
        let work = async move |tx: &mut Tx<'_>| {
            let UploadRow { received, hash_state, last_part, has_short_part, content, stored, .. } = &row;
            let parameters = params![id, before, token, received, hash_state, last_part, has_short_part, content, stored, now];
            tx.execute(&ADVANCE, parameters).await
        };
        Ok(self.installation.0.metadata.counting().write(work).await? > 0)
    }

    /// Leaves the session as it was before this request, without the bytes received. If another request has taken it over, nothing of that
    /// is touched.
    pub(super) async fn give_up(self) {
        let undone = match &self.right {
            _ if self.has_inserted => self.undo().await,
            Some(right) => right.release(&self.installation, &self.id).await.map(|()| false),
            None => Ok(false),
        };
        let is_gone = undone.unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot release an upload");
            false
        });
        self.delete_bytes(is_gone).await;
    }

    /// Deletes the bytes of a session that has no row any more, or those that only this request knows.
    pub(super) async fn delete_bytes(self, is_gone: bool) {
        if is_gone || self.object != self.id {
            self.installation.0.blobs.delete_upload(&self.object, self.row().stored.as_deref()).await;
        }
    }

    /// Inserts a row for a session that is new. Returns `false` if it has ended or another request has inserted one.
    async fn insert(&mut self, row: UploadRow, requested: Option<&Requested>) -> Result<bool> {
        let (id, repository, now) = (self.id.clone(), self.session.repository, self.installation.now());
        let nobody = || (String::new(), Timestamp::from_micros(0));
        let (token, until) = requested.map_or_else(nobody, |requested| (requested.writer.token.clone(), requested.writer.until));
        let is_empty = row.received == 0;
        let work = async move |tx: &mut Tx<'_>| {
            let UploadRow { received, hash_state, minimum_part, last_part, has_short_part, content, stored, .. } = &row;
            let parameters =
                params![id, repository, received, hash_state, minimum_part, last_part, has_short_part, content, stored, token, until, now];
            tx.execute(&INSERT, parameters).await
        };
        let metadata = self.installation.0.metadata.counting();
        // A row without bytes need not survive a power failure, unless it keeps other replicas from writing.
        let inserted = if is_empty && requested.is_none() { metadata.write_lazily(work).await? } else { metadata.write(work).await? };
        if inserted > 0 {
            (self.session.row.is_new, self.has_inserted) = (false, true);
            if let Some(place) = self.place.take() {
                place.commit();
            }
        }
        Ok(inserted > 0)
    }

    async fn take(&self, requested: &Requested) -> Result<bool> {
        let (id, before, seen, writer) = (self.id.clone(), self.row().received, self.token(), requested.writer.clone());
        let work = async move |tx: &mut Tx<'_>| tx.execute(&TAKE, params![id, before, seen, writer.token, writer.until]).await;
        Ok(self.installation.0.metadata.counting().write(work).await? > 0)
    }

    /// Deletes the row that this request inserted. Returns `false` if another request has taken the session over.
    async fn undo(&self) -> Result<bool> {
        let (id, token) = (self.id.clone(), self.token());
        let work = async move |tx: &mut Tx<'_>| tx.execute(&UNDO, params![id, token]).await;
        let is_gone = self.installation.0.metadata.counting().write(work).await? > 0;
        if is_gone {
            self.installation.0.upload_quota.release(&self.repository);
        }
        Ok(is_gone)
    }
}
