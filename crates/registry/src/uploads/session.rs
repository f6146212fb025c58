//! Sessions as stored in the metadata.

use crate::error::{Error, Result};
use crate::installation::Installation;
use crate::metadata::{FromRow, Row, Tx, params, statements};
use crate::repository_row;
use roadstead_model::RepositoryKey;

statements! {
    SELECT = "SELECT u.received, u.hash_state, u.minimum_part, u.last_part, u.has_short_part, u.content FROM upload u JOIN repository r ON r.id = u.repository_id
        WHERE u.id = ?3 AND r.registry_id = ?1 AND r.name = ?2";
}

/// An upload session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// A UUID.
    pub id: String,
    /// The length in bytes.
    pub received: u64,
}

/// The repository and id by which a request names a session.
#[derive(Clone, Copy)]
pub(super) struct SessionName<'a> {
    pub(super) repository: &'a RepositoryKey,
    pub(super) id: &'a str,
}

/// The row of a session.
#[derive(Debug, Clone)]
pub(super) struct UploadRow {
    pub(super) received: u64,
    /// The hash state over all bytes received.
    pub(super) hash_state: Vec<u8>,
    /// The minimum size of every part but the last, in bytes.
    pub(super) minimum_part: u64,
    /// The size of the last part, in bytes.
    pub(super) last_part: u64,
    /// Whether a part before the last was smaller than the minimum.
    pub(super) has_short_part: bool,
    /// The bytes of a small session. `None` if they are in the blob store.
    pub(super) content: Option<Vec<u8>>,
}

impl SessionName<'_> {
    /// The error for a part that does not begin at the session's length.
    pub(super) fn misplaced(self, received: u64) -> Error {
        Error::LayerPartInvalid { repository: self.repository.clone(), id: self.id.to_owned(), received }
    }

    /// The error if another request is writing to the session.
    pub(super) fn busy(self, received: u64) -> Error {
        Error::UploadBusy { repository: self.repository.clone(), id: self.id.to_owned(), received }
    }

    pub(super) fn not_found(self) -> Error {
        Error::UploadNotFound { repository: self.repository.clone(), id: self.id.chars().take(64).collect() }
    }
}

impl UploadRow {
    /// Returns the row after one more part.
    pub(super) fn after(&self, received: u64, hash_state: Vec<u8>, content: Option<Vec<u8>>) -> Self {
        let has_short_part = self.has_short_part || (self.received > 0 && self.last_part < self.minimum_part);
        Self { received, hash_state, minimum_part: self.minimum_part, last_part: received - self.received, has_short_part, content }
    }
}

impl FromRow for UploadRow {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            received: row.read()?,
            hash_state: row.read()?,
            minimum_part: row.read()?,
            last_part: row.read()?,
            has_short_part: row.read()?,
            content: row.read()?,
        })
    }
}

impl Installation {
    /// Returns a session. Its length includes the bytes of a request in flight, because they are kept even if that request fails, and
    /// the next request may continue from there. They are lost only if the server stops.
    pub async fn find_upload(&self, repository: &RepositoryKey, id: &str) -> Result<Upload> {
        let arriving = self.0.upload_leases.position(id).unwrap_or(0);
        let row = self.upload_row(SessionName { repository, id }).await?;
        Ok(Upload { id: id.to_owned(), received: row.received.max(arriving) })
    }

    pub(super) async fn upload_row(&self, session: SessionName<'_>) -> Result<UploadRow> {
        let SessionName { repository, id } = session;
        let work = async |tx: &mut Tx<'_>| {
            if let Some(row) = tx.query_one(&SELECT, params![repository.registry, repository.name, id]).await? {
                return Ok(row);
            }
            repository_row::require(tx, repository).await?;
            Err(session.not_found())
        };
        self.0.metadata.read(work).await
    }
}
