//! Images: manifests, their exact bytes, what they need, and their deletion.

use super::repositories::{IfMissing, found_in, repository_id, repository_id_or_new};
use super::tags;
use super::transaction::{Row, Sql, Tx, Value, statements};
use super::{Metadata, blobs, referrers};
use crate::error::{Error, Result};
use crate::images::{Condition, DeleteFailure, DeletedImages, ImageIdText, ManifestPut};
use crate::limits::Limits;
use bytes::Bytes;
use roadstead_model::measure::json_length;
use roadstead_model::page::{Filling, PAGE_BYTES};
use roadstead_model::{
    Descriptor, Digest, Image, ImageId, ImageSummary, Manifest, Page, PageSize, Reference, RepositoryKey, StoredManifest, Tag, Timestamp,
    media_type,
};

statements! {
    // The length of a value is known without reading it.
    SELECT_BY_TAG = "SELECT m.digest, m.media_type, CASE WHEN length(c.bytes) <= 65536 THEN c.bytes END,
            EXISTS (SELECT 1 FROM manifest_child x WHERE x.child_id = m.id), length(c.bytes)
        FROM repository r
        JOIN tag t ON t.repository_id = r.id AND t.name = ?3
        JOIN manifest m ON m.id = t.manifest_id JOIN manifest_content c ON c.manifest_id = m.id
        WHERE r.registry_id = ?1 AND r.name = ?2";
    SELECT_BY_DIGEST = "SELECT m.digest, m.media_type, CASE WHEN length(c.bytes) <= 65536 THEN c.bytes END,
            EXISTS (SELECT 1 FROM manifest_child x WHERE x.child_id = m.id), length(c.bytes)
        FROM repository r
        JOIN manifest m ON m.repository_id = r.id AND m.digest = ?3 JOIN manifest_content c ON c.manifest_id = m.id
        WHERE r.registry_id = ?1 AND r.name = ?2";
    SELECT_BYTES = "SELECT c.bytes FROM repository r
        JOIN manifest m ON m.repository_id = r.id AND m.digest = ?3 JOIN manifest_content c ON c.manifest_id = m.id
        WHERE r.registry_id = ?1 AND r.name = ?2";
    SELECT_ID = "SELECT id, image_size FROM manifest WHERE repository_id = ?1 AND digest = ?2";
    SELECT_SUMMARY = "SELECT id, 0, digest, image_size, pushed_at, media_type, artifact_media_type FROM manifest
        WHERE repository_id = ?1 AND digest = ?2";
    SELECT_PAGE = "SELECT id, 0, digest, image_size, pushed_at, media_type, artifact_media_type FROM manifest
        WHERE repository_id = ?1 AND digest > ?2 ORDER BY digest LIMIT ?3";
    SELECT_TAGS = "SELECT name FROM tag WHERE manifest_id = ?1 ORDER BY name";
    SELECT_MEDIA_TYPE = "SELECT media_type FROM manifest WHERE id = ?1";
    SELECT_PARENTS = "SELECT p.digest FROM manifest_child c JOIN manifest p ON p.id = c.parent_id WHERE c.child_id = ?1 ORDER BY p.digest LIMIT 100";
    INSERT = "INSERT INTO manifest (id, repository_id, digest, media_type, artifact_media_type, image_size, manifest_size, pushed_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    INSERT_CONTENT = "INSERT INTO manifest_content (manifest_id, bytes) VALUES (?1, ?2)";
    INSERT_BLOB = "INSERT INTO manifest_blob (manifest_id, repository_id, blob_id) VALUES (?1, ?2, ?3) ON CONFLICT (manifest_id, blob_id) DO NOTHING";
    INSERT_CHILD = "INSERT INTO manifest_child (parent_id, child_id) VALUES (?1, ?2) ON CONFLICT (parent_id, child_id) DO NOTHING";
    COUNT = "UPDATE repository SET image_count = image_count + ?2 WHERE id = ?1 RETURNING image_count";
    // What a manifest needed is unused from now on, not since it was pushed: its grace begins anew.
    RENEW_BLOBS = "UPDATE repository_blob SET created_at = ?3 WHERE repository_id = ?2
        AND blob_id IN (SELECT blob_id FROM manifest_blob WHERE manifest_id = ?1)";
    DELETE_TAGS = "DELETE FROM tag WHERE manifest_id = ?1";
    DELETE_CHILDREN = "DELETE FROM manifest_child WHERE parent_id = ?1";
    DELETE = "DELETE FROM manifest WHERE id = ?1";
}

