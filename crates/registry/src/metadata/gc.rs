//! What garbage collection asks and removes. Each removal repeats its condition, so that a push that came between finding
//! and removing is never harmed.

use super::{Metadata, blobs};
use super::{Row, Tx, Value, statements};
use crate::error::Result;
use roadstead_model::{Digest, Timestamp};

statements! {
    SELECT_STALE_UPLOADS = "SELECT id, received FROM upload WHERE updated_at < ?1 AND id > ?2 ORDER BY id LIMIT ?3";
    DELETE_STALE_UPLOAD = "DELETE FROM upload WHERE id = ?1 AND updated_at < ?2";
    SELECT_LINKS = "SELECT l.repository_id, l.blob_id, l.created_at < ?1 AND NOT EXISTS
            (SELECT 1 FROM manifest_blob u WHERE u.repository_id = l.repository_id AND u.blob_id = l.blob_id)
        FROM repository_blob l WHERE (l.repository_id, l.blob_id) > (?2, ?3) ORDER BY l.repository_id, l.blob_id LIMIT ?4";
    DELETE_UNUSED_LINK = "DELETE FROM repository_blob WHERE repository_id = ?1 AND blob_id = ?2 AND created_at < ?3 AND NOT EXISTS
        (SELECT 1 FROM manifest_blob u WHERE u.repository_id = ?1 AND u.blob_id = ?2)";
    SELECT_BLOBS = "SELECT b.id, b.size, b.created_at < ?1 AND NOT EXISTS (SELECT 1 FROM repository_blob l WHERE l.blob_id = b.id AND NOT
            (l.created_at < ?1 AND NOT EXISTS (SELECT 1 FROM manifest_blob u WHERE u.repository_id = l.repository_id AND u.blob_id = l.blob_id)))
        FROM blob b WHERE b.id > ?2 ORDER BY b.id LIMIT ?3";
    DELETE_UNHELD_BLOB = "DELETE FROM blob WHERE id = ?1 AND created_at < ?2 AND NOT EXISTS
        (SELECT 1 FROM repository_blob l WHERE l.blob_id = ?1) RETURNING storage_key, size";
    SELECT_NAMED = "SELECT EXISTS (SELECT 1 FROM blob WHERE digest = ?1 AND storage_key = ?2)";
    SELECT_UPLOAD = "SELECT EXISTS (SELECT 1 FROM upload WHERE id = ?1)";
}

/// A row that was looked at, with what tells whether it may go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link {
    pub(crate) repository: i64,
    pub(crate) blob: i64,
    pub(crate) unused: bool,
}

/// A blob that was looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Held {
    pub(crate) id: i64,
    pub(crate) size: u64,
    pub(crate) unused: bool,
}

impl Metadata {
    /// Some sessions that nobody has written to since `before`: their ids and bytes.
    pub(crate) async fn stale_uploads(&self, before: Timestamp, after: &str, count: usize) -> Result<Vec<(String, u64)>> {
        let parameters: [Value<'_>; 3] = [before.micros().into(), after.into(), (count as i64).into()];
        let read = |row: &Row<'_>| Ok((row.text(0)?, row.unsigned(1)?));
        self.read(async |tx: &mut Tx<'_>| tx.query_with(&SELECT_STALE_UPLOADS, &parameters, read).await).await
    }

    /// Gives up a session that nobody has written to since `before`. False when somebody has.
    pub(crate) async fn delete_stale_upload(&self, id: String, before: Timestamp) -> Result<bool> {
        self.write(async move |tx: &mut Tx<'_>| {
            Ok(tx.execute(&DELETE_STALE_UPLOAD, &[id.as_str().into(), before.micros().into()]).await? > 0)
        })
        .await
    }

    /// The next links between repositories and blobs after the given one, and whether each is old and needed by no manifest.
    pub(crate) async fn next_links(&self, before: Timestamp, after: (i64, i64), count: usize) -> Result<Vec<Link>> {
        let parameters: [Value<'_>; 4] = [before.micros().into(), after.0.into(), after.1.into(), (count as i64).into()];
        let read = |row: &Row<'_>| Ok(Link { repository: row.integer(0)?, blob: row.integer(1)?, unused: row.boolean(2)? });
        self.read(async |tx: &mut Tx<'_>| tx.query_with(&SELECT_LINKS, &parameters, read).await).await
    }

    /// Takes blobs out of repositories where they are still old and needed by no manifest. Gives how many went.
    pub(crate) async fn delete_unused_links(&self, links: Vec<Link>, before: Timestamp) -> Result<usize> {
        self.write(async move |tx: &mut Tx<'_>| {
            let mut deleted = 0;
            for link in &links {
                let parameters: [Value<'_>; 3] = [link.repository.into(), link.blob.into(), before.micros().into()];
                deleted += tx.execute(&DELETE_UNUSED_LINK, &parameters).await?;
            }
            Ok(deleted)
        })
        .await
    }

    /// The next blobs after the given one, and whether each is old and held by no repository, or only where it is unused.
    pub(crate) async fn next_blobs(&self, before: Timestamp, after: i64, count: usize) -> Result<Vec<Held>> {
        let parameters: [Value<'_>; 3] = [before.micros().into(), after.into(), (count as i64).into()];
        let read = |row: &Row<'_>| Ok(Held { id: row.integer(0)?, size: row.unsigned(1)?, unused: row.boolean(2)? });
        self.read(async |tx: &mut Tx<'_>| tx.query_with(&SELECT_BLOBS, &parameters, read).await).await
    }

    /// Forgets blobs that are still old and held by no repository. Gives the storage keys, where bytes are left to be
    /// removed, and the sizes of those that went.
    pub(crate) async fn delete_unheld_blobs(&self, ids: Vec<i64>, before: Timestamp) -> Result<Vec<(Option<String>, u64)>> {
        self.write(async move |tx: &mut Tx<'_>| {
            let mut gone = Vec::new();
            for id in &ids {
                let read = |row: &Row<'_>| Ok((blobs::storage_key(row, 0)?, row.unsigned(1)?));
                gone.extend(tx.query_one_with(&DELETE_UNHELD_BLOB, &[(*id).into(), before.micros().into()], read).await?);
            }
            Ok(gone)
        })
        .await
    }

    /// Whether a row names this stored object.
    pub(crate) async fn names_object(&self, digest: &Digest, storage_key: &str) -> Result<bool> {
        let parameters: [Value<'_>; 2] = [digest.as_str().into(), storage_key.into()];
        let named = self.read(async |tx: &mut Tx<'_>| tx.query_one_with(&SELECT_NAMED, &parameters, |row| row.boolean(0)).await).await?;
        Ok(named == Some(true))
    }

    /// Whether a session of this id is stored.
    pub(crate) async fn names_upload(&self, id: &str) -> Result<bool> {
        let named = self.read(async |tx: &mut Tx<'_>| tx.query_one_with(&SELECT_UPLOAD, &[id.into()], |row| row.boolean(0)).await).await?;
        Ok(named == Some(true))
    }
}
