//! Blobs: which bytes are stored, and which repositories hold them.

use super::{Metadata, uploads};
use super::{Row, Tx, Value, statements};
use crate::error::{Error, Result};
use crate::repository_row::{self, IfMissing};
use bytes::Bytes;
use roadstead_model::{Digest, Manifest, RepositoryKey, Timestamp};

statements! {
    SELECT_STORED = "SELECT b.id, b.digest, b.size, b.storage_key, c.bytes FROM repository r
        JOIN blob b ON b.digest = ?3 JOIN repository_blob l ON l.repository_id = r.id AND l.blob_id = b.id
        LEFT JOIN blob_content c ON c.blob_id = b.id
        WHERE r.registry_id = ?1 AND r.name = ?2";
    SELECT_IN_REPOSITORY = "SELECT b.id, b.digest, b.size FROM repository r
        JOIN blob b ON b.digest = ?3 JOIN repository_blob l ON l.repository_id = r.id AND l.blob_id = b.id
        WHERE r.registry_id = ?1 AND r.name = ?2";
    SELECT_LINKED = "SELECT b.id, b.digest, b.size FROM blob b
        JOIN repository_blob l ON l.blob_id = b.id AND l.repository_id = ?1 WHERE b.digest = ?2";
    SELECT_ANYWHERE = "SELECT b.id, b.digest, b.size FROM blob b
        WHERE b.digest = ?1 AND EXISTS (SELECT 1 FROM repository_blob l WHERE l.blob_id = b.id)";
    SELECT_ID = "SELECT id FROM blob WHERE digest = ?1";
    INSERT = "INSERT INTO blob (id, digest, size, storage_key, created_at) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (digest) DO NOTHING";
    INSERT_CONTENT = "INSERT INTO blob_content (blob_id, bytes) VALUES (?1, ?2)";
    // A link that was there is made young again, so that collecting unused blobs gives the new push its full grace.
    LINK = "INSERT INTO repository_blob (repository_id, blob_id, created_at) VALUES (?1, ?2, ?3)
        ON CONFLICT (repository_id, blob_id) DO UPDATE SET created_at = excluded.created_at";
    // A link that no manifest needs and that is not young may be collected at any time.
    SELECT_AT_RISK = "SELECT b.id, b.digest, b.size, l.created_at < ?4, EXISTS
            (SELECT 1 FROM manifest_blob u WHERE u.repository_id = l.repository_id AND u.blob_id = l.blob_id)
        FROM repository r JOIN blob b ON b.digest = ?3 JOIN repository_blob l ON l.repository_id = r.id AND l.blob_id = b.id
        WHERE r.registry_id = ?1 AND r.name = ?2";
    RENEW = "UPDATE repository_blob SET created_at = ?3 WHERE repository_id = ?1 AND blob_id = ?2";
    SELECT_USER = "SELECT m.digest FROM manifest_blob u JOIN manifest m ON m.id = u.manifest_id
        WHERE u.repository_id = ?1 AND u.blob_id = ?2 ORDER BY m.digest LIMIT 1";
    SELECT_FIRST_USER = "SELECT manifest_id FROM manifest_blob WHERE repository_id = ?1 AND blob_id = ?2 ORDER BY manifest_id LIMIT 1";
    SELECT_CONTENT_OF_USER = "SELECT bytes FROM manifest_content WHERE manifest_id = ?1";
    UNLINK = "DELETE FROM repository_blob WHERE repository_id = ?1 AND blob_id = ?2";
}

/// A blob.
#[derive(Debug, Clone)]
pub(crate) struct BlobRow {
    pub(crate) id: i64,
    pub(crate) digest: Digest,
    pub(crate) size: u64,
}

/// A blob as a layer.
#[derive(Debug)]
pub(crate) struct LayerRow {
    pub(crate) blob: BlobRow,
    /// Whether a manifest of the repository needs it.
    pub(crate) needed: bool,
    /// What that manifest says it is.
    pub(crate) media_type: Option<String>,
}

/// Where the bytes of a blob are.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    /// Here, since they are few.
    Small(Bytes),
    /// In the blob store under this key.
    Object(String),
}

impl Content {
    /// How many bytes of memory it takes.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Small(bytes) => bytes.len(),
            Self::Object(key) => key.len(),
        }
    }
}

/// A blob with its bytes, or with where they are.
#[derive(Debug, Clone)]
pub(crate) struct StoredRow {
    pub(crate) blob: BlobRow,
    pub(crate) content: Content,
}

/// A blob of a repository, and what its staying there depends on.
#[derive(Debug, Clone)]
pub(crate) struct HeldBlob {
    blob: BlobRow,
    /// It has not been pushed or asked for lately.
    old: bool,
    /// A manifest needs it.
    pub(crate) needed: bool,
}

