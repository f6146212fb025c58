//! Deletion of images.

use crate::error::{Error, Result};
use crate::installation::Installation;
use crate::metadata::{Tx, params, statements};
use crate::repository_row::{self, Counts, add_to_counts};
use crate::{manifests, stale, tags};
use roadstead_model::gallery::Visibility;
use roadstead_model::{Digest, RepositoryKey, Tag, Timestamp};

statements! {
    SELECT_PARENTS = "SELECT p.digest FROM manifest_child c JOIN manifest p ON p.id = c.parent_id WHERE c.child_id = ?1 ORDER BY p.digest LIMIT 100";
    // The grace period of a blob begins when its last manifest is deleted, not when it was pushed.
    RENEW_BLOBS = "UPDATE repository_blob SET created_at = ?3 WHERE repository_id = ?2
        AND blob_id IN (SELECT blob_id FROM manifest_blob WHERE manifest_id = ?1)";
    COUNT_TAGS = "SELECT visibility, COUNT(*) FROM tag WHERE manifest_id = ?1 GROUP BY visibility";
    DELETE_TAGS = "DELETE FROM tag WHERE manifest_id = ?1";
    DELETE_CHILDREN = "DELETE FROM manifest_child WHERE parent_id = ?1";
    DELETE = "DELETE FROM manifest WHERE id = ?1";
}

/// An image id as sent by a caller. BatchDeleteImage reports each malformed one instead of failing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageIdText {
    pub digest: Option<String>,
    pub tag: Option<String>,
}

/// The result of a BatchDeleteImage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletedImages {
    /// The deleted images: an entry per tag, or an entry without a tag for an untagged image.
    pub deleted: Vec<(Digest, Option<Tag>)>,
    /// The ids that were not deleted, with the reasons.
    pub failures: Vec<(ImageIdText, DeleteFailure)>,
}

/// The reason why an image was not deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeleteFailure {
    InvalidDigest,
    InvalidTag,
    TagDoesNotMatchDigest,
    NotFound,
    MissingDigestAndTag,
    /// These indexes list the image.
    ReferencedByIndex(Vec<Digest>),
}

/// Whether an id of a batch was deleted, in a transaction that can itself fail.
type Outcome = Result<std::result::Result<(), DeleteFailure>>;

