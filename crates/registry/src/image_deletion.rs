//! The deletion of images.

use crate::error::{Error, Result};
use crate::installation::Installation;
use crate::metadata::{Tx, params, statements};
use crate::{manifests, repository_row, tags};
use roadstead_model::{Digest, ImageId, RepositoryKey, Tag, Timestamp};

statements! {
    SELECT_PARENTS = "SELECT p.digest FROM manifest_child c JOIN manifest p ON p.id = c.parent_id WHERE c.child_id = ?1 ORDER BY p.digest LIMIT 100";
    // What a manifest needed is unused from now on, not since it was pushed: its grace begins anew.
    RENEW_BLOBS = "UPDATE repository_blob SET created_at = ?3 WHERE repository_id = ?2
        AND blob_id IN (SELECT blob_id FROM manifest_blob WHERE manifest_id = ?1)";
    DELETE_TAGS = "DELETE FROM tag WHERE manifest_id = ?1";
    DELETE_CHILDREN = "DELETE FROM manifest_child WHERE parent_id = ?1";
    DELETE = "DELETE FROM manifest WHERE id = ?1";
}

/// An image id as a caller wrote it: BatchDeleteImage answers for each malformed one instead of failing as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageIdText {
    /// What was given as the digest.
    pub digest: Option<String>,
    /// What was given as the tag.
    pub tag: Option<String>,
}

/// How a BatchDeleteImage ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletedImages {
    /// What is gone: one entry for each tag, or one without a tag for an untagged image.
    pub deleted: Vec<(Digest, Option<Tag>)>,
    /// What is not, and why.
    pub failures: Vec<(ImageIdText, DeleteFailure)>,
}

/// Why BatchDeleteImage left an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeleteFailure {
    /// The digest is malformed.
    InvalidDigest,
    /// The tag is malformed.
    InvalidTag,
    /// The tag points at another digest.
    TagDoesNotMatchDigest,
    /// There is no such image.
    NotFound,
    /// Neither a digest nor a tag was given.
    MissingDigestAndTag,
    /// These indexes list it.
    ReferencedByIndex(Vec<Digest>),
}

impl ImageIdText {
    /// The id, if it is well formed.
    pub(crate) fn parse(&self) -> std::result::Result<ImageId, DeleteFailure> {
        let digest = self.digest.as_deref().map(Digest::parse).transpose().map_err(|_| DeleteFailure::InvalidDigest)?;
        let tag = self.tag.as_deref().map(Tag::parse).transpose().map_err(|_| DeleteFailure::InvalidTag)?;
        if digest.is_none() && tag.is_none() {
            return Err(DeleteFailure::MissingDigestAndTag);
        }
        Ok(ImageId { digest, tag })
    }
}

impl Installation {
    /// Deletes a manifest and all its tags, unless an index that stays lists it.
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
            delete(tx, repository, id, now).await
        };
        self.0.metadata.write(delete).await
    }

    /// Deletes images as BatchDeleteImage does: a digest, with a tag or without, goes with all its tags, the last tag takes its
    /// image along, a child of an index stays unless the index goes in the same call.
    pub async fn delete_images(&self, repository: &RepositoryKey, ids: Vec<ImageIdText>) -> Result<DeletedImages> {
        let (key, now) = (repository.clone(), self.now());
        let delete = async move |tx: &mut Tx<'_>| {
            let repository = repository_row::require(tx, &key).await?;
            Batch { tx, repository, now, deleted: Vec::new() }.delete_all(&ids).await
        };
        self.0.metadata.write(delete).await
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
    /// An image that an index lists can go once the index is gone: whatever is left is tried again as long as something else
    /// went, so the order in which the caller named them does not matter.
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
        let Some((manifest, _)) = manifests::find(self.tx, self.repository, digest).await? else {
            // It went with its last tag, which an earlier id of this call named.
            let gone = self.deleted.iter().any(|(deleted, _)| deleted == digest);
            return Ok(if gone { Ok(()) } else { Err(DeleteFailure::NotFound) });
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

    async fn delete_tag(&mut self, tag: &Tag) -> Result<std::result::Result<(), DeleteFailure>> {
        let Some((manifest, found)) = tags::target(self.tx, self.repository, tag).await? else {
            let gone = self.deleted.iter().any(|(_, deleted)| deleted.as_ref() == Some(tag));
            return Ok(if gone { Ok(()) } else { Err(DeleteFailure::NotFound) });
        };
        if tags::count_of_manifest(self.tx, manifest).await? == 1 {
            return self.delete_digest(&found).await;
        }
        tags::remove(self.tx, self.repository, tag).await?;
        self.deleted.push((found, Some(tag.clone())));
        Ok(Ok(()))
    }
}

/// The indexes that list a manifest, at most a hundred of them.
async fn parents(tx: &mut Tx<'_>, manifest: i64) -> Result<Vec<Digest>> {
    tx.query(&SELECT_PARENTS, params![manifest]).await
}

/// Deletes a manifest that nothing needs: its tags first, then its own needs, then itself.
async fn delete(tx: &mut Tx<'_>, repository: i64, manifest: i64, now: Timestamp) -> Result<()> {
    tx.execute(&RENEW_BLOBS, params![manifest, repository, now]).await?;
    for statement in [&DELETE_TAGS, &DELETE_CHILDREN, &DELETE] {
        tx.execute(statement, params![manifest]).await?;
    }
    manifests::add_to_image_count(tx, repository, -1).await.map(drop)
}
