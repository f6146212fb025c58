//! The objects of a store.

use crate::hashing::Hash;
use crate::upload_leases::UploadLease;
use roadstead_model::Digest;

/// Something in a store, whether a row names it or not. It is needed as long as there is a row of its upload, or of a blob with its
/// key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredObject {
    /// The id of the upload that brought it.
    pub(crate) upload: String,
    /// The key, if it can be a blob. Otherwise it belongs to the unfinished upload.
    pub(crate) key: Option<String>,
    /// In bytes.
    pub(crate) size: u64,
}

/// An upload to write to.
pub(crate) struct ResumedUpload {
    /// A UUID.
    pub(crate) id: String,
    /// The number of durable bytes. Bytes beyond them are truncated.
    pub(crate) received: u64,
    /// The hash over the durable bytes.
    pub(crate) hash: Hash,
    /// What the store returned when it made them durable.
    #[allow(dead_code)]
    pub(crate) stored: Option<Vec<u8>>,
    /// Whether the last writer may still be alive, as one of another replica is whose lease expired.
    pub(crate) taken_over: bool,
    /// The blob to make from the upload, if the session is going to finish it.
    pub(crate) target: Option<Digest>,
    /// Held while anything can still write to the upload.
    pub(crate) _lease: UploadLease,
}

/// An upload whose bytes are durable, to be recorded in its row.
#[derive(Debug)]
pub(crate) struct Settled {
    /// The state of the hash over the bytes.
    pub(crate) hash_state: Vec<u8>,
    /// What the store needs to resume the upload, if anything.
    #[allow(dead_code)]
    pub(crate) stored: Option<Vec<u8>>,
}
