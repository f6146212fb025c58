//! Pushes of manifests.

mod references;

use crate::error::{Error, Result};
use crate::gallery::readmes;
use crate::gallery::summary::{self, Described};
use crate::installation::Installation;
use crate::limits::Limits;
use crate::metadata::{FromRow, Row, Tx, params, statements};
use crate::repository_row::{self, Counts, IfMissing, add_to_counts};
use crate::stored_manifest::ManifestPlace;
use crate::tags::{self, Pointed};
use crate::{referrers, stale};
use bytes::Bytes;
use references::References;
use roadstead_model::gallery::owner_settings::HIDDEN_TAGS;
use roadstead_model::gallery::{ArtifactKind, AttachmentKind, HiddenTags, Visibility};
use roadstead_model::oci::ReferrerDescriptor;
use roadstead_model::{Algorithm, Digest, Manifest, RepositoryKey, Tag, Timestamp};

statements! {
    // What a push has to know: the repository, which of its tags are hidden, and the manifest if it exists.
    SELECT_DESTINATION = "SELECT r.id, r.image_count, h.tag_value, m.id, m.media_type FROM repository r
        LEFT JOIN resource_tag h ON h.repository_id = r.id AND h.tag_key = ?3
        LEFT JOIN manifest m ON m.repository_id = r.id AND m.digest = ?4 WHERE r.registry_id = ?1 AND r.name = ?2";
    INSERT = "INSERT INTO manifest (id, repository_id, digest, media_type, artifact_media_type, image_size, manifest_size, pushed_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    INSERT_CONTENT = "INSERT INTO manifest_content (manifest_id, bytes) VALUES (?1, ?2)";
    INSERT_BLOB = "INSERT INTO manifest_blob (manifest_id, repository_id, blob_id) VALUES (?1, ?2, ?3) ON CONFLICT (manifest_id, blob_id) DO NOTHING";
    INSERT_CHILD = "INSERT INTO manifest_child (parent_id, child_id) VALUES (?1, ?2) ON CONFLICT (parent_id, child_id) DO NOTHING";
}

/// The push of a manifest.
#[derive(Debug, Clone)]
pub struct ManifestPush {
    pub bytes: Bytes,
    /// The media type that the client sent with the bytes, without parameters.
    pub media_type: Option<String>,
    /// The digest that the client expects.
    pub digest: Option<Digest>,
    /// The tags to point at the manifest, all or none.
    pub tags: Vec<Tag>,
    pub condition: Condition,
    /// Whether to create the repository if it does not exist.
    pub create_repository: bool,
}

/// The condition of a conditional push (RFC 9110, section 13). It applies to the current target of each pushed tag or, without tags, to
/// the digest itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    None,
    /// `If-None-Match: *`: there is no current manifest.
    Absent,
    /// `If-None-Match` with digests: the current manifest is none of these.
    IsNot(Vec<Digest>),
    /// `If-Match: *`: there is a current manifest.
    Present,
    /// `If-Match` with digests: the current manifest is one of these.
    Is(Vec<Digest>),
}

/// The result of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestPut {
    pub digest: Digest,
    /// The media type that the manifest is served with.
    pub media_type: String,
    pub subject: Option<Digest>,
    /// Whether the manifest and all its tags existed already.
    pub unchanged: bool,
    pub(crate) place: ManifestPlace,
}

/// A parsed manifest to store.
#[derive(Debug, Clone)]
struct NewManifest {
    digest: Digest,
    bytes: Bytes,
    manifest: Manifest,
    /// Whether the manifest or the client states the media type, so that it need not be guessed.
    is_typed: bool,
    tags: Vec<Tag>,
    condition: Condition,
    if_missing: IfMissing,
    now: Timestamp,
}

impl NewManifest {
    /// Returns the stored media type of the manifest. Fails if the push states another one.
    fn checked_media_type(&self, stored: String) -> Result<String> {
        if self.is_typed && stored != self.manifest.media_type {
            return Err(Error::MediaTypeFixed { digest: self.digest.clone(), media_type: stored });
        }
        Ok(stored)
    }
}

impl Condition {
    /// Whether the condition holds for the current manifest.
    fn holds(&self, current: Option<&Digest>) -> bool {
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
    /// Stores a manifest and points its tags at it, atomically. The repository must hold everything that the manifest references.
    ///
    /// The first push fixes the media type of the bytes, because signatures and indexes may refer to it.
    pub async fn put_manifest(&self, repository: &RepositoryKey, push: ManifestPush) -> Result<ManifestPut> {
        let new = self.checked(repository, push)?;
        let (key, limits) = (repository.clone(), self.0.limits.clone());
        let store = async move |tx: &mut Tx<'_>| {
            let Destination { repository, images, hidden, found } = Destination::find(tx, &key, &new).await?;
            let mut push = Push { tx, key: &key, repository, new: &new, limits: &limits, counts: Counts::default() };
            push.check_condition(found.is_some()).await?;
            let is_new = found.is_none();
            let (manifest, media_type) = match found {
                Some((id, stored)) => (id, new.checked_media_type(stored)?),
                None => {
                    let id = push.tx.next_id(new.now);
                    push.insert(id).await?;
                    (id, new.manifest.media_type.clone())
                }
            };
            readmes::record(push.tx, manifest, &new.manifest).await?;
            let moved = push.point_tags(manifest, is_new, &hidden).await?;
            let unchanged = !is_new && !moved;
            if !unchanged {
                push.count(images).await?;
                stale::mark(push.tx, repository).await?;
            }
            let (digest, subject) = (new.digest.clone(), new.manifest.subject.clone());
            Ok(ManifestPut { digest, media_type, subject, unchanged, place: ManifestPlace { repository, manifest } })
        };
        // All pushes to a repository count in its row.
        let lane = format!("{}/{}", repository.registry, repository.name);
        self.0.metadata.content().write_in_lane(lane, store).await
    }

