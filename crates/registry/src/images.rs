//! Images: manifests as they are pushed, pulled, described and deleted.

use crate::error::{Error, Result};
use crate::installation::Installation;
use crate::metadata::NewManifest;
use bytes::Bytes;
use roadstead_model::{Algorithm, Digest, Image, ImageId, Manifest, Page, PageSize, Reference, RepositoryKey, StoredManifest, Tag};

/// An image id as a caller wrote it: BatchDeleteImage answers for each malformed one instead of failing as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageIdText {
    /// What was given as the digest.
    pub digest: Option<String>,
    /// What was given as the tag.
    pub tag: Option<String>,
}

/// A manifest on its way in.
#[derive(Debug, Clone)]
pub struct ManifestPush {
    /// The bytes.
    pub bytes: Bytes,
    /// The media type that came with them, without parameters.
    pub media_type: Option<String>,
    /// The digest that the client expects.
    pub digest: Option<Digest>,
    /// The tags to point at it, all or none.
    pub tags: Vec<Tag>,
    /// What must hold for the push to happen.
    pub condition: Condition,
    /// Whether a missing repository is made.
    pub create_repository: bool,
}

/// The condition of a conditional push (RFC 9110, section 13): about the tag, or the digest when no tag is pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// No condition.
    None,
    /// `If-None-Match: *`: nothing is there yet.
    Absent,
    /// `If-None-Match` with digests: none of these is there.
    IsNot(Vec<Digest>),
    /// `If-Match: *`: something is there.
    Present,
    /// `If-Match` with digests: one of these is there.
    Is(Vec<Digest>),
}

/// How a push ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestPut {
    /// The digest that the manifest is stored under.
    pub digest: Digest,
    /// The media type that it is served with.
    pub media_type: String,
    /// The manifest that it refers to.
    pub subject: Option<Digest>,
    /// Whether the manifest and all its tags were there already, so that nothing changed.
    pub unchanged: bool,
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

impl Condition {
    /// Whether the condition holds when `current` is there.
    pub(crate) fn holds(&self, current: Option<&Digest>) -> bool {
        match self {
            Self::None => true,
            Self::Absent => current.is_none(),
            Self::Present => current.is_some(),
            Self::Is(digests) => current.is_some_and(|current| digests.contains(current)),
            Self::IsNot(digests) => current.is_none_or(|current| !digests.contains(current)),
        }
    }
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
    /// The images of these ids in their order; fails if one does not exist, or if they have more tags than an answer holds.
    pub async fn describe_images(&self, repository: &RepositoryKey, ids: &[ImageId]) -> Result<Vec<Image>> {
        self.0.metadata.images(repository, ids).await
    }

    /// A page of a repository's images in byte order of their digests, tagged or not, beginning behind `after`.
    pub async fn list_images(&self, repository: &RepositoryKey, after: Option<&str>, size: PageSize) -> Result<Page<Image>> {
        self.0.metadata.list_images(repository, after.unwrap_or_default(), size).await
    }

    /// A manifest, with its exact bytes unless they are many: those are read by [`Self::manifest_bytes`], once it is known that
    /// somebody gets them.
    pub async fn get_manifest(&self, repository: &RepositoryKey, reference: &Reference) -> Result<StoredManifest> {
        self.0.metadata.manifest(repository, reference).await
    }

    /// The exact bytes of a manifest of any size.
    pub async fn manifest_bytes(&self, repository: &RepositoryKey, digest: &Digest) -> Result<Bytes> {
        self.0.metadata.manifest_bytes(repository, digest).await
    }

    /// Stores a manifest and points its tags at it, all or nothing. All that it needs must be in the repository already.
    ///
    /// The first push says what the bytes are, and no later one makes them anything else: they may have been signed, or be
    /// listed by an index, as what they are.
    pub async fn put_manifest(&self, repository: &RepositoryKey, push: ManifestPush) -> Result<ManifestPut> {
        if push.bytes.len() > self.0.limits.manifest_bytes {
            return Err(Error::ManifestTooLarge);
        }
        let algorithm = push.digest.as_ref().map_or(Algorithm::Sha256, Digest::algorithm);
        let digest = Digest::of(algorithm, &push.bytes);
        if let Some(expected) = push.digest.filter(|expected| *expected != digest) {
            return Err(Error::ManifestDigestMismatch { repository: repository.clone(), expected });
        }
        let manifest = Manifest::parse(&push.bytes, push.media_type.as_deref())?;
        // A manifest that names its type itself is always pushed with that one.
        let is_typed = push.media_type.as_deref().is_some_and(|text| !text.is_empty());
        let new = NewManifest {
            digest,
            bytes: push.bytes,
            manifest,
            is_typed,
            tags: push.tags,
            condition: push.condition,
            if_missing: self.if_missing(push.create_repository),
            sparse: self.0.limits.sparse_indexes,
            now: self.now(),
        };
        self.0.metadata.put_manifest(repository.clone(), new, self.0.limits.clone()).await
    }

    /// Deletes a manifest and all its tags, unless an index that stays lists it.
    pub async fn delete_manifest(&self, repository: &RepositoryKey, digest: &Digest) -> Result<()> {
        self.0.metadata.delete_manifest(repository.clone(), digest.clone(), self.now()).await
    }

    /// Deletes images as BatchDeleteImage does: a digest, with a tag or without, goes with all its tags, the last tag takes its image along, a
    /// child of an index stays unless the index goes in the same call.
    pub async fn delete_images(&self, repository: &RepositoryKey, ids: Vec<ImageIdText>) -> Result<DeletedImages> {
        self.0.metadata.delete_images(repository.clone(), ids, self.now()).await
    }
}
