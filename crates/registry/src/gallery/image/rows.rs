//! Rows of images.

use super::Attached;
use crate::error::{Error, Result};
use crate::metadata::{FromRow, Row};
use roadstead_model::gallery::AttachmentKind;
use roadstead_model::manifest::Manifest;
use roadstead_model::{Digest, Timestamp};

pub(super) struct ImageRow {
    pub(super) id: i64,
    pub(super) repository: i64,
    pub(super) digest: Digest,
    pub(super) media_type: String,
    pub(super) manifest_size: u64,
    pub(super) size: u64,
    pub(super) pushed_at: Timestamp,
    pub(super) bytes: Vec<u8>,
}

impl FromRow for ImageRow {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            id: row.read()?,
            repository: row.read()?,
            digest: row.read()?,
            media_type: row.read_media_type()?,
            manifest_size: row.read()?,
            size: row.read()?,
            pushed_at: row.read()?,
            bytes: row.read()?,
        })
    }
}

/// An entry of an index that the repository holds.
pub(super) struct ChildRow {
    pub(super) digest: Digest,
    pub(super) size: u64,
    pub(super) created: Option<Timestamp>,
    /// `None` if it is large.
    pub(super) manifest: Option<Manifest>,
}

impl FromRow for ChildRow {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let (digest, media_type) = (row.read()?, row.read_media_type()?);
        Ok(Self { digest, size: row.read()?, created: row.read()?, manifest: read_manifest(row, &media_type)? })
    }
}

impl FromRow for Attached {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let (subject, kind, digest) = (row.read()?, row.read::<i64>()?, row.read()?);
        let media_type = row.read_media_type()?;
        Ok(Self {
            subject,
            kind: AttachmentKind::from_code(kind).ok_or_else(|| Error::Internal(format!("an attachment is of the kind {kind}")))?,
            digest,
            artifact_media_type: row.read_optional_media_type()?,
            size: row.read()?,
            pushed_at: row.read()?,
            manifest: read_manifest(row, &media_type)?,
            media_type,
        })
    }
}

/// Reads the bytes of a manifest. One that was stored before today's limits applied may exceed them, and is absent.
fn read_manifest(row: &Row<'_>, media_type: &str) -> Result<Option<Manifest>> {
    let bytes: Option<Vec<u8>> = row.read()?;
    Ok(bytes.and_then(|bytes| Manifest::parse(&bytes, Some(media_type)).ok()))
}
