//! What lies in a store, and an upload on its way into one.

use crate::hashing::Hash;
use crate::upload_leases::UploadLease;
use roadstead_model::Digest;

/// Something that lies in a store, whether a row names it or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StoredObject {
    /// The bytes of an unfinished upload.
    Upload { id: String, size: u64 },
    /// A stored blob.
    Blob { digest: Digest, key: String, size: u64 },
}

impl StoredObject {
    pub(crate) const fn size(&self) -> u64 {
        match self {
            Self::Upload { size, .. } | Self::Blob { size, .. } => *size,
        }
    }
}

/// An upload that is to be written to.
pub(crate) struct ResumedUpload {
    /// A UUID.
    pub(crate) id: String,
    /// How many bytes of it are durable. What lies beyond them is cut off.
    pub(crate) received: u64,
    /// The hash over these bytes.
    pub(crate) hash: Hash,
    /// The blob that the upload is to become, if it is to become one now.
    pub(crate) target: Option<Digest>,
    /// Held as long as anything can still write to the upload.
    pub(crate) _lease: UploadLease,
}
