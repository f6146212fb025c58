//! The store in a bucket of S3 or a compatible server; see `layout.rs` for its objects.
//!
//! An upload is one object if it is small, and a multipart upload otherwise, which becomes the object of the blob: nothing is renamed or
//! copied. What its state is between requests stands in its row (`state.rs`).
//!
//! As long as an upload has a row, everything of it is kept. Deleting an upload deletes what its row knew. Other objects may have become a
//! blob that a row names, so they are left to the collection of orphans. Unfinished multipart uploads that no row knows are found by
//! listing; where a server does not list them by the beginning of their keys, it has to abort them itself after a time.

mod bucket;
mod buffer;
mod connection;
mod credentials;
mod layout;
mod listing;
mod multiparts;
mod objects;
mod probe;
mod reader;
mod records;
mod room;
mod session;
mod state;
#[cfg(test)]
pub(super) mod test_server;
#[cfg(test)]
mod tests;
mod writer;

use super::BlobAccess;
use super::object::ResumedUpload;
use super::reader::BlobReader;
use crate::error::{Error, Result};
use crate::places::S3Options;
use bucket::Bucket;
use bytes::Bytes;
use credentials::Credentials;
use object_store::ObjectStoreExt;
use object_store::signer::{SignedUrlOptions, Signer};
use objects::Objects;
use roadstead_model::Timestamp;
use room::Room;
use state::State;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

pub(super) use listing::Listing;
pub(super) use reader::{READ_AHEAD, REQUEST, Reader};
pub(super) use session::Session;
pub(super) use writer::FIRST_WRITE;

/// How long the server may take to show that it is ready.
const READY: Duration = Duration::from_secs(3);

/// What a store in S3 did, and holds now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreMetrics {
    /// Requests sent, every attempt counted.
    pub requests: u64,
    /// Requests without a response, or with one that reports an error of the server.
    pub failures: u64,
    /// Bytes of the bodies of requests, in every attempt.
    pub sent: u64,
    /// Bytes of uploads that wait in memory to be sent.
    pub bytes_in_memory: u64,
    /// Bytes of uploads that wait in files to be sent.
    pub bytes_in_files: u64,
}

pub(crate) struct S3(Arc<Objects>);

impl S3 {
    /// Opens the store, after trying what it needs of the bucket.
    pub(super) async fn open(options: &S3Options, access: BlobAccess) -> Result<Self> {
        Self::open_with(options, &Credentials::of_process()?, access).await
    }

    async fn open_with(options: &S3Options, credentials: &Credentials, access: BlobAccess) -> Result<Self> {
        let bucket = Bucket::new(options, credentials)?;
        let lists_unfinished = bucket.probe(access).await?;
        if !lists_unfinished && access == BlobAccess::Write {
            tracing::info!("{bucket} does not list unfinished multipart uploads by prefix: those of killed servers are its own to abort");
        }
        Ok(Self(Arc::new(Objects { bucket, room: Arc::new(Room::new(options.memory)), lists_unfinished })))
    }

    pub(super) async fn claim(&self, installation: &str, access: BlobAccess) -> Result<()> {
        self.0.bucket.claim(installation, access).await
    }

    /// Asks for an object that does not exist, which needs the same rights as one that does.
    pub(super) async fn check_ready(&self) -> Result<()> {
        let Self(objects) = self;
        let path = objects.bucket.path("ready");
        match tokio::time::timeout(READY, objects.bucket.client.head(&path)).await {
            Ok(Ok(_) | Err(object_store::Error::NotFound { .. })) => Ok(()),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(Error::Unavailable(format!("{} does not answer", objects.bucket))),
        }
    }

    pub(super) fn resume(&self, upload: ResumedUpload) -> Session {
        Session::new(self.0.clone(), upload)
    }

    /// Sends no request: the reader does when it knows what is to be read.
    pub(super) fn open_blob(&self, key: &str, size: u64) -> BlobReader {
        match size {
            0 => BlobReader::of_bytes(Bytes::new()),
            _ => BlobReader::of_object(Reader::new(self.0.clone(), key, size)),
        }
    }

    pub(super) async fn upload_written_since(&self, upload: &str, stored: Option<&[u8]>, time: Timestamp) -> Result<bool> {
        match State::known(stored) {
            Ok(state) => self.0.written_since(upload, &state, time).await,
            Err(error) => {
                // What it has stored cannot be deleted: it is kept, and holds back nothing else.
                tracing::warn!(%error, upload, "the state of an upload cannot be read");
                Ok(true)
            }
        }
    }

    pub(super) fn list_older_than(&self, time: Timestamp) -> Listing {
        Listing::begin(self.0.clone(), time)
    }

    pub(super) async fn delete_upload(&self, upload: &str, stored: Option<&[u8]>) {
        match (stored, State::known(stored)) {
            (None, _) => self.0.abort_all(upload).await,
            (Some(_), Ok(state)) => self.0.delete_all(state).await,
            (Some(_), Err(error)) => tracing::warn!(%error, upload, "cannot delete what an upload has stored"),
        }
    }

    pub(super) async fn delete(&self, key: &str) {
        self.0.delete(key).await;
    }

    /// Returns a URL at which anyone can get a blob for some time. The server says that it is bytes, whatever a browser may think of them.
    pub(super) async fn presign(&self, key: &str, lifetime: Duration) -> Result<String> {
        let Self(objects) = self;
        let options = SignedUrlOptions::default().with_query([("response-content-type", "application/octet-stream")]);
        let path = objects.bucket.path(&layout::name(key));
        Ok(objects.bucket.client.signed_url_opts(Default::default(), &path, lifetime, &options).await?.into())
    }

    pub(super) fn metrics(&self) -> StoreMetrics {
        let Objects { bucket, room, .. } = &*self.0;
        StoreMetrics {
            requests: bucket.traffic.requests.load(Ordering::Relaxed),
            failures: bucket.traffic.failures.load(Ordering::Relaxed),
            sent: bucket.traffic.sent.load(Ordering::Relaxed),
            bytes_in_memory: room.in_memory() as u64,
            bytes_in_files: room.in_files() as u64,
        }
    }
}
