//! The store of the bytes of blobs and unfinished uploads.
//!
//! Each store is a variant of [`BlobStore`], with a module of its own here, and keeps this contract, which `contract.rs` tests:
//!
//! - **Uploads** are named by the id of their session, and bytes are appended in order. They are durable once
//!   [`UploadSession::settle`] has returned, and permanent once the session's row counts them: the next session truncates bytes
//!   beyond that. The lease ensures that one session at a time writes to an upload.
//! - **Blobs** are made from uploads. They are durable once [`UploadSession::finish`] has returned, and never change. Their key is
//!   opaque and unique to the upload, so that deleting one copy of some content never affects another copy.
//! - **Deleting** is idempotent. A failure is logged, because garbage collection will try again. An open blob can be read to its end.
//! - **Listing** returns every upload and blob that existed when it began and was last written before a given time.
//! - **Ages** are measured by the store's own clock: of an upload since its last write, of a blob since it was finished.
//!
//! Callers order operations on store and metadata: bytes are durable before a row names them, and rows are deleted before their bytes.

#[cfg(test)]
mod contract;
mod filesystem;
mod object;
mod reader;
mod session;

use crate::error::Result;
use roadstead_model::Timestamp;
use std::path::Path;

pub(crate) use object::{ResumedUpload, Settled, StoredObject};
pub use reader::BlobReader;
pub(crate) use session::UploadSession;

pub(crate) enum BlobStore {
    Filesystem(filesystem::Filesystem),
}

impl BlobStore {
    /// Opens the store in a directory, which is created if it does not exist.
    pub(crate) fn open_filesystem(directory: &Path) -> Result<Self> {
        Ok(Self::Filesystem(filesystem::Filesystem::open(directory)?))
    }

    /// Fails if the store cannot be used now.
    pub(crate) async fn check_ready(&self) -> Result<()> {
        match self {
            Self::Filesystem(store) => store.check_ready().await,
        }
    }

    /// Begins or resumes an upload. Touches nothing before the first bytes are appended.
    pub(crate) fn resume(&self, upload: ResumedUpload) -> UploadSession {
        match self {
            Self::Filesystem(store) => UploadSession::Filesystem(store.resume(upload)),
        }
    }

    /// Opens a blob. Fails if its size is not `size`.
    pub(crate) async fn open(&self, key: &str, size: u64) -> Result<BlobReader> {
        match self {
            Self::Filesystem(store) => store.open_blob(key, size).await,
        }
    }

    /// Whether an upload was written to at or after `time`.
    pub(crate) async fn upload_written_since(&self, upload: &str, time: Timestamp) -> Result<bool> {
        match self {
            Self::Filesystem(store) => store.upload_written_since(upload, time).await,
        }
    }

    /// Lists the objects that were last written before `time`.
    pub(crate) async fn list_older_than(&self, time: Timestamp) -> Result<Listing> {
        match self {
            Self::Filesystem(store) => store.list_older_than(time).await.map(Listing::Filesystem),
        }
    }

    /// Deletes the bytes of an upload.
    pub(crate) async fn delete_upload(&self, upload: &str) {
        match self {
            Self::Filesystem(store) => store.delete_upload(upload).await,
        }
    }

    /// Deletes a blob that no row names.
    pub(crate) async fn delete(&self, key: &str) {
        match self {
            Self::Filesystem(store) => store.delete(key).await,
        }
    }
}

/// A listing of a store, one bounded page at a time.
pub(crate) enum Listing {
    Filesystem(filesystem::Listing),
}

impl Listing {
    /// Returns the next page, which may be empty, or `None` at the end.
    pub(crate) async fn next_page(&mut self) -> Result<Option<Vec<StoredObject>>> {
        match self {
            Self::Filesystem(listing) => listing.next_page().await,
        }
    }
}