/// The column at which a listing's image columns begin: digest, image_size, pushed_at, media_type, artifact_media_type.
pub(super) const IMAGE_COLUMNS_START: usize = 2;

/// A manifest that was parsed and is to be stored.
#[derive(Debug, Clone)]
pub(crate) struct NewManifest {
    pub(crate) digest: Digest,
    pub(crate) bytes: Bytes,
    pub(crate) manifest: Manifest,
    /// Whether who pushes it says which media type it has.
    pub(crate) is_typed: bool,
    pub(crate) tags: Vec<Tag>,
    pub(crate) condition: Condition,
    pub(crate) if_missing: IfMissing,
    /// Whether an index may list manifests that the repository does not hold.
    pub(crate) sparse: bool,
    pub(crate) now: Timestamp,
}

/// What an entry of an index turned out to be.
#[derive(Debug, Clone, Copy)]
enum Child {
    /// A manifest of the repository, with its image size.
    Manifest { id: i64, image_size: u64 },
    /// A blob of the repository (older BuildKit lists its cache layers in an index).
    Blob { id: i64, size: u64 },
}

impl Metadata {
    /// A manifest, without its bytes if they are many.
    pub(crate) async fn manifest(&self, key: &RepositoryKey, reference: &Reference) -> Result<StoredManifest> {
        let (sql, text) = match reference {
            Reference::Tag(tag) => (&SELECT_BY_TAG, tag.as_str()),
            Reference::Digest(digest) => (&SELECT_BY_DIGEST, digest.as_str()),
        };
        let question = [key.registry.as_str(), key.name.as_str(), text];
        let work = async |tx: &mut Tx<'_>| {
            let found = tx.query_one(sql, &question.map(Value::from), read_manifest).await?;
            found_in(tx, key, found).await
        };
        let found = self.read_through(&self.caches.manifests, &question, work).await?;
        found.ok_or_else(|| match reference {
            Reference::Tag(tag) => Error::tag_not_found(key, tag),
            Reference::Digest(digest) => Error::digest_not_found(key, digest),
        })
    }

    /// The exact bytes of a manifest.
    pub(crate) async fn manifest_bytes(&self, key: &RepositoryKey, digest: &Digest) -> Result<Bytes> {
        let question = [key.registry.as_str(), key.name.as_str(), digest.as_str()].map(Value::from);
        let work = async |tx: &mut Tx<'_>| {
            let found = tx.query_one(&SELECT_BYTES, &question, |row| row.bytes(0)).await?;
            found_in(tx, key, found).await
        };
        self.read(work).await?.map(Bytes::from).ok_or_else(|| Error::digest_not_found(key, digest))
    }

    /// Stores a manifest, and points its tags at it, all or nothing.
    pub(crate) async fn put_manifest(&self, key: RepositoryKey, new: NewManifest, limits: Limits) -> Result<ManifestPut> {
        let (repository_row, manifest_row) = (self.next_id(new.now), self.next_id(new.now));
        self.write(async move |tx: &mut Tx<'_>| {
            let repository = repository_id_or_new(tx, &key, new.if_missing, repository_row, new.now).await?;
            check_condition(tx, repository, &new).await?;
            let found = find(tx, repository, &new.digest).await?;
            let manifest = match found {
                Some((id, _)) => id,
                None => insert(tx, &key, repository, manifest_row, &new, &limits).await?,
            };
            let stored = tx.query_one(&SELECT_MEDIA_TYPE, &[manifest.into()], |row| row.media_type(0)).await?;
            let stored = stored.unwrap_or_else(|| new.manifest.media_type.clone());
            if new.is_typed && stored != new.manifest.media_type {
                return Err(Error::MediaTypeFixed { digest: new.digest.clone(), media_type: stored });
            }
            let mut moved = None;
            for tag in &new.tags {
                if tags::point(tx, repository, tag, manifest, new.now).await? {
                    moved = Some(tag);
                }
            }
            if let Some(tag) = moved
                && tags::count_of(tx, manifest).await? > limits.tags_per_image
            {
                return Err(Error::LimitExceeded(format!(
                    "Adding tag '{tag}' to an image in the repository with name '{}' in registry with id '{}' \
                     exceeds the maximum allowed number of tags per image which is '{}'",
                    key.name, key.registry, limits.tags_per_image
                )));
            }
            Ok(ManifestPut {
                digest: new.digest.clone(),
                media_type: stored,
                subject: new.manifest.subject.clone(),
                unchanged: found.is_some() && moved.is_none(),
            })
        })
        .await
    }

    /// The images of these ids in their order; fails if one is missing.
    pub(crate) async fn images(&self, key: &RepositoryKey, ids: &[ImageId]) -> Result<Vec<Image>> {
        self.scan(async |tx: &mut Tx<'_>| {
            let repository = repository_id(tx, key).await?;
            let mut images = Filling::of_any_number();
            for id in ids {
                let image = find_image(tx, key, repository, id).await?;
                let bytes = text_bytes(&image);
                if bytes > PAGE_BYTES || !images.take(image, bytes) {
                    return Err(Error::AnswerTooLarge { maximum: PAGE_BYTES });
                }
            }
            Ok(images.into_items())
        })
        .await
    }

    /// A page of images, by digest.
    pub(crate) async fn list_images(&self, key: &RepositoryKey, after: &str, size: PageSize) -> Result<Page<Image>> {
        self.scan(async |tx: &mut Tx<'_>| {
            let repository = repository_id(tx, key).await?;
            let parameters: [Value<'_>; 3] = [repository.into(), after.into(), size.with_one_more().into()];
            let mut rows = Filling::new(size);
            tx.fill(&mut rows, &SELECT_PAGE, &parameters, read_image_row).await?;
            let rows = rows.finish(|(_, summary)| summary.digest.to_string());
            let mut images = Filling::new(size);
            for (id, summary) in rows.items {
                let image = Image { summary, tags: tags_of(tx, id).await? };
                let bytes = text_bytes(&image);
                if !images.take(image, bytes) {
                    break;
                }
            }
            let images = images.finish(|image| image.summary.digest.to_string());
            Ok(Page { next: images.next.or(rows.next), ..images })
        })
        .await
    }

    /// Deletes a manifest and its tags, unless an index that stays lists it.
    pub(crate) async fn delete_manifest(&self, key: RepositoryKey, digest: Digest, now: Timestamp) -> Result<()> {
        self.write(async move |tx: &mut Tx<'_>| {
            let repository = repository_id(tx, &key).await?;
            let Some((id, _)) = find(tx, repository, &digest).await? else {
                return Err(Error::digest_not_found(&key, &digest));
            };
            if let Some(parent) = parents(tx, id).await?.into_iter().next() {
                return Err(Error::StillNeeded { digest: digest.clone(), needed_by: parent });
            }
            delete(tx, repository, id, now).await
        })
        .await
    }

    /// Deletes images the way BatchDeleteImage does.
    pub(crate) async fn delete_images(&self, key: RepositoryKey, ids: Vec<ImageIdText>, now: Timestamp) -> Result<DeletedImages> {
        self.write(async move |tx: &mut Tx<'_>| {
            let repository = repository_id(tx, &key).await?;
            let mut batch = Batch { tx, repository, now, deleted: Vec::new() };
            let mut failures = Vec::new();
            let mut pending: Vec<&ImageIdText> = ids.iter().collect();
            // An image that an index lists can go once the index is gone: whatever is left is tried again as long as
            // something else went, so the order in which the caller named them does not matter.
            loop {
                let before = pending.len();
                let mut blocked = Vec::new();
                for id in std::mem::take(&mut pending) {
                    match batch.delete_one(id).await? {
                        Ok(()) => {}
                        Err(failure @ DeleteFailure::ReferencedByIndex(_)) => blocked.push((id, failure)),
                        Err(failure) => failures.push((id.clone(), failure)),
                    }
                }
                if blocked.is_empty() || blocked.len() == before {
                    failures.extend(blocked.into_iter().map(|(id, failure)| (id.clone(), failure)));
                    break;
                }
                pending = blocked.into_iter().map(|(id, _)| id).collect();
            }
            Ok(DeletedImages { deleted: batch.deleted, failures })
        })
        .await
    }
}

