//! Rows of lists of tags, read with their images.

use crate::error::Result;
use crate::gallery::summary;
use crate::metadata::{FromRow, Row};
use roadstead_model::Tag;
use roadstead_model::gallery::{ArtifactKind, AttachedKinds, TagRow};

/// The columns of a [`TagRow`], of a tag `t`, its manifest `m` and the summary `s` of that, if there is one.
///
/// A kind of things is attached to an index if it is attached to the index itself or to all of its first 100 entries, attestations aside.
macro_rules! tag_columns {
    () => {
        concat!(
            "t.name, t.visibility, t.created_at, m.digest, m.media_type, m.pushed_at, m.image_size, m.artifact_media_type, s.kind, s.platforms, ",
            $crate::gallery::tag_rows::attached!("1"),
            ", ",
            $crate::gallery::tag_rows::attached!("2"),
            ", ",
            $crate::gallery::tag_rows::attached!("3"),
            ", (SELECT STRING_AGG(o.name, ' ') FROM
                (SELECT name FROM tag WHERE manifest_id = m.id AND visibility = 0 AND name <> t.name ORDER BY name LIMIT 8) AS o)"
        )
    };
}
pub(crate) use tag_columns;

/// Whether things of a kind are attached to the manifest `m`.
macro_rules! attached {
    ($kind:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM attachment a WHERE a.repository_id = m.repository_id AND a.subject = m.digest AND a.kind = ",
            $kind,
            ") OR COALESCE((SELECT MIN(CASE WHEN EXISTS (SELECT 1 FROM attachment a
                WHERE a.repository_id = m.repository_id AND a.subject = e.digest AND a.kind = ",
            $kind,
            ") THEN 1 ELSE 0 END) FROM (SELECT c.id, c.digest FROM manifest_child x JOIN manifest c ON c.id = x.child_id
                WHERE x.parent_id = m.id LIMIT 100) AS e WHERE NOT EXISTS (SELECT 1 FROM attachment a WHERE a.manifest_id = e.id)), 0) = 1"
        )
    };
}
pub(crate) use attached;

/// Reads the columns of `tag_columns!`.
impl FromRow for TagRow {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let (name, visibility, moved_at) = row.read()?;
        let (digest, media_type, pushed_at) = (row.read()?, row.read_media_type()?, row.read()?);
        let (size, artifact_type) = (row.read()?, row.read_optional_media_type()?);
        let (kind, platforms): (Option<ArtifactKind>, Option<String>) = row.read()?;
        let attached = AttachedKinds { signatures: row.read()?, sboms: row.read()?, provenance: row.read()? };
        let same_as: Option<String> = row.read()?;
        let same_as = same_as.as_deref().unwrap_or_default().split(' ').filter_map(|name| Tag::parse(name).ok());
        Ok(Self {
            name,
            visibility,
            media_type,
            kind: kind.unwrap_or_else(|| artifact_type.as_deref().map_or(ArtifactKind::Image, ArtifactKind::of_artifact_type)),
            pushed_at,
            moved_at,
            size,
            platforms: summary::platforms(platforms.as_deref().unwrap_or_default(), &digest, size),
            digest,
            attached,
            same_as: same_as.collect(),
            pulls_30d: None,
        })
    }
}
