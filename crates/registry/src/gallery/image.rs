//! One image, or another artifact, with everything that its page shows.

mod content;
mod rows;

use crate::error::{Error, Result};
use crate::gallery::readmes;
use crate::installation::Installation;
use crate::markdown::Prose;
use crate::metadata::{Tx, params, statements};
use crate::repository_blob::StoredBlob;
use crate::{repository_blobs, repository_row};
use content::Content;
use roadstead_model::gallery::{ArtifactKind, AttachmentKind, attachment};
use roadstead_model::manifest::{Descriptor, Manifest};
use roadstead_model::media_type::Kind;
use roadstead_model::{Digest, Platform, Reference, RepositoryKey, Tag, Timestamp};
use rows::{ChildRow, ImageRow};
use std::collections::HashMap;

pub use content::Config;

/// The most entries of an index that are described. Images for many systems have some thirty.
pub const MOST_ENTRIES: usize = 64;
/// The most attachments that are described.
pub const MOST_ATTACHMENTS: usize = 100;
/// The most tags of the same image, subjects and indexes that are named, each.
pub const MOST_RELATIONS: usize = 50;

statements! {
    SELECT_BY_TAG = "SELECT m.id, r.id, m.digest, m.media_type, m.manifest_size, m.image_size, m.pushed_at, c.bytes
        FROM repository r JOIN tag t ON t.repository_id = r.id AND t.name = ?3
        JOIN manifest m ON m.id = t.manifest_id JOIN manifest_content c ON c.manifest_id = m.id
        WHERE r.registry_id = ?1 AND r.name = ?2";
    SELECT_BY_DIGEST = "SELECT m.id, r.id, m.digest, m.media_type, m.manifest_size, m.image_size, m.pushed_at, c.bytes
        FROM repository r JOIN manifest m ON m.repository_id = r.id AND m.digest = ?3
        JOIN manifest_content c ON c.manifest_id = m.id
        WHERE r.registry_id = ?1 AND r.name = ?2";
    // The chosen child comes first, with its bytes however many they are.
    SELECT_CHILDREN = "SELECT m.digest, m.media_type, m.image_size, s.created,
            CASE WHEN length(c.bytes) <= 65536 OR m.digest = ?2 THEN c.bytes END
        FROM manifest_child x JOIN manifest m ON m.id = x.child_id JOIN manifest_content c ON c.manifest_id = m.id
        LEFT JOIN manifest_summary s ON s.manifest_id = m.id
        WHERE x.parent_id = ?1 ORDER BY CASE WHEN m.digest = ?2 THEN 0 ELSE 1 END, m.id LIMIT ?3";
    SELECT_ATTACHED = "SELECT a.subject, a.kind, m.digest, m.media_type, m.artifact_media_type, m.image_size, m.pushed_at,
            CASE WHEN length(c.bytes) <= 16384 THEN c.bytes END
        FROM attachment a JOIN manifest m ON m.id = a.manifest_id JOIN manifest_content c ON c.manifest_id = m.id
        WHERE a.repository_id = ?1 AND a.subject IN (?2, ?3) ORDER BY a.kind, a.manifest_id DESC LIMIT ?4";
    // Listed tags of the image, the highest version first; what it is attached to; the indexes that list it.
    SELECT_RELATIONS = "SELECT * FROM (SELECT 0 AS relation, name FROM tag WHERE manifest_id = ?1 AND visibility = 0
            ORDER BY version_key DESC, name LIMIT ?2) AS same
        UNION ALL SELECT * FROM (SELECT 1 AS relation, subject FROM attachment WHERE manifest_id = ?1 ORDER BY subject LIMIT ?2) AS subjects
        UNION ALL SELECT * FROM (SELECT 2 AS relation, m.digest FROM manifest_child x JOIN manifest m ON m.id = x.parent_id
            WHERE x.child_id = ?1 ORDER BY x.parent_id DESC LIMIT ?2) AS indexes";
}