impl Installation {
    /// Deletes a manifest and all its tags. Fails if an index lists it.
    pub async fn delete_manifest(&self, repository: &RepositoryKey, digest: &Digest) -> Result<()> {
        let (key, digest, now) = (repository.clone(), digest.clone(), self.now());
        let delete = async move |tx: &mut Tx<'_>| {
            let repository = repository_row::require(tx, &key).await?;
            let Some((id, _)) = manifests::find(tx, repository, &digest).await? else {
                return Err(Error::digest_not_found(&key, &digest));
            };
            if let Some(parent) = parents(tx, id).await?.into_iter().next() {
                return Err(Error::StillNeeded { digest: digest.clone(), needed_by: parent });
            }
            delete(tx, repository, id, now).await?;
            stale::mark(tx, repository).await
        };
        self.0.metadata.content().write(delete).await
    }

    /// Deletes images as BatchDeleteImage does. An id with a digest deletes the image and all its tags. An id with only a tag deletes the
    /// tag, and the image if that was its last tag. A child of an index is kept unless the same call deletes the index.
    pub async fn delete_images(&self, repository: &RepositoryKey, ids: Vec<ImageIdText>) -> Result<DeletedImages> {
        let (key, now) = (repository.clone(), self.now());
        let delete = async move |tx: &mut Tx<'_>| {
            let repository = repository_row::require(tx, &key).await?;
            let deleted = Batch { tx, repository, now, deleted: Vec::new() }.delete_all(&ids).await?;
            stale::mark(tx, repository).await?;
            Ok(deleted)
        };
        self.0.metadata.content().write(delete).await
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
    /// Retries images that an index lists until a round deletes nothing, so that the order of the ids does not matter.
    async fn delete_all(mut self, ids: &[ImageIdText]) -> Result<DeletedImages> {
        let mut failures = Vec::new();
        let mut pending: Vec<&ImageIdText> = ids.iter().collect();
        loop {
            let mut blocked = Vec::new();
            for id in &pending {
                match self.delete_one(id).await? {
                    Ok(()) => {}
                    Err(failure @ DeleteFailure::ReferencedByIndex(_)) => blocked.push((*id, failure)),
                    Err(failure) => failures.push(((*id).clone(), failure)),
                }
            }
            if blocked.is_empty() || blocked.len() == pending.len() {
                failures.extend(blocked.into_iter().map(|(id, failure)| (id.clone(), failure)));
                return Ok(DeletedImages { deleted: self.deleted, failures });
            }
            pending = blocked.into_iter().map(|(id, _)| id).collect();
        }
    }

    async fn delete_one(&mut self, id: &ImageIdText) -> Outcome {
        let Ok(digest) = id.digest.as_deref().map(Digest::parse).transpose() else { return Ok(Err(DeleteFailure::InvalidDigest)) };
        let Ok(tag) = id.tag.as_deref().map(Tag::parse).transpose() else { return Ok(Err(DeleteFailure::InvalidTag)) };
        match (digest, tag) {
            (Some(digest), None) => self.delete_digest(&digest).await,
            (Some(digest), Some(tag)) => self.delete_tagged_digest(&digest, &tag).await,
            (None, Some(tag)) => self.delete_tag(&tag).await,
            (None, None) => Ok(Err(DeleteFailure::MissingDigestAndTag)),
        }
    }

    /// Deletes an image with all its tags, of which `tag` must be one.
    async fn delete_tagged_digest(&mut self, digest: &Digest, tag: &Tag) -> Outcome {
        match tags::target(self.tx, self.repository, tag).await? {
            Some((_, found)) if found == *digest => self.delete_digest(digest).await,
            Some(_) => Ok(Err(DeleteFailure::TagDoesNotMatchDigest)),
            None => self.deleted_before(|(image, with)| image == digest && with.as_ref() == Some(tag)),
        }
    }

    async fn delete_digest(&mut self, digest: &Digest) -> Outcome {
        let Some((manifest, _)) = manifests::find(self.tx, self.repository, digest).await? else {
            return self.deleted_before(|(image, _)| image == digest);
        };
        let parents = parents(self.tx, manifest).await?;
        if !parents.is_empty() {
            return Ok(Err(DeleteFailure::ReferencedByIndex(parents)));
        }
        let tags = tags::of_manifest(self.tx, manifest).await?;
        delete(self.tx, self.repository, manifest, self.now).await?;
        if tags.is_empty() {
            self.deleted.push((digest.clone(), None));
        }
        self.deleted.extend(tags.into_iter().map(|tag| (digest.clone(), Some(tag))));
        Ok(Ok(()))
    }

    async fn delete_tag(&mut self, tag: &Tag) -> Outcome {
        let Some((manifest, found)) = tags::target(self.tx, self.repository, tag).await? else {
            return self.deleted_before(|(_, with)| with.as_ref() == Some(tag));
        };
        if tags::count_of_manifest(self.tx, manifest).await? == 1 {
            return self.delete_digest(&found).await;
        }
        tags::remove(self.tx, self.repository, tag).await?;
        self.deleted.push((found, Some(tag.clone())));
        Ok(Ok(()))
    }

    /// The outcome for an image that does not exist: success if an earlier id of the call has deleted it.
    fn deleted_before(&self, matches: impl Fn(&(Digest, Option<Tag>)) -> bool) -> Outcome {
        Ok(if self.deleted.iter().any(matches) { Ok(()) } else { Err(DeleteFailure::NotFound) })
    }
}

/// The indexes that list a manifest, at most 100.
async fn parents(tx: &mut Tx<'_>, manifest: i64) -> Result<Vec<Digest>> {
    tx.query(&SELECT_PARENTS, params![manifest]).await
}

/// Deletes a manifest that no index lists.
async fn delete(tx: &mut Tx<'_>, repository: i64, manifest: i64, now: Timestamp) -> Result<()> {
    tx.execute(&RENEW_BLOBS, params![manifest, repository, now]).await?;
    let mut counts = Counts::default();
    counts.add_images(-1);
    for (visibility, tags) in tx.query::<(Visibility, i64)>(&COUNT_TAGS, params![manifest]).await? {
        counts.add_tag(visibility, -tags);
    }
    for statement in [&DELETE_TAGS, &DELETE_CHILDREN, &DELETE] {
        tx.execute(statement, params![manifest]).await?;
    }
    add_to_counts(tx, repository, counts).await
}
