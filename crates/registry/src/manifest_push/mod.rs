//! Pushes of manifests: stored with all that they need, and tagged.

mod references;

use crate::error::{Error, Result};
use crate::installation::Installation;
use crate::limits::Limits;
use crate::manifests::{add_to_image_count, find};
use crate::metadata::{FromRow, Row, Tx, params, statements};
use crate::repository_row::{self, IfMissing};
use crate::{referrers, tags};
use bytes::Bytes;
use references::Child;
use roadstead_model::oci::ReferrerDescriptor;
use roadstead_model::{Algorithm, Digest, Manifest, RepositoryKey, Tag, Timestamp};

statements! {
    SELECT_MEDIA_TYPE = "SELECT media_type FROM manifest WHERE id = ?1";
    INSERT = "INSERT INTO manifest (id, repository_id, digest, media_type, artifact_media_type, image_size, manifest_size, pushed_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    INSERT_CONTENT = "INSERT INTO manifest_content (manifest_id, bytes) VALUES (?1, ?2)";
    INSERT_BLOB = "INSERT INTO manifest_blob (manifest_id, repository_id, blob_id) VALUES (?1, ?2, ?3) ON CONFLICT (manifest_id, blob_id) DO NOTHING";
    INSERT_CHILD = "INSERT INTO manifest_child (parent_id, child_id) VALUES (?1, ?2) ON CONFLICT (parent_id, child_id) DO NOTHING";
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

/// A manifest that was parsed and is to be stored.
#[derive(Debug, Clone)]
struct NewManifest {
    digest: Digest,
    bytes: Bytes,
    manifest: Manifest,
    /// Whether its media type is told by itself or by who pushes it, not guessed.
    is_typed: bool,
    tags: Vec<Tag>,
    condition: Condition,
    if_missing: IfMissing,
    now: Timestamp,
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

impl Installation {
    /// Stores a manifest and points its tags at it, all or nothing. All that it needs must be in the repository already.
    ///
    /// The first push decides what the bytes are, and no later one changes that: they may have been signed, or be listed by an
    /// index, as what they are.
    pub async fn put_manifest(&self, repository: &RepositoryKey, push: ManifestPush) -> Result<ManifestPut> {
        let new = self.checked(repository, push)?;
        let (key, limits) = (repository.clone(), self.0.limits.clone());
        let (repository_row, manifest_row) = (self.0.metadata.next_id(new.now), self.0.metadata.next_id(new.now));
        let store = async move |tx: &mut Tx<'_>| {
            let repository = repository_row::require_or_insert(tx, &key, new.if_missing, repository_row, new.now).await?;
            let mut push = Push { tx, key: &key, repository, new: &new, limits: &limits };
            push.check_condition().await?;
            let found = find(push.tx, repository, &new.digest).await?;
            let manifest = match found {
                Some((id, _)) => id,
                None => push.insert(manifest_row).await?,
            };
            let media_type = push.stored_media_type(manifest).await?;
            let moved = push.point_tags(manifest).await?;
            Ok(ManifestPut {
                digest: new.digest.clone(),
                media_type,
                subject: new.manifest.subject.clone(),
                unchanged: found.is_some() && !moved,
            })
        };
        self.0.metadata.write(store).await
    }

    /// What is to be stored of a push, once its bytes turn out to be a manifest of the digest that the client expects.
    fn checked(&self, repository: &RepositoryKey, push: ManifestPush) -> Result<NewManifest> {
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
        Ok(NewManifest {
            digest,
            bytes: push.bytes,
            manifest,
            is_typed,
            tags: push.tags,
            condition: push.condition,
            if_missing: self.if_missing(push.create_repository),
            now: self.now(),
        })
    }
}

/// A push within its transaction.
struct Push<'t, 'c> {
    tx: &'t mut Tx<'c>,
    key: &'t RepositoryKey,
    /// The row id of the repository.
    repository: i64,
    new: &'t NewManifest,
    limits: &'t Limits,
}

impl Push<'_, '_> {
    async fn check_condition(&mut self) -> Result<()> {
        let NewManifest { digest, tags, condition, .. } = self.new;
        if matches!(condition, Condition::None) {
            return Ok(());
        }
        let mut holds = true;
        for tag in tags {
            let current = tags::target(self.tx, self.repository, tag).await?.map(|(_, digest)| digest);
            holds &= condition.holds(current.as_ref());
        }
        if tags.is_empty() {
            let current = find(self.tx, self.repository, digest).await?.map(|_| digest);
            holds = condition.holds(current);
        }
        if holds { Ok(()) } else { Err(Error::PreconditionFailed) }
    }

    /// The media type that a manifest is stored with, which must be that of the push if the push names one.
    async fn stored_media_type(&mut self, manifest: i64) -> Result<String> {
        let pushed = &self.new.manifest.media_type;
        let stored = self.tx.query_one(&SELECT_MEDIA_TYPE, params![manifest]).await?;
        let media_type = stored.map_or_else(|| pushed.clone(), |MediaType(stored)| stored);
        if self.new.is_typed && media_type != *pushed {
            return Err(Error::MediaTypeFixed { digest: self.new.digest.clone(), media_type });
        }
        Ok(media_type)
    }

    /// Points the tags of the push at its manifest. False if all of them did already.
    async fn point_tags(&mut self, manifest: i64) -> Result<bool> {
        let (mut moved, limit) = (None, self.limits.tags_per_image);
        for tag in &self.new.tags {
            if tags::point(self.tx, self.repository, tag, manifest, self.new.now).await? {
                moved = Some(tag);
            }
        }
        if let Some(tag) = moved
            && tags::count_of_manifest(self.tx, manifest).await? > limit
        {
            let RepositoryKey { registry, name } = self.key;
            return Err(Error::LimitExceeded(format!(
                "Adding tag '{tag}' to an image in the repository with name '{name}' in registry with id '{registry}' \
                 exceeds the maximum allowed number of tags per image which is '{limit}'"
            )));
        }
        Ok(moved.is_some())
    }

    async fn insert(&mut self, id: i64) -> Result<i64> {
        let (blobs, children) = (self.required_blobs().await?, self.children().await?);
        let (NewManifest { digest, bytes, manifest, now, .. }, repository) = (self.new, self.repository);
        let image_size = children.iter().map(Child::image_size).max().unwrap_or(0).max(manifest.content_size());
        let (media_type, artifact_type, size) = (&manifest.media_type, manifest.artifact_media_type(), bytes.len() as u64);
        let parameters = params![id, repository, digest, media_type, artifact_type, image_size, size, now];
        self.tx.execute(&INSERT, parameters).await?;
        self.tx.execute(&INSERT_CONTENT, params![id, bytes[..]]).await?;
        for blob in blobs {
            self.tx.execute(&INSERT_BLOB, params![id, repository, blob]).await?;
        }
        for child in children {
            match child {
                Child::Manifest { id: child, .. } => self.tx.execute(&INSERT_CHILD, params![id, child]).await?,
                Child::Blob { id: blob, .. } => self.tx.execute(&INSERT_BLOB, params![id, repository, blob]).await?,
            };
        }
        if let Some(subject) = &manifest.subject {
            let (digest, annotations) = (digest.as_str(), &manifest.annotations);
            let descriptor = ReferrerDescriptor { media_type, digest, size, artifact_type, annotations };
            referrers::insert(self.tx, repository, subject, id, &descriptor).await?;
        }
        self.count_image().await?;
        Ok(id)
    }

    async fn count_image(&mut self) -> Result<()> {
        let limit = self.limits.images_per_repository;
        if add_to_image_count(self.tx, self.repository, 1).await? <= limit {
            return Ok(());
        }
        let RepositoryKey { registry, name } = self.key;
        Err(Error::LimitExceeded(format!(
            "The repository with name '{name}' in registry with id '{registry}' already has the maximum allowed number of images \
             which is '{limit}'"
        )))
    }
}

/// A media type as it is stored.
struct MediaType(String);

impl FromRow for MediaType {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        row.read_media_type().map(Self)
    }
}