/// One image, index or other artifact.
#[derive(Debug, Clone)]
pub struct ImageView {
    pub digest: Digest,
    pub kind: ArtifactKind,
    /// The media type with which the manifest was pushed.
    pub media_type: String,
    /// The size of the manifest in bytes.
    pub manifest_size: u64,
    /// The compressed size in bytes; of an index, that of its largest image.
    pub size: u64,
    pub pushed_at: Timestamp,
    /// `None` for a manifest that was stored before today's limits applied and exceeds them.
    pub manifest: Option<Manifest>,
    /// The entries of an index without attestations, in its order, at most [`MOST_ENTRIES`].
    pub entries: Vec<IndexEntry>,
    /// How many more entries the index has.
    pub entries_left_out: usize,
    /// The image of an index whose content is shown. `None` if the index has no image for the platform, or lists none at all.
    pub chosen: Option<Chosen>,
    /// The config of the chosen image or, unless this is an index, of this one.
    pub config: Config,
    /// Attachments of this image and of the chosen one, by kind, the newest first, at most [`MOST_ATTACHMENTS`].
    pub attached: Vec<Attached>,
    /// Listed tags of this image, the highest version first, at most [`MOST_RELATIONS`].
    pub tags: Vec<Tag>,
    /// What this is attached to.
    pub subjects: Vec<Digest>,
    /// The indexes that list this.
    pub indexes: Vec<Digest>,
    /// The README that was attached to this.
    pub readme: Option<Prose>,
}

/// An entry of an index.
#[derive(Debug, Clone)]
pub struct IndexEntry {
    pub platform: Option<Platform>,
    pub digest: Digest,
    /// The media type of the manifest.
    pub media_type: String,
    /// The artifact type of the manifest, if the index says it.
    pub artifact_type: Option<String>,
    /// The compressed size in bytes. `None`, as the next ones, if the repository does not hold the image, or its manifest is large.
    pub size: Option<u64>,
    /// The number of layers.
    pub layers: Option<usize>,
    /// When the image was built.
    pub created: Option<Timestamp>,
}

/// The image of an index whose content is shown.
#[derive(Debug, Clone)]
pub struct Chosen {
    pub platform: Option<Platform>,
    pub digest: Digest,
    pub manifest: Manifest,
}

/// Something attached to an image.
#[derive(Debug, Clone)]
pub struct Attached {
    /// The digest of the image or index that it is attached to.
    pub subject: Digest,
    pub kind: AttachmentKind,
    pub digest: Digest,
    /// The media type of the manifest.
    pub media_type: String,
    /// The artifact type, otherwise the config's media type.
    pub artifact_media_type: Option<String>,
    /// In bytes.
    pub size: u64,
    pub pushed_at: Timestamp,
    /// Its manifest, unless that is large.
    pub manifest: Option<Manifest>,
}

impl ImageView {
    /// The manifest whose layers and config are shown: that of the chosen image of an index, and otherwise the own one.
    pub fn content(&self) -> Option<&Manifest> {
        match &self.chosen {
            Some(chosen) => Some(&chosen.manifest),
            None => self.manifest.as_ref().filter(|manifest| manifest.kind != Kind::Index),
        }
    }

    /// The digest of the manifest whose layers and config are shown.
    pub fn content_digest(&self) -> &Digest {
        self.chosen.as_ref().map_or(&self.digest, |chosen| &chosen.digest)
    }

    pub fn is_index(&self) -> bool {
        self.manifest.as_ref().is_some_and(|manifest| manifest.kind == Kind::Index)
    }
}

/// What one transaction reads.
struct Found {
    image: ImageRow,
    manifest: Option<Manifest>,
    children: Vec<ChildRow>,
    chosen: Option<Chosen>,
    config: Option<StoredBlob>,
    attached: Vec<Attached>,
    relations: Vec<(i64, String)>,
    readme: Option<Prose>,
}

