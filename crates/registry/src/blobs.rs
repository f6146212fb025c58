//! The store of the bytes of blobs and unfinished uploads.
//!
//! Each store is a variant of [`BlobStore`], with a module of its own here, and keeps this contract, which `contract.rs` tests:
//!
//! - **Uploads** are named by the id of their session, and bytes are appended in order. They are durable once
//!   [`UploadSession::settle`] has returned, and permanent once the session's row counts them: the next session truncates bytes
//!   beyond that. The lease ensures that one session at a time writes to an upload. If the lease of a writer expired that may still be
//!   alive, the next session is told, and no byte of the former one reaches the blob.
//! - **Blobs** are made from uploads. They are durable once [`UploadSession::finish`] has returned, and never change. Their key is
//!   opaque and unique to the upload, so that deleting one copy of some content never affects another copy.
//! - **Deleting** is idempotent. A failure is logged, because garbage collection will try again. A part of a blob that is being read can
//!   be read to its end. Deleting an upload deletes what its row knows, and leaves other bytes that may have become a blob, in S3 objects, to
//!   the collection of orphans.
//! - **Listing** returns every upload and blob that existed when it began and was last written before a given time.
//! - **Records** are small texts beside the blobs, such as those that describe backups. They are replaced as a whole, and durable.
//! - **Ages** are measured by the store's own clock: of an upload since its last write, of a blob since it was finished. In S3, a blob may
//!   be as old as its upload, because the objects of an upload are kept as long as it has a row.
//!
//! Callers order operations on store and metadata: bytes are durable before a row names them, and rows are deleted before their bytes.

#[cfg(test)]
mod contract;
mod filesystem;
mod object;
mod reader;
mod s3;
mod session;

use crate::error::Result;
use crate::places::S3Options;
use crate::span;
use roadstead_model::{Digest, Timestamp};
use std::io;
use std::path::Path;
use std::time::Duration;
use tracing::Instrument;

pub(crate) use object::{ResumedUpload, Settled, StoredObject};
pub use reader::BlobReader;
pub use s3::StoreMetrics;
pub(crate) use session::UploadSession;

/// What a store is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobAccess {
    /// For reading only, for which rights to read are enough.
    Read,
    Write,
}

pub(crate) enum BlobStore {
    Filesystem(filesystem::Filesystem),
    S3(s3::S3),
}

impl BlobStore {
    /// Opens the store in a directory, which is created to write to it if it does not exist.
    pub(crate) fn open_filesystem(directory: &Path, access: BlobAccess) -> Result<Self> {
        Ok(Self::Filesystem(match access {
            BlobAccess::Read => filesystem::Filesystem::open_to_read(directory),
            BlobAccess::Write => filesystem::Filesystem::open(directory)?,
        }))
    }

    /// Opens the store in a bucket. Fails with [`Error::Unavailable`] if it cannot be reached, and otherwise with a message for the
    /// operator.
    pub(crate) async fn open_s3(options: &S3Options, access: BlobAccess) -> Result<Self> {
        s3::S3::open(options, access).await.map(Self::S3)
    }

    /// Whether a store in this directory has ever had a blob. Fails if that cannot be told.
    pub(crate) fn had_blobs(directory: &Path) -> io::Result<bool> {
        filesystem::had_blobs(directory)
    }

    /// Records in a store to write to which installation it belongs to. Fails if that is another one, whose blobs would be garbage here.
    pub(crate) async fn claim(&self, installation: &str, access: BlobAccess) -> Result<()> {
        match self {
            Self::Filesystem(_) if access == BlobAccess::Read => Ok(()),
            Self::Filesystem(store) => store.claim(installation).await,
            Self::S3(store) => store.claim(installation, access).await,
        }
    }

    /// Fails if another store is where the one was that this installation has claimed.
    pub(crate) async fn check_claim(&self, installation: &str) -> Result<()> {
        match self {
            Self::Filesystem(store) => store.check_claim(installation).await,
            Self::S3(store) => store.claim(installation, BlobAccess::Read).await,
        }
    }

    /// Fails if the store cannot be used now.
    pub(crate) async fn check_ready(&self) -> Result<()> {
        match self {
            Self::Filesystem(store) => store.check_ready().await,
            Self::S3(store) => store.check_ready().await,
        }
    }

    /// Whether a blob that cannot be read while the store is ready is damaged itself, as on a bad sector of a disk. Behind a network, that
    /// may be an outage.
    pub(crate) const fn fails_by_file(&self) -> bool {
        matches!(self, Self::Filesystem(_))
    }

    /// Begins or resumes an upload. Touches nothing before the first bytes are appended.
    pub(crate) fn resume(&self, upload: ResumedUpload) -> UploadSession {
        match self {
            Self::Filesystem(store) => UploadSession::Filesystem(store.resume(upload)),
            Self::S3(store) => UploadSession::S3(store.resume(upload)),
        }
    }

    /// The length in bytes from which the store may hold some of an upload before it ends.
    pub(crate) const fn first_write(&self) -> u64 {
        match self {
            Self::Filesystem(_) => 0,
            Self::S3(_) => s3::FIRST_WRITE,
        }
    }

    /// Opens a blob. Fails if its size is not `size`, at the latest when it is read.
    pub(crate) async fn open(&self, key: &str, size: u64) -> Result<BlobReader> {
        match self {
            Self::Filesystem(store) => store.open_blob(key, size).instrument(span!("blob open")).await,
            Self::S3(store) => Ok(store.open_blob(key, size)),
        }
    }

