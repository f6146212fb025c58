//! The objects of a store.

use crate::hashing::Hash;
use crate::upload_leases::UploadLease;
use roadstead_model::Digest;

/// An upload or blob in a store, whether a row names it or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StoredObject {
    /// The bytes of an unfinished upload.
    Upload { id: String, size: u64 },
    /// A finished blob.
    Blob { digest: Digest, key: String, size: u64 },
}

impl StoredObject {
    pub(crate) const fn size(&self) -> u64 {
        match self {
            Self::Upload { size, .. } | Self::Blob { size, .. } => *size,
        }
    }
}

/// An upload to write to.
pub(crate) struct ResumedUpload {
    /// A UUID.
    pub(crate) id: String,
    /// The number of durable bytes. Bytes beyond them are truncated.
    pub(crate) received: u64,
    /// The hash over the durable bytes.
    pub(crate) hash: Hash,
    /// The blob to make from the upload, if the session is going to finish it.
    pub(crate) target: Option<Digest>,
    /// Held while anything can still write to the upload.
    pub(crate) _lease: UploadLease,
}
