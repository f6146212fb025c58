//! Blobs of repositories.

use bytes::Bytes;
use roadstead_model::Digest;

/// A blob that a repository holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobInfo {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
}

/// A blob that a repository holds, to be read.
#[derive(Debug, Clone)]
pub struct StoredBlob {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    pub(crate) content: Content,
}

/// Where the bytes of a blob are.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    /// In the metadata, because they are few.
    Small(Bytes),
    /// In the blob store under this key.
    Object(String),
}

impl Content {
    /// How many bytes of memory it takes.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::Small(bytes) => bytes.len(),
            Self::Object(key) => key.len(),
        }
    }
}

/// A blob that a repository holds, with what its manifests say about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerInfo {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Its media type, if a manifest of the repository has it as its config or one of its layers.
    pub media_type: Option<String>,
}

/// A blob by the id of its row.
#[derive(Debug, Clone)]
pub(crate) struct BlobRow {
    pub(crate) id: i64,
    pub(crate) digest: Digest,
    pub(crate) size: u64,
}

impl From<BlobRow> for BlobInfo {
    fn from(BlobRow { digest, size, .. }: BlobRow) -> Self {
        Self { digest, size }
    }
}

/// A blob of a repository, and what decides whether collection may take it from there.
#[derive(Debug, Clone)]
pub(crate) struct HeldBlob {
    pub(crate) blob: BlobRow,
    /// It has not been pushed or asked for lately.
    pub(crate) old: bool,
    /// A manifest needs it.
    pub(crate) needed: bool,
}
