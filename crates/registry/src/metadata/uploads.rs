//! Upload sessions: how far each has come, and the state of its hash, so that any process can go on with it.

use super::Metadata;
use super::{Row, Tx, Value, statements};
use crate::error::{Error, Result};
use crate::repository_row::{self, IfMissing};
use roadstead_model::{RegistryId, RepositoryKey, RepositoryName, Timestamp};

statements! {
    SELECT = "SELECT u.received, u.hash_state, u.minimum_part, u.last_part, u.has_short_part, u.content FROM upload u JOIN repository r ON r.id = u.repository_id
        WHERE u.id = ?3 AND r.registry_id = ?1 AND r.name = ?2";
    INSERT = "INSERT INTO upload (id, repository_id, received, hash_state, minimum_part, last_part, has_short_part, created_at, updated_at)
        VALUES (?1, ?2, 0, ?3, ?4, 0, FALSE, ?5, ?5)";
    ADVANCE = "UPDATE upload SET received = ?3, hash_state = ?4, last_part = ?5, has_short_part = ?6, updated_at = ?7, content = ?8
        WHERE id = ?1 AND received = ?2";
    DELETE = "DELETE FROM upload WHERE repository_id = ?1 AND id = ?2";
    COUNT = "SELECT r.registry_id, r.name, COUNT(*) FROM upload u JOIN repository r ON r.id = u.repository_id GROUP BY r.registry_id, r.name";
}

/// A session as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct UploadRow {
    pub(crate) received: u64,
    pub(crate) hash_state: Vec<u8>,
    /// Parts but for the last must be at least this large.
    pub(crate) minimum_part: u64,
    /// The size of the last part.
    pub(crate) last_part: u64,
    /// Whether a part before the last was smaller than that.
    pub(crate) has_short_part: bool,
    /// All that it has received, as long as that is little; else none, and it has a file.
    pub(crate) content: Option<Vec<u8>>,
}

impl UploadRow {
    /// The session after one more part, with the hash over all of it, and all of it if that is little.
    pub(crate) fn after(&self, received: u64, hash_state: Vec<u8>, content: Option<Vec<u8>>) -> Self {
        let has_short_part = self.has_short_part || (self.received > 0 && self.last_part < self.minimum_part);
        Self { received, hash_state, minimum_part: self.minimum_part, last_part: received - self.received, has_short_part, content }
    }
}

/// A session that begins.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) hash_state: Vec<u8>,
    pub(crate) minimum_part: u64,
}

impl Metadata {
    /// Begins a session. An empty session is no loss in a power cut, so nobody waits for the disk.
    pub(crate) async fn start_upload(&self, key: RepositoryKey, session: Session, if_missing: IfMissing, now: Timestamp) -> Result<()> {
        let row = self.next_id(now);
        self.write_lazily(async move |tx: &mut Tx<'_>| {
            let repository = repository_row::require_or_insert(tx, &key, if_missing, row, now).await?;
            let minimum = i64::try_from(session.minimum_part).unwrap_or(i64::MAX);
            let parameters: [Value<'_>; 5] =
                [session.id.as_str().into(), repository.into(), session.hash_state.as_slice().into(), minimum.into(), now.micros().into()];
            tx.execute(&INSERT, &parameters).await.map(drop)
        })
        .await
    }

    /// How far a session has come.
    pub(crate) async fn find_upload(&self, key: &RepositoryKey, id: &str) -> Result<UploadRow> {
        self.read(async |tx: &mut Tx<'_>| {
            let parameters: [Value<'_>; 3] = [key.registry.as_str().into(), key.name.as_str().into(), id.into()];
            if let Some(row) = tx.query_one_with(&SELECT, &parameters, read).await? {
                return Ok(row);
            }
            repository_row::require(tx, key).await?;
            Err(not_found(key, id))
        })
        .await
    }

    /// How many sessions each repository has, of those that have any.
    pub(crate) async fn count_uploads(&self) -> Result<Vec<(RepositoryKey, u64)>> {
        let read = |row: &Row<'_>| {
            let key = RepositoryKey::new(row.parsed(0, RegistryId::parse)?, row.parsed(1, RepositoryName::parse)?);
            Ok((key, row.unsigned(2)?))
        };
        self.scan(async |tx: &mut Tx<'_>| tx.query_with(&COUNT, &[], read).await).await
    }

    /// Notes that a session has come from `before` to `row.received` bytes. False when it stood elsewhere: another writer won.
    pub(crate) async fn advance_upload(&self, id: String, before: u64, row: UploadRow, now: Timestamp) -> Result<bool> {
        let signed = |size: u64| i64::try_from(size).unwrap_or(i64::MAX);
        let (before, after, last_part) = (signed(before), signed(row.received), signed(row.last_part));
        self.write(async move |tx: &mut Tx<'_>| {
            let parameters: [Value<'_>; 8] = [
                id.as_str().into(),
                before.into(),
                after.into(),
                row.hash_state.as_slice().into(),
                last_part.into(),
                row.has_short_part.into(),
                now.micros().into(),
                row.content.as_deref().into(),
            ];
            Ok(tx.execute(&ADVANCE, &parameters).await? == 1)
        })
        .await
    }

    /// Gives a session up.
    pub(crate) async fn cancel_upload(&self, key: RepositoryKey, id: String) -> Result<()> {
        self.write(async move |tx: &mut Tx<'_>| {
            let repository = repository_row::require(tx, &key).await?;
            if remove(tx, repository, &id).await? { Ok(()) } else { Err(not_found(&key, &id)) }
        })
        .await
    }
}

/// Removes a session. False when there was none.
pub(super) async fn remove(tx: &mut Tx<'_>, repository: i64, id: &str) -> Result<bool> {
    Ok(tx.execute(&DELETE, &[repository.into(), id.into()]).await? > 0)
}

pub(super) fn not_found(key: &RepositoryKey, id: &str) -> Error {
    Error::UploadNotFound { repository: key.clone(), id: id.chars().take(64).collect() }
}

fn read(row: &Row<'_>) -> Result<UploadRow> {
    Ok(UploadRow {
        received: row.unsigned(0)?,
        hash_state: row.bytes(1)?,
        minimum_part: row.unsigned(2)?,
        last_part: row.unsigned(3)?,
        has_short_part: row.boolean(4)?,
        content: row.optional_bytes(5)?,
    })
}
