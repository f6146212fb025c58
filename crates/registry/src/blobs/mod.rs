//! The store: where the bytes of blobs and unfinished uploads are.
//!
//! A store is a variant of [`BlobStore`], with a folder of its own here. It keeps this contract, which `contract.rs` tests:
//!
//! - **Uploads** are named by the id of their session. They are appended to in order. Bytes are durable once
//!   [`UploadSession::settle`] has returned, and can be relied on once the session's row counts them: what lies beyond is cut off by
//!   the next session. One session at a time writes to an upload, which is what its lease is for.
//! - **Blobs** are made of uploads. They are durable once [`UploadSession::finish`] has returned, and never change. Their key is
//!   opaque and unique to the upload, so that deleting one copy of some content never harms another.
//! - **Deleting** is idempotent: it is no error if there is nothing. A failure is logged, since collection will try again. A blob that
//!   is open can be read to its end.
//! - **Listing** returns every upload and blob that was there when it began, and was last written before a given time.
//! - **Ages** are by the store's own clock. They count from the last write to an upload, and from finishing a blob.
//!
//! The order of operations across store and metadata is up to the callers: bytes are durable before a row names them, and a row is gone
//! before its bytes are deleted.

#[cfg(test)]
mod contract;
mod filesystem;
mod listing;
mod object;
mod reader;
mod session;

use crate::error::Result;
use roadstead_model::Timestamp;
use std::path::Path;

pub(crate) use listing::Listing;
pub(crate) use object::{ResumedUpload, StoredObject};
pub use reader::BlobReader;
pub(crate) use session::UploadSession;

/// The storage of bytes.
pub(crate) enum BlobStore {
    Filesystem(filesystem::Filesystem),
}

impl BlobStore {
    /// Opens the store in a folder, which is created if it does not exist.
    pub(crate) fn open_filesystem(folder: &Path) -> Result<Self> {
        Ok(Self::Filesystem(filesystem::Filesystem::open(folder)?))
    }

    /// Fails if the store cannot be used now.
    pub(crate) async fn check_ready(&self) -> Result<()> {
        match self {
            Self::Filesystem(store) => store.check_ready().await,
        }
    }

    /// Resumes an upload, or begins one. Nothing is touched before the first bytes are appended.
    pub(crate) fn resume(&self, upload: ResumedUpload) -> UploadSession {
        match self {
            Self::Filesystem(store) => UploadSession::Filesystem(store.resume(upload)),
        }
    }

    /// Opens a blob. Fails if it is not of this size.
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

    /// Lists what was last written before `time`.
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
