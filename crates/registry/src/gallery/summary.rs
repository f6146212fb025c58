//! Summaries of manifests, recorded when they are pushed.

use crate::error::{Error, Result};
use crate::gallery::attachments;
use crate::metadata::{FromColumn, FromRow, Row, Tx, Value, params, statements};
use roadstead_model::gallery::image_config::ImageConfig;
use roadstead_model::gallery::{ArtifactKind, AttachmentKind, PlatformEntry, Summary};
use roadstead_model::media_type::Kind;
use roadstead_model::{Digest, Manifest, Platform};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

statements! {
    SELECT = "SELECT s.kind, s.created, s.annotations, s.attaches FROM manifest m JOIN manifest_summary s ON s.manifest_id = m.id
        WHERE m.repository_id = ?1 AND m.digest = ?2";
    SELECT_ATTACHES = "SELECT attaches FROM manifest_summary WHERE manifest_id = ?1";
    UPSERT = "INSERT INTO manifest_summary (manifest_id, kind, platforms, created, annotations, attaches) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
        ON CONFLICT (manifest_id) DO UPDATE SET kind = excluded.kind, platforms = excluded.platforms, created = excluded.created,
            annotations = excluded.annotations, attaches = excluded.attaches";
    // Without content, the blob is in a file.
    SELECT_CONFIG = "SELECT c.bytes FROM blob b LEFT JOIN blob_content c ON c.blob_id = b.id WHERE b.digest = ?1";
    REQUEST = "INSERT INTO manifest_to_summarise (manifest_id) VALUES (?1) ON CONFLICT (manifest_id) DO NOTHING";
}

/// A manifest to summarise.
pub(crate) struct Described<'a> {
    pub(crate) repository: i64,
    pub(crate) id: i64,
    pub(crate) digest: &'a Digest,
    pub(crate) manifest: &'a Manifest,
    /// The sizes of the entries of an index, in order.
    pub(crate) sizes: &'a [u64],
}

/// Records the summary of a manifest that is being pushed, and what it is attached to. A background task completes it if the config of an
/// image is in a file.
pub(crate) async fn record(tx: &mut Tx<'_>, described: &Described<'_>) -> Result<()> {
    let Described { manifest, id, .. } = *described;
    let (config, is_complete) = match manifest.kind {
        Kind::Index => (None, first_image(tx, described).await?.is_some()),
        Kind::Image | Kind::Other => config_in_database(tx, manifest).await?,
    };
    if !is_complete {
        tx.send(&REQUEST, params![id]).await?;
    }
    record_with(tx, described, config.as_deref()).await
}

/// Records the summary of a manifest with the content of its config, as far as that is known.
pub(crate) async fn record_with(tx: &mut Tx<'_>, described: &Described<'_>, config: Option<&[u8]>) -> Result<()> {
    let Described { repository, id, digest, manifest, sizes } = *described;
    let summary = match manifest.kind {
        Kind::Index => Summary::of_index(manifest, sizes, first_image(tx, described).await?),
        Kind::Image | Kind::Other => Summary::of_image(manifest, digest, config.and_then(ImageConfig::parse)),
    };
    let (platforms, annotations) = (stored_platforms(&summary, digest)?, to_json(&summary.annotations, summary.annotations.is_empty())?);
    let attaches = to_json(&summary.attaches.iter().map(|kind| kind.code()).collect::<Vec<_>>(), summary.attaches.is_empty())?;
    tx.send(&UPSERT, params![id, summary.kind, platforms, summary.created, annotations, attaches]).await?;
    attachments::of_manifest(tx, repository, id, manifest, &summary.attaches).await
}

/// What a manifest is for the image that it is attached to, as far as it is known.
pub(crate) async fn attached_kinds(tx: &mut Tx<'_>, manifest: i64) -> Result<Vec<AttachmentKind>> {
    let found: Option<Attaches> = tx.query_one(&SELECT_ATTACHES, params![manifest]).await?;
    Ok(found.map(|Attaches(kinds)| kinds).unwrap_or_default())
}