/// The deletions of one BatchDeleteImage call.
struct Batch<'t, 'c> {
    tx: &'t mut Tx<'c>,
    repository: i64,
    now: Timestamp,
    deleted: Vec<(Digest, Option<Tag>)>,
}

impl Batch<'_, '_> {
    async fn delete_one(&mut self, id: &ImageIdText) -> Result<std::result::Result<(), DeleteFailure>> {
        let id = match id.parse() {
            Ok(id) => id,
            Err(failure) => return Ok(Err(failure)),
        };
        match (id.digest, id.tag) {
            (Some(digest), None) => self.delete_digest(&digest).await,
            (Some(digest), Some(tag)) => self.delete_tagged_digest(&digest, &tag).await,
            (None, Some(tag)) => self.delete_tag(&tag).await,
            (None, None) => Ok(Err(DeleteFailure::MissingDigestAndTag)),
        }
    }

    /// A digest is all of an image, with a tag beside it or without; the tag has to be one of the image's.
    async fn delete_tagged_digest(&mut self, digest: &Digest, tag: &Tag) -> Result<std::result::Result<(), DeleteFailure>> {
        match tags::target(self.tx, self.repository, tag).await? {
            Some((_, found)) if found == *digest => self.delete_digest(digest).await,
            Some(_) => Ok(Err(DeleteFailure::TagDoesNotMatchDigest)),
            None => {
                let gone = self.deleted.iter().any(|(image, with)| image == digest && with.as_ref() == Some(tag));
                Ok(if gone { Ok(()) } else { Err(DeleteFailure::NotFound) })
            }
        }
    }

