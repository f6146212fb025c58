//! Sessions by their names, and their rows in the metadata.

use crate::blobs::Settled;
use crate::error::{Error, Result};
use crate::hashing::Hash;
use crate::installation::Installation;
use crate::metadata::{FromRow, Row, params, statements};
use crate::upload_ids::{Stated, UploadIds};
use roadstead_model::{Identity, RepositoryKey, Timestamp};

statements! {
    SELECT = "SELECT r.id, EXISTS (SELECT 1 FROM ended_upload e WHERE e.id = ?3), u.received, u.hash_state, u.minimum_part, u.last_part,
            u.has_short_part, u.content, u.stored, u.writer, u.writer_until
        FROM repository r LEFT JOIN upload u ON u.id = ?3 AND u.repository_id = r.id WHERE r.registry_id = ?1 AND r.name = ?2";
}

/// An upload session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// A UUID.
    pub id: String,
    /// The length in bytes.
    pub received: u64,
}

/// The repository, caller and id by which a request names a session. Only the caller that started a session can name it.
#[derive(Debug, Clone, Copy)]
pub struct SessionName<'a> {
    pub repository: &'a RepositoryKey,
    pub caller: &'a Identity,
    pub id: &'a str,
}

/// A session that a request has named.
pub(super) struct Session {
    /// The row id of the repository.
    pub(super) repository: i64,
    /// When the id expires. `None` if the client does not know it.
    pub(super) until: Option<Timestamp>,
    pub(super) row: UploadRow,
}

/// The row of a session.
#[derive(Debug, Clone)]
pub(super) struct UploadRow {
    /// The number of durable bytes.
    pub(super) received: u64,
    /// The hash state over the durable bytes.
    pub(super) hash_state: Vec<u8>,
    /// The minimum length of every part but the last.
    pub(super) minimum_part: u64,
    /// The length of the last part.
    pub(super) last_part: u64,
    /// Whether a part before the last was smaller than the minimum.
    pub(super) has_short_part: bool,
    /// The bytes of a small session. `None` if they are in the blob store.
    pub(super) content: Option<Vec<u8>>,
    /// What the blob store needs to continue.
    pub(super) stored: Option<Vec<u8>>,
    /// Who may write to the blob store, and until when.
    pub(super) writer: Option<Writer>,
    /// Whether the row is not in the metadata, because the session has no bytes yet.
    pub(super) is_new: bool,
}

/// The request that may write to an upload in the blob store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Writer {
    pub(super) token: String,
    pub(super) until: Timestamp,
}

impl SessionName<'_> {
    pub(super) fn not_found(self) -> Error {
        Error::UploadNotFound { repository: self.repository.clone(), id: self.id.chars().take(64).collect() }
    }
}

/// The error for a part that does not begin at the session's length.
pub(super) fn misplaced(repository: &RepositoryKey, id: &str, received: u64) -> Error {
    Error::LayerPartInvalid { repository: repository.clone(), id: id.to_owned(), received }
}

/// The error if another request is writing to the session.
pub(super) fn busy(repository: &RepositoryKey, id: &str, received: u64) -> Error {
    Error::UploadBusy { repository: repository.clone(), id: id.to_owned(), received }
}

impl UploadRow {
    /// A session without bytes.
    pub(super) fn new(hash: &Hash, minimum_part: u64) -> Self {
        Self {
            received: 0,
            hash_state: hash.save(),
            minimum_part,
            last_part: 0,
            has_short_part: false,
            content: None,
            stored: None,
            writer: None,
            is_new: true,
        }
    }

    /// Returns the row after one more part.
    pub(super) fn after(&self, received: u64, settled: Settled, content: Option<Vec<u8>>) -> Self {
        let has_short_part = self.has_short_part || (self.received > 0 && self.last_part < self.minimum_part);
        let Settled { hash_state, stored } = settled;
        let (last_part, minimum_part) = (received - self.received, self.minimum_part);
        Self { received, hash_state, minimum_part, last_part, has_short_part, content, stored, writer: None, is_new: false }
    }
}

/// What the metadata know of a session.
struct Found {
    repository: i64,
    has_ended: bool,
    row: Option<UploadRow>,
}

impl FromRow for Found {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let (repository, has_ended, received) = (row.read()?, row.read()?, row.read::<Option<u64>>()?);
        let read = |received| -> Result<UploadRow> {
            Ok(UploadRow {
                received,
                hash_state: row.read()?,
                minimum_part: row.read()?,
                last_part: row.read()?,
                has_short_part: row.read()?,
                content: row.read()?,
                stored: row.read()?,
                writer: Some(Writer { token: row.read()?, until: row.read()? }).filter(|writer| !writer.token.is_empty()),
                is_new: false,
            })
        };
        Ok(Self { repository, has_ended, row: received.map(read).transpose()? })
    }
}

impl Installation {
    /// Returns a session. Its length includes the bytes of a request in flight on this replica, because they are kept even if that
    /// request fails, and the next request may continue from there. They are lost only if the server stops.
    pub async fn find_upload(&self, name: SessionName<'_>) -> Result<Upload> {
        let arriving = self.0.upload_leases.position(name.id).unwrap_or(0);
        let session = self.session(name).await?;
        Ok(Upload { id: name.id.to_owned(), received: session.row.received.max(arriving) })
    }

    /// Finds a session. One without bytes has no row: its id states that it was started.
    pub(super) async fn session(&self, name: SessionName<'_>) -> Result<Session> {
        let SessionName { repository, caller, id } = name;
        let found: Option<Found> = self.0.metadata.query_one(&SELECT, params![repository.registry, repository.name, id]).await?;
        let Found { repository, has_ended, row } = found.ok_or_else(|| Error::RepositoryNotFound(name.repository.clone()))?;
        let now = self.now();
        let stated = self.0.upload_ids.verify(id, repository, caller, now);
        let until = stated.map(|stated| stated.until);
        match (row, stated) {
            (Some(row), Some(_)) => Ok(Session { repository, until, row }),
            (Some(row), None) if !UploadIds::is_sealed(id) => Ok(Session { repository, until, row }),
            (None, Some(stated)) if !has_ended && now < stated.until => Ok(Session { repository, until, row: self.empty_row(stated) }),
            _ => Err(name.not_found()),
        }
    }

    fn empty_row(&self, stated: Stated) -> UploadRow {
        let minimum_part = if stated.purpose.is_layer { self.0.limits.layer_part_minimum } else { 0 };
        UploadRow::new(&Hash::new(stated.purpose.algorithm), minimum_part)
    }
}
