//! What is damaged in the source, by the names of the images that need it.

use crate::error::{Error, Result};
use crate::metadata::{FromRow, Metadata, Row, Tx, params, statements};
use roadstead_model::{Digest, RepositoryKey};
use std::fmt;

statements! {
    SELECT_MANIFEST_DIGEST = "SELECT m.digest FROM manifest m WHERE m.id = ?1";
    SELECT_BLOB_DIGEST = "SELECT b.digest FROM blob b WHERE b.id = ?1";
    SELECT_IMAGE = "SELECT r.registry_id, r.name, m.digest, t.name FROM manifest m JOIN repository r ON r.id = m.repository_id
        LEFT JOIN tag t ON t.manifest_id = m.id WHERE m.id = ?1 ORDER BY t.name LIMIT ?2";
    SELECT_IMAGES = "SELECT r.registry_id, r.name, m.digest, t.name FROM repository_blob l
        JOIN manifest_blob u ON u.repository_id = l.repository_id AND u.blob_id = l.blob_id
        JOIN manifest m ON m.id = u.manifest_id JOIN repository r ON r.id = m.repository_id LEFT JOIN tag t ON t.manifest_id = m.id
        WHERE l.blob_id = ?1 ORDER BY r.registry_id, r.name, t.name LIMIT ?2";
}

/// The images that a message names.
const NAMED: usize = 10;

/// What is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Damaged {
    Manifest,
    Blob,
}

/// What is wrong with a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wrong {
    Missing,
    Size {
        found: u64,
        expected: u64,
    },
    Content,
    /// It is there, and its store answers, but its bytes cannot be read.
    Unreadable(String),
}

impl Wrong {
    /// Whether the bytes that are there were seen to be others. That they cannot be read may be temporary.
    pub(crate) const fn is_proven(&self) -> bool {
        matches!(self, Self::Size { .. } | Self::Content)
    }
}

/// Completes a sentence that begins with the blob.
impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("is not in the store"),
            Self::Size { found, expected } => write!(f, "has {found} bytes in the store instead of {expected}"),
            Self::Content => f.write_str("has other content than its digest says"),
            Self::Unreadable(error) => write!(f, "cannot be read: {error}"),
        }
    }
}

/// An image that needs what is damaged.
struct Image {
    repository: RepositoryKey,
    digest: Digest,
    tag: Option<String>,
}

/// The digest of a manifest or a blob.
pub(crate) async fn digest_of(database: &Metadata, damaged: Damaged, id: i64) -> Result<Option<Digest>> {
    let statement = match damaged {
        Damaged::Manifest => &SELECT_MANIFEST_DIGEST,
        Damaged::Blob => &SELECT_BLOB_DIGEST,
    };
    database.read(async |tx: &mut Tx<'_>| tx.query_one(statement, params![id]).await).await
}

/// The error that names the images that need a manifest or a blob, and says what is wrong with it.
pub(crate) async fn error(database: &Metadata, damaged: Damaged, id: i64, wrong: &str) -> Error {
    match describe(database, damaged, id).await {
        Ok(text) => Error::Refused(format!("{text} {wrong}")),
        Err(error) => error,
    }
}

/// The images that need a manifest or a blob, at most ten.
pub(crate) async fn images(database: &Metadata, damaged: Damaged, id: i64) -> Result<Vec<String>> {
    let statement = match damaged {
        Damaged::Manifest => &SELECT_IMAGE,
        Damaged::Blob => &SELECT_IMAGES,
    };
    let images = database.salvage(async |tx: &mut Tx<'_>| tx.query::<Image>(statement, params![id, NAMED]).await).await?;
    // That some of these rows cannot be read is another damage.
    Ok(images.unwrap_or_default().iter().map(Image::name).collect())
}

async fn describe(database: &Metadata, damaged: Damaged, id: i64) -> Result<String> {
    let digest = digest_of(database, damaged, id).await?;
    let digest = digest.as_ref().map_or("(unknown)", Digest::as_str);
    let noun = match damaged {
        Damaged::Manifest => "manifest",
        Damaged::Blob => "blob",
    };
    let images = images(database, damaged, id).await?;
    if images.is_empty() {
        return Ok(format!("the {noun} {digest}, which no image needs,"));
    }
    Ok(format!("the {noun} {digest} of {}", images.join(", ")))
}

impl Image {
    fn name(&self) -> String {
        let Self { repository: RepositoryKey { registry, name }, digest, tag } = self;
        match tag {
            Some(tag) => format!("{registry}/{name}:{tag}"),
            None => format!("{registry}/{name}@{digest}"),
        }
    }
}

impl FromRow for Image {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self { repository: row.read()?, digest: row.read()?, tag: row.read()? })
    }
}