    async fn delete_digest(&mut self, digest: &Digest) -> Result<std::result::Result<(), DeleteFailure>> {
        let Some((manifest, _)) = find(self.tx, self.repository, digest).await? else {
            // It went with its last tag, which an earlier id of this call named.
            let gone = self.deleted.iter().any(|(deleted, _)| deleted == digest);
            return Ok(if gone { Ok(()) } else { Err(DeleteFailure::NotFound) });
        };
        let parents = parents(self.tx, manifest).await?;
        if !parents.is_empty() {
            return Ok(Err(DeleteFailure::ReferencedByIndex(parents)));
        }
        let tags = tags_of(self.tx, manifest).await?;
        delete(self.tx, self.repository, manifest, self.now).await?;
        if tags.is_empty() {
            self.deleted.push((digest.clone(), None));
        }
        self.deleted.extend(tags.into_iter().map(|tag| (digest.clone(), Some(tag))));
        Ok(Ok(()))
    }

    async fn delete_tag(&mut self, tag: &Tag) -> Result<std::result::Result<(), DeleteFailure>> {
        let Some((manifest, found)) = tags::target(self.tx, self.repository, tag).await? else {
            let gone = self.deleted.iter().any(|(_, deleted)| deleted.as_ref() == Some(tag));
            return Ok(if gone { Ok(()) } else { Err(DeleteFailure::NotFound) });
        };
        if tags::count_of(self.tx, manifest).await? == 1 {
            return self.delete_digest(&found).await;
        }
        tags::remove(self.tx, self.repository, tag).await?;
        self.deleted.push((found, Some(tag.clone())));
        Ok(Ok(()))
    }
}

async fn check_condition(tx: &mut Tx<'_>, repository: i64, new: &NewManifest) -> Result<()> {
    if matches!(new.condition, Condition::None) {
        return Ok(());
    }
    for tag in &new.tags {
        let current = tags::target(tx, repository, tag).await?.map(|(_, digest)| digest);
        if !new.condition.holds(current.as_ref()) {
            return Err(Error::PreconditionFailed);
        }
    }
    if new.tags.is_empty() {
        let current = find(tx, repository, &new.digest).await?.map(|_| &new.digest);
        if !new.condition.holds(current) {
            return Err(Error::PreconditionFailed);
        }
    }
    Ok(())
}

