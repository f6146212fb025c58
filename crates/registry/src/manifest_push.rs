//! Pushes of manifests: stored with all that they need, and tagged.

use crate::error::{Error, Result};
use crate::installation::Installation;
use crate::limits::Limits;
use crate::manifests::{add_to_image_count, find};
use crate::metadata::{FromRow, Row, Tx, params, statements};
use crate::repository_blobs::rows::find_linked;
use crate::repository_row::{self, IfMissing};
use crate::{referrers, tags};
use bytes::Bytes;
use roadstead_model::oci::ReferrerDescriptor;
use roadstead_model::{Algorithm, Descriptor, Digest, Manifest, RepositoryKey, Tag, Timestamp, media_type};

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
    /// Whether an index may list manifests that the repository does not hold.
    sparse: bool,
    now: Timestamp,
}

/// What an entry of an index turned out to be.
#[derive(Debug, Clone, Copy)]
enum Child {
    /// A manifest of the repository, with its image size.
    Manifest { id: i64, image_size: u64 },
    /// A blob of the repository (older BuildKit lists its cache layers in an index).
    Blob { id: i64, size: u64 },
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
            check_condition(tx, repository, &new).await?;
            let found = find(tx, repository, &new.digest).await?;
            let manifest = match found {
                Some((id, _)) => id,
                None => insert(tx, &key, repository, manifest_row, &new, &limits).await?,
            };
            let media_type = media_type(tx, manifest, &new).await?;
            let moved = point_tags(tx, &key, repository, manifest, &new, &limits).await?;
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
            sparse: self.0.limits.sparse_indexes,
            now: self.now(),
        })
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

/// The media type that a manifest is stored with, which must be that of the push if the push names one.
async fn media_type(tx: &mut Tx<'_>, manifest: i64, new: &NewManifest) -> Result<String> {
    let Stored(stored) =
        tx.query_one(&SELECT_MEDIA_TYPE, params![manifest]).await?.unwrap_or_else(|| Stored(new.manifest.media_type.clone()));
    if new.is_typed && stored != new.manifest.media_type {
        return Err(Error::MediaTypeFixed { digest: new.digest.clone(), media_type: stored });
    }
    Ok(stored)
}

/// A media type as it is stored.
struct Stored(String);

impl FromRow for Stored {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        row.read_media_type().map(Self)
    }
}

/// Points the tags of a push at its manifest. False if all of them did already.
async fn point_tags(
    tx: &mut Tx<'_>,
    key: &RepositoryKey,
    repository: i64,
    manifest: i64,
    new: &NewManifest,
    limits: &Limits,
) -> Result<bool> {
    let mut moved = None;
    for tag in &new.tags {
        if tags::point(tx, repository, tag, manifest, new.now).await? {
            moved = Some(tag);
        }
    }
    if let Some(tag) = moved
        && tags::count_of_manifest(tx, manifest).await? > limits.tags_per_image
    {
        return Err(Error::LimitExceeded(format!(
            "Adding tag '{tag}' to an image in the repository with name '{}' in registry with id '{}' \
             exceeds the maximum allowed number of tags per image which is '{}'",
            key.name, key.registry, limits.tags_per_image
        )));
    }
    Ok(moved.is_some())
}

async fn insert(tx: &mut Tx<'_>, key: &RepositoryKey, repository: i64, id: i64, new: &NewManifest, limits: &Limits) -> Result<i64> {
    let blobs = required_blobs(tx, key, repository, &new.manifest).await?;
    let children = children(tx, key, repository, new).await?;
    let NewManifest { digest, bytes, manifest, now, .. } = new;
    let image_size = children.iter().map(Child::image_size).max().unwrap_or(0).max(manifest.content_size());
    let (media_type, artifact_type, size) = (&manifest.media_type, manifest.artifact_media_type(), bytes.len() as u64);
    tx.execute(&INSERT, params![id, repository, digest, media_type, artifact_type, image_size, size, now]).await?;
    tx.execute(&INSERT_CONTENT, params![id, bytes[..]]).await?;
    for blob in blobs {
        tx.execute(&INSERT_BLOB, params![id, repository, blob]).await?;
    }
    for child in children {
        match child {
            Child::Manifest { id: child, .. } => tx.execute(&INSERT_CHILD, params![id, child]).await?,
            Child::Blob { id: blob, .. } => tx.execute(&INSERT_BLOB, params![id, repository, blob]).await?,
        };
    }
    if let Some(subject) = &manifest.subject {
        let (digest, annotations) = (digest.as_str(), &manifest.annotations);
        let descriptor = ReferrerDescriptor { media_type, digest, size, artifact_type, annotations };
        referrers::insert(tx, repository, subject, id, &descriptor).await?;
    }
    if add_to_image_count(tx, repository, 1).await? > limits.images_per_repository {
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
        match find_linked(tx, repository, digest).await? {
            Some(blob) => found.push(blob.id),
            None => missing.push(digest.clone()),
        }
    }
    for external in manifest.layers.iter().filter(|layer| layer.external) {
        // A layer that may live elsewhere is kept all the same once it was pushed here.
        found.extend(find_linked(tx, repository, &external.digest).await?.map(|blob| blob.id));
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
    Ok(find_linked(tx, repository, &entry.digest).await?.map(|blob| Child::Blob { id: blob.id, size: blob.size }))
}

impl Child {
    const fn image_size(&self) -> u64 {
        match self {
            Self::Manifest { image_size, .. } => *image_size,
            Self::Blob { size, .. } => *size,
        }
    }
}
