//! Blobs of repositories.

use bytes::Bytes;
use roadstead_model::Digest;

/// A blob that a repository holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobInfo {
    pub digest: Digest,
    /// In bytes.
    pub size: u64,
}

/// A blob that a repository holds, for reading.
#[derive(Debug, Clone)]
pub struct StoredBlob {
    pub digest: Digest,
    /// In bytes.
    pub size: u64,
    pub(crate) content: Content,
}

/// The bytes of a blob, or where they are.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    /// The bytes of a small blob, stored in the metadata.
    Small(Bytes),
    /// The key of a blob in the blob store.
    Object(String),
}

impl Content {
    /// The memory that it takes, in bytes.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::Small(bytes) => bytes.len(),
            Self::Object(key) => key.len(),
        }
    }
}

/// A blob that a repository holds, as its manifests describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerInfo {
    pub digest: Digest,
    /// In bytes.
    pub size: u64,
    /// Set if the blob is the config or a layer of a manifest of the repository.
    pub media_type: Option<String>,
}

/// The row of a blob.
#[derive(Debug, Clone)]
pub(crate) struct BlobRow {
    pub(crate) id: i64,
    pub(crate) info: BlobInfo,
}

/// A blob of a repository, and whether it may be collected.
#[derive(Debug, Clone)]
pub(crate) struct HeldBlob {
    pub(crate) blob: BlobRow,
    /// Whether it was last pushed or renewed before the time in question.
    pub(crate) is_old: bool,
    /// Whether a manifest references it.
    pub(crate) is_referenced: bool,
}