    /// Parses the manifest and checks its size and digest.
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
        // A manifest that states its own media type is always pushed with that one.
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

/// A push in its transaction.
struct Push<'t, 'c> {
    tx: &'t mut Tx<'c>,
    key: &'t RepositoryKey,
    /// The row id of the repository.
    repository: i64,
    new: &'t NewManifest,
    limits: &'t Limits,
    counts: Counts,
}

impl Push<'_, '_> {
    async fn check_condition(&mut self, exists: bool) -> Result<()> {
        let NewManifest { digest, tags, condition, .. } = self.new;
        if matches!(condition, Condition::None) {
            return Ok(());
        }
        let mut holds = !tags.is_empty() || condition.holds(exists.then_some(digest));
        for tag in tags {
            let current = tags::target(self.tx, self.repository, tag).await?.map(|(_, digest)| digest);
            holds &= condition.holds(current.as_ref());
        }
        if holds { Ok(()) } else { Err(Error::PreconditionFailed) }
    }

    /// Points the tags of the push at the manifest. Returns `false` if all of them already did.
    async fn point_tags(&mut self, manifest: i64, is_new: bool, hidden: &HiddenTags) -> Result<bool> {
        let NewManifest { tags, manifest: pushed, now, .. } = self.new;
        if tags.is_empty() {
            return Ok(false);
        }
        let (mut moved, limit) = (None, self.limits.tags_per_image);
        let (kind, attaches) = (ArtifactKind::of(pushed), AttachmentKind::of(pushed));
        for tag in tags {
            let visibility = Visibility::of(tag.as_str(), pushed.subject.is_some(), kind, hidden);
            let to = Pointed { tag, manifest, visibility, attaches: &attaches };
            if tags::point(self.tx, self.repository, &to, *now, &mut self.counts).await? {
                moved = Some(tag);
            }
        }
        // A new manifest has no other tags.
        if let Some(tag) = moved
            && (!is_new || tags.len() as u64 > limit)
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

    async fn insert(&mut self, id: i64) -> Result<()> {
        let References { blobs, children, sizes } = self.references().await?;
        let (NewManifest { digest, bytes, manifest, now, .. }, repository) = (self.new, self.repository);
        let image_size = manifest.content_size().max(sizes.iter().copied().max().unwrap_or(0));
        let (media_type, artifact_type, size) = (&manifest.media_type, manifest.artifact_media_type(), bytes.len() as u64);
        let parameters = params![id, repository, digest, media_type, artifact_type, image_size, size, now];
        self.tx.send(&INSERT, parameters).await?;
        self.tx.send(&INSERT_CONTENT, params![id, bytes[..]]).await?;
        for blob in blobs {
            record_blob(self.tx, id, repository, blob).await?;
        }
        for child in children {
            record_child(self.tx, id, child).await?;
        }
        if let Some(subject) = &manifest.subject {
            let (digest, annotations) = (digest.as_str(), &manifest.annotations);
            let descriptor = ReferrerDescriptor { media_type, digest, size, artifact_type, annotations };
            referrers::insert(self.tx, repository, subject, id, &descriptor).await?;
        }
        self.counts.add_images(1);
        let described = Described { repository, id, digest: &self.new.digest, manifest, sizes: &sizes };
        summary::record(self.tx, &described).await
    }

    /// Counts what was pushed to a repository that had so many `images`.
    async fn count(&mut self, images: u64) -> Result<()> {
        let limit = self.limits.images_per_repository;
        if self.counts.images() == 0 || images < limit {
            return add_to_counts(self.tx, self.repository, self.counts).await;
        }
        let RepositoryKey { registry, name } = self.key;
        Err(Error::LimitExceeded(format!(
            "The repository with name '{name}' in registry with id '{registry}' already has the maximum allowed number of images \
             which is '{limit}'"
        )))
    }
}

/// Records that a manifest references a blob of its repository.
pub(crate) async fn record_blob(tx: &mut Tx<'_>, manifest: i64, repository: i64, blob: i64) -> Result<()> {
    tx.send(&INSERT_BLOB, params![manifest, repository, blob]).await
}

/// Records that an index references a manifest.
pub(crate) async fn record_child(tx: &mut Tx<'_>, parent: i64, child: i64) -> Result<()> {
    tx.send(&INSERT_CHILD, params![parent, child]).await
}

/// Where a push goes.
struct Destination {
    /// The row id of the repository.
    repository: i64,
    /// The number of its images before the push.
    images: u64,
    hidden: HiddenTags,
    /// The row id and media type of the pushed manifest, if the repository has it already.
    found: Option<(i64, String)>,
}

impl Destination {
    /// Finds the repository, or creates it if that is allowed.
    async fn find(tx: &mut Tx<'_>, key: &RepositoryKey, new: &NewManifest) -> Result<Self> {
        let found = tx.query_one(&SELECT_DESTINATION, params![key.registry, key.name, HIDDEN_TAGS, new.digest]).await?;
        if let Some(found) = found {
            return Ok(found);
        }
        let repository = repository_row::insert_missing(tx, key, new.if_missing, new.now).await?;
        Ok(Self { repository, images: 0, hidden: HiddenTags::default(), found: None })
    }
}

impl FromRow for Destination {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let (repository, images, hidden): (i64, u64, Option<String>) = row.read()?;
        let found = row.read::<Option<i64>>()?.map(|id| Ok::<_, Error>((id, row.read_media_type()?))).transpose()?;
        Ok(Self { repository, images, hidden: hidden.as_deref().map(HiddenTags::parse).unwrap_or_default(), found })
    }
}