/// What shall become a blob. A stored object is durable already.
#[derive(Debug, Clone)]
pub(crate) struct NewBlob {
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    pub(crate) content: Content,
}

impl Metadata {
    /// The blob of this digest that a repository holds, to be read.
    pub(crate) async fn find_blob(&self, key: &RepositoryKey, digest: &Digest) -> Result<StoredRow> {
        let question = [key.registry.as_str(), key.name.as_str(), digest.as_str()];
        let work = async |tx: &mut Tx<'_>| {
            let found = tx.query_one_with(&SELECT_STORED, &question.map(Value::from), read_stored).await?;
            repository_row::require_on_miss(tx, key, found).await
        };
        let found = self.read_through(&self.caches.blobs, &question, work).await?;
        found.ok_or_else(|| Error::LayerNotFound(digest.clone()))
    }

    /// For each digest the blob that a repository holds, in their order, with what a manifest that needs it says about it.
    pub(crate) async fn find_layers(&self, key: &RepositoryKey, digests: &[Digest]) -> Result<Vec<Option<LayerRow>>> {
        self.read(async |tx: &mut Tx<'_>| {
            let repository = repository_row::require(tx, key).await?;
            let mut layers = Vec::with_capacity(digests.len());
            // Layers that are asked for together are mostly of one manifest, and there is one in memory at a time.
            let mut manifest = None;
            for digest in digests {
                layers.push(match find_in(tx, repository, digest).await? {
                    Some(blob) => Some(describe_layer(tx, repository, blob, &mut manifest).await?),
                    None => None,
                });
            }
            Ok(layers)
        })
        .await
    }

    /// The blob of this digest that a repository holds, and whether it is from before `young` and no manifest needs it.
    pub(crate) async fn find_blob_at_risk(&self, key: &RepositoryKey, digest: &Digest, young: Timestamp) -> Result<(BlobRow, bool)> {
        let question = [key.registry.as_str(), key.name.as_str(), digest.as_str()];
        let work = async |tx: &mut Tx<'_>| {
            let [a, b, c] = question.map(Value::from);
            let read = |row: &Row<'_>| Ok(HeldBlob { blob: read(row)?, old: row.boolean(3)?, needed: row.boolean(4)? });
            let found = tx.query_one_with(&SELECT_AT_RISK, &[a, b, c, young.micros().into()], read).await?;
            repository_row::require_on_miss(tx, key, found).await
        };
        let found = self.read_through(&self.caches.held_blobs, &question, work).await?;
        let HeldBlob { blob, old, needed } = found.ok_or_else(|| Error::LayerNotFound(digest.clone()))?;
        Ok((blob, old && !needed))
    }

    /// Makes a blob of a repository young again; fails when it has gone meanwhile.
    pub(crate) async fn renew_blob(&self, key: RepositoryKey, blob: BlobRow, now: Timestamp) -> Result<BlobRow> {
        self.write(async move |tx: &mut Tx<'_>| {
            let repository = repository_row::require(tx, &key).await?;
            let renewed = tx.execute(&RENEW, &[repository.into(), blob.id.into(), now.micros().into()]).await?;
            if renewed > 0 { Ok(blob.clone()) } else { Err(Error::LayerNotFound(blob.digest.clone())) }
        })
        .await
    }

    /// Ends an upload: its bytes become a blob of the repository. Of two uploads of the same bytes the first one's are
    /// kept: false when these are not.
    pub(crate) async fn complete_upload(&self, key: RepositoryKey, upload: String, new: NewBlob, now: Timestamp) -> Result<bool> {
        let row = self.next_id(now);
        self.write(async move |tx: &mut Tx<'_>| {
            let repository = repository_row::require(tx, &key).await?;
            if !uploads::remove(tx, repository, &upload).await? {
                return Err(uploads::not_found(&key, &upload));
            }
            let is_new = insert(tx, row, &new, now).await?;
            let kept =
                if is_new { Some(row) } else { tx.query_one_with(&SELECT_ID, &[new.digest.as_str().into()], |row| row.integer(0)).await? };
            let kept = kept.ok_or_else(|| Error::Internal("a blob vanished while it was stored".to_owned()))?;
            tx.execute(&LINK, &[repository.into(), kept.into(), now.micros().into()]).await?;
            Ok(is_new)
        })
        .await
    }

    /// Gives a repository a blob that another one holds. False when none does.
    pub(crate) async fn mount_blob(
        &self,
        target: RepositoryKey,
        digest: Digest,
        source: Option<RepositoryKey>,
        if_missing: IfMissing,
        now: Timestamp,
    ) -> Result<bool> {
        let row = self.next_id(now);
        self.write(async move |tx: &mut Tx<'_>| {
            let repository = repository_row::require_or_insert(tx, &target, if_missing, row, now).await?;
            let blob = match &source {
                Some(source) => {
                    let parameters: [Value<'_>; 3] = [source.registry.as_str().into(), source.name.as_str().into(), digest.as_str().into()];
                    tx.query_one_with(&SELECT_IN_REPOSITORY, &parameters, read).await?
                }
                None => tx.query_one_with(&SELECT_ANYWHERE, &[digest.as_str().into()], read).await?,
            };
            let Some(blob) = blob else { return Ok(false) };
            tx.execute(&LINK, &[repository.into(), blob.id.into(), now.micros().into()]).await?;
            Ok(true)
        })
        .await
    }

    /// Takes a blob out of a repository, unless a manifest needs it. The bytes go when nothing holds them any more.
    pub(crate) async fn delete_blob(&self, key: RepositoryKey, digest: Digest) -> Result<()> {
        self.write(async move |tx: &mut Tx<'_>| {
            let repository = repository_row::require(tx, &key).await?;
            let blob = find_in(tx, repository, &digest).await?.ok_or_else(|| Error::LayerNotFound(digest.clone()))?;
            let user = tx.query_one_with(&SELECT_USER, &[repository.into(), blob.id.into()], |row| row.parsed(0, Digest::parse)).await?;
            if let Some(needed_by) = user {
                return Err(Error::StillNeeded { digest: digest.clone(), needed_by });
            }
            tx.execute(&UNLINK, &[repository.into(), blob.id.into()]).await.map(drop)
        })
        .await
    }
}