impl Installation {
    /// The image of a tag or digest. Of an index, also the content of its image for `platform`, such as `linux/arm64`, by default for
    /// `linux/amd64` or else the first one.
    pub async fn image_view(&self, repository: &RepositoryKey, reference: &Reference, platform: Option<&str>) -> Result<ImageView> {
        let found = self.0.metadata.read(async |tx: &mut Tx<'_>| find(tx, repository, reference, platform).await).await?;
        let kind = found.manifest.as_ref().map_or(ArtifactKind::Artifact, ArtifactKind::of);
        let content = found.chosen.as_ref().map(|chosen| &chosen.manifest).or(found.manifest.as_ref());
        let config = match content {
            Some(manifest) => self.read_config(Content { kind: ArtifactKind::of(manifest), manifest, blob: found.config.as_ref() }).await?,
            None => Config::Absent,
        };
        let (entries, entries_left_out) = entries(found.manifest.as_ref(), &found.children);
        let named = |relation| found.relations.iter().filter(move |(kind, _)| *kind == relation).map(|(_, name)| name.as_str());
        let digests = |relation| named(relation).filter_map(|digest| Digest::parse(digest).ok()).collect();
        Ok(ImageView {
            kind,
            config,
            entries,
            entries_left_out,
            tags: named(0).filter_map(|tag| Tag::parse(tag).ok()).collect(),
            subjects: digests(1),
            indexes: digests(2),
            digest: found.image.digest,
            media_type: found.image.media_type,
            manifest_size: found.image.manifest_size,
            size: found.image.size,
            pushed_at: found.image.pushed_at,
            manifest: found.manifest,
            chosen: found.chosen,
            attached: found.attached,
            readme: found.readme,
        })
    }
}

async fn find(tx: &mut Tx<'_>, key: &RepositoryKey, reference: &Reference, platform: Option<&str>) -> Result<Found> {
    let (sql, text) = match reference {
        Reference::Tag(tag) => (&SELECT_BY_TAG, tag.as_str()),
        Reference::Digest(digest) => (&SELECT_BY_DIGEST, digest.as_str()),
    };
    let image: Option<ImageRow> = tx.query_one(sql, params![key.registry, key.name, text]).await?;
    let image = repository_row::require_on_miss(tx, key, image).await?.ok_or_else(|| match reference {
        Reference::Tag(tag) => Error::tag_not_found(key, tag),
        Reference::Digest(digest) => Error::digest_not_found(key, digest),
    })?;
    let manifest = Manifest::parse(&image.bytes, Some(&image.media_type)).ok();
    let choice = manifest.as_ref().and_then(|manifest| choose(manifest, platform));
    let chosen_digest = choice.map_or("", |entry| entry.digest.as_str());
    let children: Vec<ChildRow> = match &manifest {
        Some(manifest) if manifest.kind == Kind::Index => {
            tx.query(&SELECT_CHILDREN, params![image.id, chosen_digest, MOST_ENTRIES as i64]).await?
        }
        _ => Vec::new(),
    };
    let chosen = choice.and_then(|entry| {
        let manifest = children.iter().find(|child| child.digest == entry.digest)?.manifest.clone()?;
        Some(Chosen { platform: entry.platform.clone(), digest: entry.digest.clone(), manifest })
    });
    let content = chosen.as_ref().map(|chosen| &chosen.manifest).or(manifest.as_ref());
    let config = match content.and_then(|manifest| manifest.config.as_ref()) {
        Some(config) => repository_blobs::find_stored(tx, key, &config.digest).await?,
        None => None,
    };
    let subject = chosen.as_ref().map_or(&image.digest, |chosen| &chosen.digest);
    let attached = tx.query(&SELECT_ATTACHED, params![image.repository, image.digest, subject, MOST_ATTACHMENTS as i64]).await?;
    let relations = tx.query(&SELECT_RELATIONS, params![image.id, MOST_RELATIONS as i64]).await?;
    let readme = readmes::of_subject(tx, image.repository, &image.digest).await?;
    Ok(Found { image, manifest, children, chosen, config, attached, relations, readme })
}

/// The entries of an index that are images and not attestations.
fn images(index: &Manifest) -> impl Iterator<Item = &Descriptor> {
    index.manifests.iter().filter(|entry| !attachment::is_attestation(entry))
}

/// The entry for a platform, such as `linux/arm64` for `linux/arm64/v8`. By default the one for `linux/amd64`, else the first one.
fn choose<'m>(index: &'m Manifest, platform: Option<&str>) -> Option<&'m Descriptor> {
    let runs_on = |wanted: &str| {
        let matches = move |platform: &Platform| {
            let name = platform.to_string();
            name.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        images(index).find(|entry| entry.platform.as_ref().is_some_and(matches))
    };
    match platform {
        Some(platform) => runs_on(platform),
        None => runs_on("linux/amd64").or_else(|| images(index).find(|entry| entry.platform.is_some())),
    }
}

/// Describes the entries of an index. Returns also how many are left out.
fn entries(index: Option<&Manifest>, children: &[ChildRow]) -> (Vec<IndexEntry>, usize) {
    let Some(index) = index else { return (Vec::new(), 0) };
    let children: HashMap<&Digest, &ChildRow> = children.iter().map(|child| (&child.digest, child)).collect();
    let describe = |entry: &Descriptor| {
        let child = children.get(&entry.digest);
        IndexEntry {
            platform: entry.platform.clone(),
            digest: entry.digest.clone(),
            media_type: entry.media_type.clone(),
            artifact_type: entry.artifact_type.clone(),
            size: child.map(|child| child.size),
            layers: child.and_then(|child| child.manifest.as_ref()).map(|manifest| manifest.layers.len()),
            created: child.and_then(|child| child.created),
        }
    };
    let described: Vec<_> = images(index).take(MOST_ENTRIES).map(describe).collect();
    let left_out = images(index).count() - described.len();
    (described, left_out)
}

#[cfg(test)]
mod tests;
