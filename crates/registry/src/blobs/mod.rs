//! Where the bytes are.
//!
//! The contract, whatever the backend: an upload's bytes are appended in order and durable when
//! [`UploadFile::make_durable`] has returned; [`BlobStore::keep`] turns an upload into a stored object under a key that no
//! other object ever has, durable when it returns; a stored object never changes; deleting one that is gone is no error.

mod filesystem;
mod opened;

use crate::error::Result;
use bytes::Bytes;
use roadstead_model::{Digest, Timestamp};
use std::path::Path;

pub(crate) use filesystem::UploadFile;

/// The storage of bytes.
pub(crate) enum BlobStore {
    Filesystem(filesystem::Filesystem),
}

/// Something that lies in the store, named by a row or not.
#[derive(Debug, Clone)]
pub(crate) enum StoredObject {
    /// What an upload left or is writing.
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

/// A stored blob that is open for reading. Clones share it, and it can be read to its end even if it is deleted meanwhile.
#[derive(Debug, Clone)]
pub struct BlobReader(filesystem::Reader);

impl BlobReader {
    /// Reads a blob that is in memory.
    pub(crate) fn of_bytes(bytes: Bytes) -> Self {
        Self(filesystem::Reader::of_bytes(bytes))
    }

    /// Exactly `length` bytes from `offset` on, without a copy; fails when the blob ends before. They are for the kernel to send
    /// (writev): should something else cut the file short meanwhile, sending them fails, but whoever looks at them himself is killed
    /// by the kernel (SIGBUS). Who has to look takes [`Self::copy`].
    pub async fn read(&self, offset: u64, length: usize) -> Result<Bytes> {
        self.0.read(offset, length).await
    }

    /// A copy of exactly `length` bytes from `offset` on; fails when the blob ends before. With a large one at a time, a reader that
    /// waits holds a lot of memory.
    pub async fn copy(&self, offset: u64, length: usize) -> Result<Bytes> {
        self.0.copy(offset, length).await
    }
}

impl BlobStore {
    /// Opens the store in a folder, which is made if it is not there.
    pub(crate) fn open_filesystem(folder: &Path) -> Result<Self> {
        Ok(Self::Filesystem(filesystem::Filesystem::open(folder)?))
    }

    /// Fails when the storage cannot be used now.
    pub(crate) async fn check_ready(&self) -> Result<()> {
        match self {
            Self::Filesystem(store) => store.check_ready().await,
        }
    }

    /// Opens an upload to append at `offset`; what lies beyond is cut off. `becoming` is the blob that it is to become: one that was
    /// kept as that, but not noted, is an upload again. It blocks.
    pub(crate) fn open_upload(&self, upload: &str, offset: u64, becoming: Option<&Digest>) -> Result<UploadFile> {
        match self {
            Self::Filesystem(store) => store.open_upload(upload, offset, becoming),
        }
    }

    /// Reads an upload's first `length` bytes once more and gives their digest, by the algorithm of the expected one. It blocks.
    pub(crate) fn digest_of_upload(&self, upload: &str, length: u64, expected: &Digest) -> Result<Digest> {
        match self {
            Self::Filesystem(store) => store.digest_of_upload(upload, length, expected),
        }
    }

    /// Makes a durable stored object out of an upload's first `length` bytes, and gives its key. Its age counts from now on.
    /// `written` is the upload where it is still open. It blocks. It can be called again when the first call was not followed
    /// by a row: a process may end in between.
    pub(crate) fn keep(&self, upload: &str, written: Option<UploadFile>, length: u64, digest: &Digest) -> Result<String> {
        match self {
            Self::Filesystem(store) => store.keep(upload, written, length, digest),
        }
    }

    /// Whether bytes of an upload were written at or after `time`.
    pub(crate) async fn upload_grew_since(&self, upload: &str, time: Timestamp) -> Result<bool> {
        match self {
            Self::Filesystem(store) => store.upload_grew_since(upload, time).await,
        }
    }

    /// Opens a stored object, which has to be of this size.
    pub(crate) async fn open(&self, key: &str, size: u64) -> Result<BlobReader> {
        match self {
            Self::Filesystem(store) => store.open_blob(key, size).await.map(BlobReader),
        }
    }

    /// The parts that the store is divided into, to be looked through one at a time.
    pub(crate) async fn folders(&self) -> Result<Vec<String>> {
        match self {
            Self::Filesystem(store) => store.folders().await,
        }
    }

    /// What lies in one part of the store and was last written before `time`.
    pub(crate) async fn objects_older_than(&self, folder: &str, time: Timestamp) -> Result<Vec<StoredObject>> {
        match self {
            Self::Filesystem(store) => store.objects_older_than(folder, time).await,
        }
    }

    /// Removes an upload's bytes. A failure is logged: what stays is collected later.
    pub(crate) async fn discard_upload(&self, upload: &str) {
        match self {
            Self::Filesystem(store) => store.discard_upload(upload).await,
        }
    }

    /// Removes a stored object that no row names. A failure is logged: what stays is collected later.
    pub(crate) async fn delete(&self, key: &str) {
        match self {
            Self::Filesystem(store) => store.delete(key).await,
        }
    }
}
