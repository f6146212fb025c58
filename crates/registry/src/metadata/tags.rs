//! Tags: the listing that DescribeImageTags reads, and where tags point.

use super::Metadata;
use super::images::{IMAGE_COLUMNS_START, read_summary};
use super::repositories::repository_id;
use super::transaction::{Row, Sql, Tx, Value, statements};
use crate::error::{Error, Result};
use roadstead_model::page::Filling;
use roadstead_model::{Digest, ImageTag, Page, PageSize, RepositoryKey, Tag, Timestamp};
use std::sync::Arc;

statements! {
    // One range of the tags' own order, and one row of the manifests for each: the cost does not grow with the repository.
    SELECT_PAGE = "SELECT t.name, t.created_at, m.digest, m.image_size, m.pushed_at, m.media_type, m.artifact_media_type
        FROM tag t JOIN manifest m ON m.id = t.manifest_id
        WHERE t.repository_id = ?1 AND t.name > ?2 ORDER BY t.name LIMIT ?3";
    SELECT_NAMES = "SELECT name FROM tag WHERE repository_id = ?1 AND name > ?2 ORDER BY name LIMIT ?3";
    SELECT_TARGET = "SELECT m.id, m.digest FROM tag t JOIN manifest m ON m.id = t.manifest_id WHERE t.repository_id = ?1 AND t.name = ?2";
    UPSERT = "INSERT INTO tag (repository_id, name, manifest_id, created_at) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT (repository_id, name) DO UPDATE SET manifest_id = excluded.manifest_id, created_at = excluded.created_at
        WHERE tag.manifest_id <> excluded.manifest_id";
    DELETE = "DELETE FROM tag WHERE repository_id = ?1 AND name = ?2";
    COUNT_OF_MANIFEST = "SELECT COUNT(*) FROM tag WHERE manifest_id = ?1";
}

impl Metadata {
    /// A page of tags with what each points at, in byte order of the tag.
    pub(crate) async fn list_image_tags(&self, key: &RepositoryKey, after: &str, size: PageSize) -> Result<Arc<Page<ImageTag>>> {
        let work = async |tx: &mut Tx<'_>| {
            let id = repository_id(tx, key).await?;
            let read = |row: &Row<'_>| {
                Ok(ImageTag {
                    tag: row.parsed(0, Tag::parse)?,
                    created_at: Timestamp::from_micros(row.integer(1)?),
                    image: read_summary(row, IMAGE_COLUMNS_START)?,
                })
            };
            let mut page = Filling::new(size);
            tx.fill(&mut page, &SELECT_PAGE, &[id.into(), after.into(), size.with_one_more().into()], read).await?;
            Ok(page.finish(|row: &ImageTag| row.tag.to_string()))
        };
        let question = [key.registry.as_str(), key.name.as_str(), &size.get().to_string(), after];
        self.scan_through(&self.caches.image_tags, &question, work).await
    }

    /// A page of tag names, in byte order.
    pub(crate) async fn list_tags(&self, key: &RepositoryKey, after: &str, size: PageSize) -> Result<Arc<Page<Tag>>> {
        let work = async |tx: &mut Tx<'_>| {
            let id = repository_id(tx, key).await?;
            let parameters: [Value<'_>; 3] = [id.into(), after.into(), size.with_one_more().into()];
            let mut page = Filling::new(size);
            tx.fill(&mut page, &SELECT_NAMES, &parameters, |row| row.parsed(0, Tag::parse)).await?;
            Ok(page.finish(Tag::to_string))
        };
        let question = [key.registry.as_str(), key.name.as_str(), &size.get().to_string(), after];
        self.scan_through(&self.caches.tags, &question, work).await
    }

    /// Removes a tag; what it pointed at stays.
    pub(crate) async fn delete_tag(&self, key: RepositoryKey, tag: Tag) -> Result<()> {
        self.write(async move |tx: &mut Tx<'_>| {
            let id = repository_id(tx, &key).await?;
            if remove(tx, id, &tag).await? { Ok(()) } else { Err(Error::tag_not_found(&key, &tag)) }
        })
        .await
    }
}

/// The manifest that a tag points at: its row id and digest.
pub(super) async fn target(tx: &mut Tx<'_>, repository: i64, tag: &Tag) -> Result<Option<(i64, Digest)>> {
    let parameters: [Value<'_>; 2] = [repository.into(), tag.as_str().into()];
    tx.query_one(&SELECT_TARGET, &parameters, |row| Ok((row.integer(0)?, row.parsed(1, Digest::parse)?))).await
}

/// Points a tag at a manifest. False when it did already: its time stays then.
pub(super) async fn point(tx: &mut Tx<'_>, repository: i64, tag: &Tag, manifest: i64, now: Timestamp) -> Result<bool> {
    let parameters: [Value<'_>; 4] = [repository.into(), tag.as_str().into(), manifest.into(), now.micros().into()];
    Ok(tx.execute(&UPSERT, &parameters).await? > 0)
}

/// Removes a tag. False when there was none.
pub(super) async fn remove(tx: &mut Tx<'_>, repository: i64, tag: &Tag) -> Result<bool> {
    let parameters: [Value<'_>; 2] = [repository.into(), tag.as_str().into()];
    Ok(tx.execute(&DELETE, &parameters).await? > 0)
}

/// How many tags point at a manifest.
pub(super) async fn count_of(tx: &mut Tx<'_>, manifest: i64) -> Result<u64> {
    let count = tx.query_one(&COUNT_OF_MANIFEST, &[manifest.into()], |row| row.integer(0)).await?;
    Ok(u64::try_from(count.unwrap_or(0)).unwrap_or(0))
}
