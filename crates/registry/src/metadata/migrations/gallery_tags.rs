//! The data migration of version 7: gives every tag its visibility and its place in the order of versions.
//!
//! Which tags owners hide is marked later, by a background task.
//!
//! Version 13 does it again where the first code with these columns pushed tags, because it did not fill them.

use crate::error::Result;
use crate::metadata::{FromRow, Row, Tx, params, statements};
use roadstead_model::gallery::visibility::README_TAG;
use roadstead_model::gallery::{ArtifactKind, HiddenTags, Visibility, version};
use roadstead_model::{Manifest, Tag};

statements! {
    SELECT_TAGS = "SELECT t.repository_id, t.name, t.manifest_id, EXISTS (SELECT 1 FROM referrer f WHERE f.manifest_id = t.manifest_id)
        FROM tag t WHERE (t.repository_id, t.name) > (?1, ?2) ORDER BY t.repository_id, t.name LIMIT ?3";
    SELECT_MANIFEST = "SELECT m.media_type, c.bytes FROM manifest m JOIN manifest_content c ON c.manifest_id = m.id WHERE m.id = ?1";
    UPDATE_TAG = "UPDATE tag SET visibility = ?3, version_key = ?4, is_stable = ?5 WHERE repository_id = ?1 AND name = ?2";
    COUNT_TAGS = "UPDATE repository SET listed_tags = (SELECT COUNT(*) FROM tag t WHERE t.repository_id = repository.id AND t.visibility = 0)";
    IS_MISCOUNTED = "SELECT EXISTS (SELECT 1 FROM repository r WHERE r.listed_tags <>
        (SELECT COUNT(*) FROM tag t WHERE t.repository_id = r.id AND t.visibility = 0))";
    FORGET_HIDDEN = "UPDATE repository SET hidden_tags = 0";
    MARK_HIDDEN = "INSERT INTO tags_to_mark (repository_id, after_name)
        SELECT repository_id, '' FROM resource_tag WHERE tag_key = 'roadstead:hidden-tags'
        ON CONFLICT (repository_id) DO UPDATE SET after_name = excluded.after_name";
}

/// The number of tags that are read at a time.
const BATCH: usize = 1000;

/// A tag that an older version wrote.
struct OldTag {
    repository: i64,
    name: Tag,
    manifest: i64,
    is_referrer: bool,
}

pub(super) async fn introduce(tx: &mut Tx<'_>) -> Result<()> {
    let (mut repository, mut after) = (i64::MIN, String::new());
    loop {
        let tags: Vec<OldTag> = tx.query(&SELECT_TAGS, params![repository, after, BATCH]).await?;
        let Some(last) = tags.last() else { break };
        (repository, after) = (last.repository, last.name.to_string());
        for tag in &tags {
            mark(tx, tag).await?;
        }
    }
    tx.execute(&COUNT_TAGS, params![]).await.map(drop)
}

pub(super) async fn complete(tx: &mut Tx<'_>) -> Result<()> {
    if tx.query_one(&IS_MISCOUNTED, params![]).await? != Some(true) {
        return Ok(());
    }
    tx.execute(&FORGET_HIDDEN, params![]).await?;
    tx.execute(&MARK_HIDDEN, params![]).await?;
    introduce(tx).await
}

async fn mark(tx: &mut Tx<'_>, tag: &OldTag) -> Result<()> {
    let name = tag.name.as_str();
    // Only a README's visibility depends on the kind.
    let kind = if name == README_TAG { kind(tx, tag.manifest).await? } else { ArtifactKind::Artifact };
    let visibility = Visibility::of(name, tag.is_referrer, kind, &HiddenTags::default());
    let (key, is_stable) = (version::version_key(name), version::is_stable(name));
    tx.execute(&UPDATE_TAG, params![tag.repository, name, visibility, key, is_stable]).await.map(drop)
}

async fn kind(tx: &mut Tx<'_>, manifest: i64) -> Result<ArtifactKind> {
    let found: Option<(String, Vec<u8>)> = tx.query_one(&SELECT_MANIFEST, params![manifest]).await?;
    let manifest = found.and_then(|(media_type, bytes)| Manifest::parse(&bytes, Some(&media_type)).ok());
    Ok(manifest.as_ref().map_or(ArtifactKind::Artifact, ArtifactKind::of))
}

impl FromRow for OldTag {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self { repository: row.read()?, name: row.read()?, manifest: row.read()?, is_referrer: row.read()? })
    }
}