async fn insert(tx: &mut Tx<'_>, key: &RepositoryKey, repository: i64, id: i64, new: &NewManifest, limits: &Limits) -> Result<i64> {
    let blobs = required_blobs(tx, key, repository, &new.manifest).await?;
    let children = children(tx, key, repository, new).await?;
    let image_size = children.iter().map(Child::image_size).max().unwrap_or(0).max(new.manifest.content_size());
    let parameters: [Value<'_>; 8] = [
        id.into(),
        repository.into(),
        new.digest.as_str().into(),
        new.manifest.media_type.as_str().into(),
        new.manifest.artifact_media_type().into(),
        i64::try_from(image_size).unwrap_or(i64::MAX).into(),
        (new.bytes.len() as i64).into(),
        new.now.micros().into(),
    ];
    tx.execute(&INSERT, &parameters).await?;
    tx.execute(&INSERT_CONTENT, &[id.into(), new.bytes.as_ref().into()]).await?;
    for blob in blobs {
        tx.execute(&INSERT_BLOB, &[id.into(), repository.into(), blob.into()]).await?;
    }
    for child in children {
        match child {
            Child::Manifest { id: child, .. } => tx.execute(&INSERT_CHILD, &[id.into(), child.into()]).await?,
            Child::Blob { id: blob, .. } => tx.execute(&INSERT_BLOB, &[id.into(), repository.into(), blob.into()]).await?,
        };
    }
    if let Some(subject) = &new.manifest.subject {
        referrers::insert(tx, repository, subject, id, new).await?;
    }
    let count = tx.query_one(&COUNT, &[repository.into(), 1_i64.into()], |row| row.integer(0)).await?;
    if count.unwrap_or(0) > i64::try_from(limits.images_per_repository).unwrap_or(i64::MAX) {
        return Err(Error::LimitExceeded(format!(
            "The repository with name '{}' in registry with id '{}' already has the maximum allowed number of images which is '{}'",
            key.name, key.registry, limits.images_per_repository
        )));
    }
    Ok(id)
}

/// The row ids of the blobs that a manifest holds on to; fails naming every required one that is missing.
async fn required_blobs(tx: &mut Tx<'_>, key: &RepositoryKey, repository: i64, manifest: &Manifest) -> Result<Vec<i64>> {
    let required = manifest.required_blobs();
    let (mut found, mut missing) = (Vec::with_capacity(required.len()), Vec::new());
    for digest in required {
        match blobs::find_in(tx, repository, digest).await? {
            Some(blob) => found.push(blob.id),
            None => missing.push(digest.clone()),
        }
    }
    for external in manifest.layers.iter().filter(|layer| layer.external) {
        // A layer that may live elsewhere is kept all the same once it was pushed here.
        found.extend(blobs::find_in(tx, repository, &external.digest).await?.map(|blob| blob.id));
    }
    if missing.is_empty() { Ok(found) } else { Err(Error::LayersNotFound { repository: key.clone(), digests: missing }) }
}

/// What the entries of an index are; fails naming every one that is missing, unless sparse indexes are allowed.
async fn children(tx: &mut Tx<'_>, key: &RepositoryKey, repository: i64, new: &NewManifest) -> Result<Vec<Child>> {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for entry in &new.manifest.manifests {
        match find_child(tx, repository, entry).await? {
            Some(child) => found.push(child),
            None if new.sparse => {}
            None => missing.push(entry.digest.clone()),
        }
    }
    if missing.is_empty() { Ok(found) } else { Err(Error::ReferencedImagesNotFound { repository: key.clone(), digests: missing }) }
}

async fn find_child(tx: &mut Tx<'_>, repository: i64, entry: &Descriptor) -> Result<Option<Child>> {
    let manifest = find(tx, repository, &entry.digest).await?.map(|(id, image_size)| Child::Manifest { id, image_size });
    if manifest.is_some() || media_type::is_manifest(&entry.media_type) {
        return Ok(manifest);
    }
    Ok(blobs::find_in(tx, repository, &entry.digest).await?.map(|blob| Child::Blob { id: blob.id, size: blob.size }))
}

impl Child {
    const fn image_size(&self) -> u64 {
        match self {
            Self::Manifest { image_size, .. } => *image_size,
            Self::Blob { size, .. } => *size,
        }
    }
}