/// Notes a new blob. False when there was one of its digest.
async fn insert(tx: &mut Tx<'_>, row: i64, new: &NewBlob, now: Timestamp) -> Result<bool> {
    let (storage_key, bytes) = match &new.content {
        Content::Object(key) => (key.as_str(), None),
        Content::Small(bytes) => ("", Some(bytes)),
    };
    let size = i64::try_from(new.size).unwrap_or(i64::MAX);
    let parameters: [Value<'_>; 5] = [row.into(), new.digest.as_str().into(), size.into(), storage_key.into(), now.micros().into()];
    let is_new = tx.execute(&INSERT, &parameters).await? > 0;
    if let (true, Some(bytes)) = (is_new, bytes) {
        tx.execute(&INSERT_CONTENT, &[row.into(), bytes.as_ref().into()]).await?;
    }
    Ok(is_new)
}

/// Finds out what the first manifest that needs a blob says about it. `manifest` keeps the last one that was read.
async fn describe_layer(
    tx: &mut Tx<'_>,
    repository: i64,
    blob: BlobRow,
    manifest: &mut Option<(i64, Option<Manifest>)>,
) -> Result<LayerRow> {
    let parameters: [Value<'_>; 2] = [repository.into(), blob.id.into()];
    let Some(user) = tx.query_one_with(&SELECT_FIRST_USER, &parameters, |row| row.integer(0)).await? else {
        return Ok(LayerRow { blob, needed: false, media_type: None });
    };
    if manifest.as_ref().is_none_or(|(id, _)| *id != user) {
        *manifest = None;
        let bytes = tx.query_one_with(&SELECT_CONTENT_OF_USER, &[user.into()], |row| row.bytes(0)).await?;
        *manifest = Some((user, bytes.and_then(|bytes| Manifest::parse(&bytes, None).ok())));
    }
    let parts = manifest.iter().filter_map(|(_, manifest)| manifest.as_ref()).flat_map(|m| m.config.iter().chain(&m.layers));
    let media_type = parts.into_iter().find(|part| part.digest == blob.digest).map(|part| part.media_type.clone());
    Ok(LayerRow { blob, needed: true, media_type: media_type.filter(|text| !text.is_empty()) })
}

/// The blob of this digest that a repository holds, by the repository's row id.
pub(crate) async fn find_in(tx: &mut Tx<'_>, repository: i64, digest: &Digest) -> Result<Option<BlobRow>> {
    let parameters: [Value<'_>; 2] = [repository.into(), digest.as_str().into()];
    tx.query_one_with(&SELECT_LINKED, &parameters, read).await
}

fn read(row: &Row<'_>) -> Result<BlobRow> {
    Ok(BlobRow { id: row.integer(0)?, digest: row.parsed(1, Digest::parse)?, size: row.unsigned(2)? })
}

fn read_stored(row: &Row<'_>) -> Result<StoredRow> {
    let content = match (storage_key(row, 3)?, row.optional_bytes(4)?) {
        (Some(key), _) => Content::Object(key),
        (None, Some(bytes)) => Content::Small(bytes.into()),
        (None, None) => return Err(Error::Internal("a small blob has no bytes".to_owned())),
    };
    Ok(StoredRow { blob: read(row)?, content })
}

/// The key of a blob's stored object, if it has one.
pub(super) fn storage_key(row: &Row<'_>, column: usize) -> Result<Option<String>> {
    Ok(Some(row.text(column)?).filter(|key| !key.is_empty()))
}
