//! Tags and their listings.

use crate::error::{Error, Result};
use crate::gallery::attachments;
use crate::installation::Installation;
use crate::metadata::{Cache, FromRow, Row, Sql, Tx, params, statements};
use crate::repository_row::{self, Counts, add_to_counts};
use crate::stale;
use roadstead_model::gallery::{AttachmentKind, Visibility, version};
use roadstead_model::page::Filling;
use roadstead_model::{Digest, ImageSummary, ImageTag, Page, PageSize, RepositoryKey, Tag, Timestamp};
use std::sync::Arc;

statements! {
    // Reads a range of the primary key of `tag` and one row of `manifest` per tag: the cost does not grow with the repository.
    SELECT_PAGE = "SELECT t.name, t.created_at, m.digest, m.image_size, m.pushed_at, m.media_type, m.artifact_media_type
        FROM tag t JOIN manifest m ON m.id = t.manifest_id
        WHERE t.repository_id = ?1 AND t.name > ?2 ORDER BY t.name LIMIT ?3";
    SELECT_NAMES = "SELECT name FROM tag WHERE repository_id = ?1 AND name > ?2 ORDER BY name LIMIT ?3";
    SELECT_TARGET = "SELECT m.id, m.digest FROM tag t JOIN manifest m ON m.id = t.manifest_id WHERE t.repository_id = ?1 AND t.name = ?2";
    SELECT_OF_MANIFEST = "SELECT name FROM tag WHERE manifest_id = ?1 ORDER BY name";
    SELECT_POINTED = "SELECT manifest_id, visibility FROM tag WHERE repository_id = ?1 AND name = ?2";
    UPSERT = "INSERT INTO tag (repository_id, name, manifest_id, created_at, visibility, version_key, is_stable)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
        ON CONFLICT (repository_id, name) DO UPDATE SET manifest_id = excluded.manifest_id, created_at = excluded.created_at,
            visibility = excluded.visibility";
    DELETE = "DELETE FROM tag WHERE repository_id = ?1 AND name = ?2 RETURNING manifest_id, visibility";
    COUNT_OF_MANIFEST = "SELECT COUNT(*) FROM tag WHERE manifest_id = ?1";
}

impl Installation {
    /// A page of the tags after `after`, which need not exist, in bytewise order, with their images.
    ///
    /// A walk through all pages returns every tag that exists throughout the walk exactly once, even if others change.
    pub async fn list_image_tags(&self, repository: &RepositoryKey, after: Option<&str>, size: PageSize) -> Result<Arc<Page<ImageTag>>> {
        self.tag_page(&self.0.caches.image_tags, &SELECT_PAGE, repository, after, size, |row| &row.tag).await
    }

    /// A page of the tags after `after`, which need not exist, in bytewise order.
    pub async fn list_tags(&self, repository: &RepositoryKey, after: Option<&str>, size: PageSize) -> Result<Arc<Page<Tag>>> {
        self.tag_page(&self.0.caches.tags, &SELECT_NAMES, repository, after, size, |tag| tag).await
    }

    /// Reads a page through its cache. `select` takes the row id of the repository, the tag before the page, and the number of rows.
    async fn tag_page<T: FromRow>(
        &self,
        cache: &Cache<Arc<Page<T>>>,
        select: &Sql,
        repository: &RepositoryKey,
        after: Option<&str>,
        size: PageSize,
        tag: impl Fn(&T) -> &Tag,
    ) -> Result<Arc<Page<T>>> {
        let after = after.unwrap_or_default();
        let read = async |tx: &mut Tx<'_>| {
            let id = repository_row::require(tx, repository).await?;
            let mut page = Filling::new(size);
            tx.fill(&mut page, select, params![id, after, size.with_one_more()]).await?;
            Ok(page.finish(|row| tag(row).to_string()))
        };
        let question = [repository.registry.as_str(), repository.name.as_str(), &size.get().to_string(), after];
        self.0.metadata.scan_through(self.arrived(), cache, &question, read).await
    }

    /// Deletes a tag but not its manifest (OCI distribution specification, "Deleting tags").
    pub async fn delete_tag(&self, repository: &RepositoryKey, tag: &Tag) -> Result<()> {
        let (repository, tag) = (repository.clone(), tag.clone());
        let delete = async move |tx: &mut Tx<'_>| {
            let id = repository_row::require(tx, &repository).await?;
            if !remove(tx, id, &tag).await? {
                return Err(Error::tag_not_found(&repository, &tag));
            }
            stale::mark(tx, id).await
        };
        self.0.metadata.content().write(delete).await
    }
}