/// The row id and the image size of a manifest.
async fn find(tx: &mut Tx<'_>, repository: i64, digest: &Digest) -> Result<Option<(i64, u64)>> {
    let parameters: [Value<'_>; 2] = [repository.into(), digest.as_str().into()];
    tx.query_one(&SELECT_ID, &parameters, |row| Ok((row.integer(0)?, row.unsigned(1)?))).await
}

async fn find_image(tx: &mut Tx<'_>, key: &RepositoryKey, repository: i64, id: &ImageId) -> Result<Image> {
    let tagged = match &id.tag {
        Some(tag) => tags::target(tx, repository, tag).await?.map(|(_, digest)| digest),
        None => None,
    };
    let digest = match (&id.digest, tagged) {
        (Some(digest), Some(tagged)) if *digest != tagged => None,
        (Some(_), None) if id.tag.is_some() => None,
        (digest, tagged) => tagged.or_else(|| digest.clone()),
    };
    if let Some(digest) = digest {
        let parameters: [Value<'_>; 2] = [repository.into(), digest.as_str().into()];
        if let Some((row, summary)) = tx.query_one(&SELECT_SUMMARY, &parameters, read_image_row).await? {
            return Ok(Image { summary, tags: tags_of(tx, row).await? });
        }
    }
    let (digest, tag) = (id.digest.as_ref().map(Digest::to_string), id.tag.as_ref().map(Tag::to_string));
    Err(Error::ImageNotFound { repository: key.clone(), digest, tag })
}

/// The indexes that list a manifest, at most a hundred of them.
async fn parents(tx: &mut Tx<'_>, manifest: i64) -> Result<Vec<Digest>> {
    tx.query(&SELECT_PARENTS, &[manifest.into()], |row| row.parsed(0, Digest::parse)).await
}

/// The tags of an image, as many as the bytes of a page hold.
async fn tags_of(tx: &mut Tx<'_>, manifest: i64) -> Result<Vec<Tag>> {
    let mut tags = Filling::of_texts();
    tx.fill(&mut tags, &SELECT_TAGS, &[manifest.into()], |row| row.parsed(0, Tag::parse)).await?;
    Ok(tags.into_items())
}

/// What an image takes in an answer beside its own texts: its repository, names of members, numbers, its time.
const IMAGE_FRAME: usize = 512;

/// The most bytes that an image takes in an answer. Media types may need escapes there, digests and tags never do.
fn text_bytes(Image { summary, tags }: &Image) -> usize {
    let types = json_length(&(&summary.media_type, &summary.artifact_media_type)) as usize;
    let tags: usize = tags.iter().map(|tag| tag.as_str().len() + r#""","#.len()).sum();
    IMAGE_FRAME + summary.digest.as_str().len() + types + tags
}

/// Deletes a manifest that nothing needs: its tags first, then its own needs, then itself.
async fn delete(tx: &mut Tx<'_>, repository: i64, manifest: i64, now: Timestamp) -> Result<()> {
    tx.execute(&RENEW_BLOBS, &[manifest.into(), repository.into(), now.micros().into()]).await?;
    for statement in [&DELETE_TAGS, &DELETE_CHILDREN, &DELETE] {
        tx.execute(statement, &[manifest.into()]).await?;
    }
    tx.query_one(&COUNT, &[repository.into(), (-1_i64).into()], |_| Ok(())).await.map(drop)
}

fn read_manifest(row: &Row<'_>) -> Result<StoredManifest> {
    Ok(StoredManifest {
        digest: row.parsed(0, Digest::parse)?,
        media_type: row.media_type(1)?,
        bytes: row.optional_bytes(2)?.map(Bytes::from),
        in_index: row.boolean(3)?,
        size: row.unsigned(4)?,
    })
}

fn read_image_row(row: &Row<'_>) -> Result<(i64, ImageSummary)> {
    Ok((row.integer(0)?, read_summary(row, IMAGE_COLUMNS_START)?))
}

/// Reads digest, image_size, pushed_at, media_type and artifact_media_type, which begin at column `start`.
pub(super) fn read_summary(row: &Row<'_>, start: usize) -> Result<ImageSummary> {
    Ok(ImageSummary {
        digest: row.parsed(start, Digest::parse)?,
        size_bytes: row.unsigned(start + 1)?,
        pushed_at: Timestamp::from_micros(row.integer(start + 2)?),
        media_type: row.media_type(start + 3)?,
        artifact_media_type: row.optional_media_type(start + 4)?,
    })
}
