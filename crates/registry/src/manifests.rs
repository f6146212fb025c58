//! Manifests, served as the exact bytes pushed.

use crate::error::{Error, Result};
use crate::installation::Installation;
use crate::metadata::{FromRow, Row, Tx, params, statements};
use crate::pull_statistics::counters::Key;
use crate::pulls::Pull;
use crate::repository_row;
use crate::stored_manifest::{ManifestPlace, StoredManifest};
use bytes::Bytes;
use roadstead_model::{Digest, Reference, RepositoryKey};

statements! {
    // SQLite determines the length of a value without reading it. Manifests with a subject, and those of tags that name another image,
    // are attached to an image.
    SELECT_BY_TAG = "SELECT m.digest, m.media_type, CASE WHEN length(c.bytes) <= 65536 THEN c.bytes END,
            EXISTS (SELECT 1 FROM manifest_child x WHERE x.child_id = m.id), t.visibility = 1 OR EXISTS (SELECT 1 FROM referrer f WHERE f.manifest_id = m.id),
            length(c.bytes), r.id, m.id
        FROM repository r
        JOIN tag t ON t.repository_id = r.id AND t.name = ?3
        JOIN manifest m ON m.id = t.manifest_id JOIN manifest_content c ON c.manifest_id = m.id
        WHERE r.registry_id = ?1 AND r.name = ?2";
    SELECT_BY_DIGEST = "SELECT m.digest, m.media_type, CASE WHEN length(c.bytes) <= 65536 THEN c.bytes END,
            EXISTS (SELECT 1 FROM manifest_child x WHERE x.child_id = m.id), COALESCE((SELECT t.visibility FROM tag t WHERE t.manifest_id = m.id ORDER BY t.name LIMIT 1), 0) = 1
                OR EXISTS (SELECT 1 FROM referrer f WHERE f.manifest_id = m.id),
            length(c.bytes), r.id, m.id
        FROM repository r
        JOIN manifest m ON m.repository_id = r.id AND m.digest = ?3 JOIN manifest_content c ON c.manifest_id = m.id
        WHERE r.registry_id = ?1 AND r.name = ?2";
    SELECT_BYTES = "SELECT c.bytes FROM repository r
        JOIN manifest m ON m.repository_id = r.id AND m.digest = ?3 JOIN manifest_content c ON c.manifest_id = m.id
        WHERE r.registry_id = ?1 AND r.name = ?2";
    SELECT_ID = "SELECT id, image_size FROM manifest WHERE repository_id = ?1 AND digest = ?2";
}

impl Installation {
    /// A manifest, without its bytes if they exceed 64 KiB. [`Self::manifest_bytes`] reads those when they are sent.
    pub async fn get_manifest(&self, repository: &RepositoryKey, reference: &Reference) -> Result<StoredManifest> {
        let (sql, text) = match reference {
            Reference::Tag(tag) => (&SELECT_BY_TAG, tag.as_str()),
            Reference::Digest(digest) => (&SELECT_BY_DIGEST, digest.as_str()),
        };
        let select = async |tx: &mut Tx<'_>| {
            let found = tx.query_one(sql, params![repository.registry, repository.name, text]).await?;
            let found = repository_row::require_on_miss(tx, repository, found).await?;
            Ok(found.map(|row| self.pullable(row, reference)))
        };
        let question = [repository.registry.as_str(), repository.name.as_str(), text];
        let found = self.0.metadata.read_through(self.arrived(), &self.0.caches.manifests, &question, select).await?;
        found.ok_or_else(|| match reference {
            Reference::Tag(tag) => Error::tag_not_found(repository, tag),
            Reference::Digest(digest) => Error::digest_not_found(repository, digest),
        })
    }

    /// Determines once, before the answer is cached, what the pulls of this reference count as.
    fn pullable(&self, row: ManifestRow, reference: &Reference) -> StoredManifest {
        let tag = match reference {
            Reference::Tag(tag) => Some(tag),
            Reference::Digest(_) => None,
        };
        let ManifestRow { digest, media_type, bytes, in_index, is_attached, size, place } = row;
        let pull = Pull::of(tag.is_some(), in_index, is_attached);
        let key = || Key { repository: place.repository, manifest: Some(place.manifest), tag: tag.cloned() };
        let counter = (pull == Pull::Image).then(|| self.0.pull_statistics.counters.counter(key()));
        StoredManifest { digest, media_type, size, bytes, pull, place, counter }
    }

    /// The bytes of a manifest of any size.
    pub async fn manifest_bytes(&self, repository: &RepositoryKey, digest: &Digest) -> Result<Bytes> {
        let select = async |tx: &mut Tx<'_>| {
            let found: Option<Vec<u8>> = tx.query_one(&SELECT_BYTES, params![repository.registry, repository.name, digest]).await?;
            repository_row::require_on_miss(tx, repository, found).await
        };
        let found = self.0.metadata.read(select).await?;
        found.map(Bytes::from).ok_or_else(|| Error::digest_not_found(repository, digest))
    }
}

/// The row id and image size in bytes of a manifest.
pub(crate) async fn find(tx: &mut Tx<'_>, repository: i64, digest: &Digest) -> Result<Option<(i64, u64)>> {
    tx.query_one(&SELECT_ID, params![repository, digest]).await
}

/// A row of [`SELECT_BY_TAG`] or [`SELECT_BY_DIGEST`].
struct ManifestRow {
    digest: Digest,
    media_type: String,
    bytes: Option<Bytes>,
    in_index: bool,
    is_attached: bool,
    size: u64,
    place: ManifestPlace,
}

impl FromRow for ManifestRow {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            digest: row.read()?,
            media_type: row.read_media_type()?,
            bytes: row.read::<Option<Vec<u8>>>()?.map(Bytes::from),
            in_index: row.read()?,
            is_attached: row.read()?,
            size: row.read()?,
            place: ManifestPlace { repository: row.read()?, manifest: row.read()? },
        })
    }
}