/// The summary of the first image of an index. `None` if it has none yet.
async fn first_image(tx: &mut Tx<'_>, described: &Described<'_>) -> Result<Option<Summary>> {
    match Summary::first_image(described.manifest) {
        Some(entry) => tx.query_one(&SELECT, params![described.repository, entry.digest]).await,
        None => Ok(None),
    }
}

/// The config of a manifest that can run.
pub(crate) fn config_of(manifest: &Manifest) -> Option<&Digest> {
    manifest.config.as_ref().filter(|_| ArtifactKind::of(manifest).is_runnable()).map(|config| &config.digest)
}

/// The content of an image's config if it lies in the database, and whether there is no other that is worth reading.
async fn config_in_database(tx: &mut Tx<'_>, manifest: &Manifest) -> Result<(Option<Vec<u8>>, bool)> {
    let Some(config) = config_of(manifest) else { return Ok((None, true)) };
    let content: Option<Option<Vec<u8>>> = tx.query_one(&SELECT_CONFIG, params![config]).await?;
    Ok(match content {
        Some(Some(bytes)) => (Some(bytes), true),
        Some(None) => (None, false),
        None => (None, true),
    })
}

/// A platform in the database. The digest and the size of an image are those of its row.
#[derive(Serialize, Deserialize)]
struct StoredPlatform {
    platform: Platform,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
}

fn stored_platforms(summary: &Summary, own: &Digest) -> Result<String> {
    let stored = |PlatformEntry { platform, digest, size }: &PlatformEntry| {
        let other = (digest != own).then_some(());
        StoredPlatform { platform: platform.clone(), digest: other.map(|()| digest.to_string()), size: other.map(|()| *size) }
    };
    to_json(&summary.platforms.iter().map(stored).collect::<Vec<_>>(), summary.platforms.is_empty())
}

/// The platforms of a manifest from the database. Nothing that is stored there is malformed.
pub(crate) fn platforms(stored: &str, own: &Digest, own_size: u64) -> Vec<PlatformEntry> {
    let entry = |StoredPlatform { platform, digest, size }: StoredPlatform| {
        let digest = digest.map_or_else(|| Some(own.clone()), |digest| Digest::parse(&digest).ok());
        Some(PlatformEntry { platform, digest: digest?, size: size.unwrap_or(own_size) })
    };
    from_json::<Vec<StoredPlatform>>(stored).into_iter().filter_map(entry).collect()
}

/// The well-known annotations of a manifest from the database.
pub(crate) fn annotations(stored: &str) -> BTreeMap<String, String> {
    from_json(stored)
}

/// Serialises a value. An empty one, as most are, takes no space.
fn to_json(value: &impl Serialize, is_empty: bool) -> Result<String> {
    if is_empty {
        return Ok(String::new());
    }
    serde_json::to_string(value).map_err(|error| Error::Internal(error.to_string()))
}

fn from_json<'a, T: Deserialize<'a> + Default>(stored: &'a str) -> T {
    serde_json::from_str(stored).unwrap_or_default()
}

/// A list of [`AttachmentKind`] from the database.
struct Attaches(Vec<AttachmentKind>);

impl FromColumn for Attaches {
    fn from_column(value: Value<'_>) -> Result<Self> {
        let stored = String::from_column(value)?;
        Ok(Self(from_json::<Vec<i64>>(&stored).into_iter().filter_map(AttachmentKind::from_code).collect()))
    }
}

/// Reads kind, created, annotations and attaches. The first image's platforms are not needed.
impl FromRow for Summary {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let (kind, created, annotations_json): (ArtifactKind, _, String) = row.read()?;
        let Attaches(attaches) = row.read()?;
        Ok(Self { kind, platforms: Vec::new(), created, annotations: annotations(&annotations_json), attaches })
    }
}