/// The row id and digest of the manifest that a tag points at.
pub(crate) async fn target(tx: &mut Tx<'_>, repository: i64, tag: &Tag) -> Result<Option<(i64, Digest)>> {
    tx.query_one(&SELECT_TARGET, params![repository, tag]).await
}

/// The tags of an image, as many as fit in a page.
pub(crate) async fn of_manifest(tx: &mut Tx<'_>, manifest: i64) -> Result<Vec<Tag>> {
    let mut tags = Filling::of_texts();
    tx.fill(&mut tags, &SELECT_OF_MANIFEST, params![manifest]).await?;
    Ok(tags.into_items())
}

/// A tag that points at a manifest.
pub(crate) struct Pointed<'a> {
    pub(crate) tag: &'a Tag,
    pub(crate) manifest: i64,
    pub(crate) visibility: Visibility,
    /// What the manifest is for the image that it is attached to.
    pub(crate) attaches: &'a [AttachmentKind],
}

/// Points a tag at a manifest, and adds the change to `counts`. Returns `false` and keeps the time of the tag if it already did.
pub(crate) async fn point(tx: &mut Tx<'_>, repository: i64, to: &Pointed<'_>, now: Timestamp, counts: &mut Counts) -> Result<bool> {
    let Pointed { tag, manifest, visibility, attaches } = *to;
    let old: Option<(i64, Visibility)> = tx.query_one(&SELECT_POINTED, params![repository, tag]).await?;
    if old.is_some_and(|(old, _)| old == manifest) {
        return Ok(false);
    }
    let (key, is_stable) = (version::version_key(tag.as_str()), version::is_stable(tag.as_str()));
    tx.send(&UPSERT, params![repository, tag, manifest, now, visibility, key, is_stable]).await?;
    if let Some((old, visibility)) = old {
        attachments::detach_by_tag(tx, repository, tag, old).await?;
        counts.add_tag(visibility, -1);
    }
    counts.add_tag(visibility, 1);
    attachments::attach_by_tag(tx, repository, tag, manifest, attaches).await?;
    Ok(true)
}

/// Deletes a tag. Returns `false` if it does not exist.
pub(crate) async fn remove(tx: &mut Tx<'_>, repository: i64, tag: &Tag) -> Result<bool> {
    let deleted: Option<(i64, Visibility)> = tx.query_one(&DELETE, params![repository, tag]).await?;
    let Some((manifest, visibility)) = deleted else { return Ok(false) };
    attachments::detach_by_tag(tx, repository, tag, manifest).await?;
    let mut counts = Counts::default();
    counts.add_tag(visibility, -1);
    add_to_counts(tx, repository, counts).await?;
    Ok(true)
}

/// The number of tags that point at a manifest.
pub(crate) async fn count_of_manifest(tx: &mut Tx<'_>, manifest: i64) -> Result<u64> {
    Ok(tx.query_one(&COUNT_OF_MANIFEST, params![manifest]).await?.unwrap_or(0))
}

impl FromRow for ImageTag {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self { tag: row.read()?, created_at: row.read()?, image: row.read()? })
    }
}

/// Reads digest, image_size, pushed_at, media_type and artifact_media_type.
impl FromRow for ImageSummary {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            digest: row.read()?,
            size_bytes: row.read()?,
            pushed_at: row.read()?,
            media_type: row.read_media_type()?,
            artifact_media_type: row.read_optional_media_type()?,
        })
    }
}
