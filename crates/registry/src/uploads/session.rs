//! A session as it is stored.

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
    /// Its id, a UUID.
    pub id: String,
    /// How many bytes it holds.
    pub received: u64,
}

/// A session as a request names it.
#[derive(Clone, Copy)]
pub(super) struct SessionName<'a> {
    pub(super) repository: &'a RepositoryKey,
    pub(super) id: &'a str,
}

/// A session as its row has it.
#[derive(Debug, Clone)]
pub(super) struct UploadRow {
    pub(super) received: u64,
    /// The state of the hash over all that was received.
    pub(super) hash_state: Vec<u8>,
    /// What parts must have at least, except for the last, in bytes.
    pub(super) minimum_part: u64,
    /// The size of the last part.
    pub(super) last_part: u64,
    /// Whether a part before the last was smaller than the minimum.
    pub(super) has_short_part: bool,
    /// All that was received, as long as it is little; then it is in the store.
    pub(super) content: Option<Vec<u8>>,
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

    pub(super) fn not_found(self) -> Error {
        Error::UploadNotFound { repository: self.repository.clone(), id: self.id.chars().take(64).collect() }
    }
}

impl UploadRow {
    /// The session after one more part.
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
    /// Where a session stands. What has arrived with a request that is still running counts, because it is kept whatever becomes of that
    /// request, and the next one may continue from there. Only if the server itself ends is it lost.
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