    /// Whether an upload was written to at or after `time`. `stored` is what its row knows.
    pub(crate) async fn upload_written_since(&self, upload: &str, stored: Option<&[u8]>, time: Timestamp) -> Result<bool> {
        match self {
            Self::Filesystem(store) => store.upload_written_since(upload, time).await,
            Self::S3(store) => store.upload_written_since(upload, stored, time).await,
        }
    }

    /// Lists the objects that were last written before `time`.
    pub(crate) async fn list_older_than(&self, time: Timestamp) -> Result<Listing> {
        match self {
            Self::Filesystem(store) => store.list_older_than(time).await.map(Listing::Filesystem),
            Self::S3(store) => Ok(Listing::S3(store.list_older_than(time))),
        }
    }

    /// Opens a blob that is read from front to back, and not soon again.
    pub(crate) async fn open_once(&self, key: &str, size: u64) -> Result<BlobReader> {
        match self {
            Self::Filesystem(store) => store.open_once(key, size).await,
            Self::S3(store) => Ok(store.open_blob(key, size)),
        }
    }

    /// The keys of objects that are, by their names, this blob, with their sizes. Names in a bucket say nothing of the content.
    pub(crate) async fn named(&self, digest: &Digest) -> Result<Vec<(String, u64)>> {
        match self {
            Self::Filesystem(store) => store.named(digest).await,
            Self::S3(_) => Ok(Vec::new()),
        }
    }

    /// The size of a blob in bytes, or `None` if the store does not have it.
    pub(crate) async fn size(&self, key: &str) -> Result<Option<u64>> {
        match self {
            Self::Filesystem(store) => store.size(key).await,
            Self::S3(store) => store.size(key).await,
        }
    }

    /// Gives a blob of another store a name in this one too, as if it came by this upload, and returns its key. `None` unless both are
    /// on one file system. It is durable after [`Self::settle_links`].
    pub(crate) async fn link(&self, from: &Self, key: &str, upload: &str, digest: &Digest) -> Result<Option<String>> {
        match (self, from) {
            (Self::Filesystem(to), Self::Filesystem(from)) => to.link(from, key, upload, digest).await,
            _ => Ok(None),
        }
    }

    pub(crate) async fn settle_links(&self) -> Result<()> {
        match self {
            Self::Filesystem(store) => store.settle_links().await,
            Self::S3(_) => Ok(()),
        }
    }

    /// Writes a record. The name may have a directory, separated by a slash.
    pub(crate) async fn write_record(&self, name: &str, text: String) -> Result<()> {
        match self {
            Self::Filesystem(store) => store.write_record(name, text).await,
            Self::S3(store) => store.write_record(name, text).await,
        }
    }

    /// Reads a record.
    pub(crate) async fn read_record(&self, name: &str) -> Result<Option<String>> {
        match self {
            Self::Filesystem(store) => store.read_record(name).await,
            Self::S3(store) => store.read_record(name).await,
        }
    }

    /// The names of the records in a directory, in order.
    pub(crate) async fn records(&self, directory: &str) -> Result<Vec<String>> {
        match self {
            Self::Filesystem(store) => store.records(directory).await,
            Self::S3(store) => store.records(directory).await,
        }
    }

    pub(crate) async fn delete_record(&self, name: &str) -> Result<()> {
        match self {
            Self::Filesystem(store) => store.delete_record(name).await,
            Self::S3(store) => store.delete_record(name).await,
        }
    }

    /// Deletes the bytes of an upload that has no row any more, except those that may have become a blob. `stored` is what the row knew
    /// when it was deleted.
    pub(crate) async fn delete_upload(&self, upload: &str, stored: Option<&[u8]>) {
        match self {
            Self::Filesystem(store) => store.delete_upload(upload).await,
            Self::S3(store) => store.delete_upload(upload, stored).await,
        }
    }

    /// Deletes a blob that no row names.
    pub(crate) async fn delete(&self, key: &str) {
        match self {
            Self::Filesystem(store) => store.delete(key).await,
            Self::S3(store) => store.delete(key).await,
        }
    }

    /// Returns a URL at which anyone can get a blob for some time. `None` if only this process can read it.
    pub(crate) async fn presign(&self, key: &str, lifetime: Duration) -> Result<Option<String>> {
        match self {
            Self::Filesystem(_) => Ok(None),
            Self::S3(store) => store.presign(key, lifetime).await.map(Some),
        }
    }

    /// What the store did, and holds now. `None` if it is not behind a network.
    pub(crate) fn metrics(&self) -> Option<StoreMetrics> {
        match self {
            Self::Filesystem(_) => None,
            Self::S3(store) => Some(store.metrics()),
        }
    }
}

/// A listing of a store, one bounded page at a time.
pub(crate) enum Listing {
    Filesystem(filesystem::Listing),
    S3(s3::Listing),
}

impl Listing {
    /// Returns the next page, which may be empty, or `None` at the end.
    pub(crate) async fn next_page(&mut self) -> Result<Option<Vec<StoredObject>>> {
        match self {
            Self::Filesystem(listing) => listing.next_page().await,
            Self::S3(listing) => listing.next_page().await,
        }
    }
}
