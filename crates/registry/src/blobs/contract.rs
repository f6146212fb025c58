//! Tests of the contract of a store, which run for every store listed at the end of the file.

use super::{BlobAccess, BlobReader, BlobStore, ResumedUpload, Settled, StoredObject, UploadSession};
use crate::clock::Clock;
use crate::error::Error;
use crate::hashing::Hash;
use crate::upload_leases::{Intent, UploadLease, UploadLeases};
use bytes::Bytes;
use roadstead_model::{Algorithm, Digest, Timestamp};
use std::future::Future;
use std::time::Duration;

/// The initially empty storage behind a store under test.
trait Storage: Sized {
    /// `None` if it is not installed here.
    fn create() -> impl Future<Output = Option<Self>>;

    /// Opens the store, as another process or a restart does.
    fn open(&self) -> impl Future<Output = BlobStore>;
}

/// An upload, with the values of its session's row.
#[derive(Clone)]
struct Upload {
    id: String,
    received: u64,
    hash_state: Vec<u8>,
    stored: Option<Vec<u8>>,
}

impl Upload {
    fn new() -> Self {
        Self { id: uuid::Uuid::new_v4().to_string(), received: 0, hash_state: Hash::new(Algorithm::Sha256).save(), stored: None }
    }

    fn resume(&self, store: &BlobStore, target: Option<&Digest>) -> UploadSession {
        let lease = UploadLeases::default().acquire(&self.id, Intent::Append).ok().expect("a lease");
        store.resume(self.resumed(target, lease))
    }

    fn resumed(&self, target: Option<&Digest>, lease: UploadLease) -> ResumedUpload {
        let (hash, stored) = (Hash::restore(&self.hash_state).expect("a state"), self.stored.clone());
        let (id, received, target) = (self.id.clone(), self.received, target.cloned());
        ResumedUpload { id, received, hash, stored, taken_over: false, target, _lease: lease }
    }

    /// Appends bytes and updates the row.
    async fn append(&mut self, store: &BlobStore, bytes: &[u8]) {
        let mut session = self.resume(store, None);
        let last = write(&mut session, bytes).await;
        self.record(session.settle(last).await.expect("settled"), bytes.len() as u64);
    }

    fn record(&mut self, Settled { hash_state, stored }: Settled, appended: u64) {
        (self.hash_state, self.stored) = (hash_state, stored);
        self.received += appended;
    }

    /// Appends the last bytes and makes a blob from the upload.
    async fn finish(&self, store: &BlobStore, bytes: &[u8], target: &Digest) -> Result<String, Error> {
        let mut session = self.resume(store, Some(target));
        let last = write(&mut session, bytes).await;
        session.finish(last).await
    }
}

/// Appends bytes in batches, and returns the last one.
async fn write(session: &mut UploadSession, bytes: &[u8]) -> Vec<Bytes> {
    let mut batches = bytes.chunks(300_000).map(|batch| batch.chunks(70_000).map(Bytes::copy_from_slice).collect());
    let mut last = batches.next().unwrap_or_default();
    for batch in batches {
        session.ready().await.expect("ready");
        session.append(std::mem::replace(&mut last, batch)).expect("taken");
    }
    last
}

fn sample(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8).collect()
}

fn sha256(bytes: &[u8]) -> Digest {
    Digest::of(Algorithm::Sha256, bytes)
}

async fn put(store: &BlobStore, bytes: &[u8]) -> String {
    Upload::new().finish(store, bytes, &sha256(bytes)).await.expect("a key")
}

/// Opens a blob and begins to read it.
async fn open(store: &BlobStore, key: &str, size: u64) -> Result<BlobReader, Error> {
    store.open(key, size).await?.part(0, size).await
}

async fn content(store: &BlobStore, key: &str, length: usize) -> Vec<u8> {
    let reader = open(store, key, length as u64).await.expect("a blob");
    reader.copy(0, length).await.expect("its bytes").to_vec()
}

/// Lists all objects that were last written before a time, by size.
async fn list(store: &BlobStore, older_than: Timestamp) -> Vec<StoredObject> {
    let mut listing = store.list_older_than(older_than).await.expect("a listing");
    let mut found = Vec::new();
    while let Some(page) = listing.next_page().await.expect("a page") {
        found.extend(page);
    }
    found.sort_by_key(|object| object.size);
    found
}

/// The uploads and sizes of objects.
fn sizes(objects: &[StoredObject]) -> Vec<(&str, u64)> {
    objects.iter().map(|object| (&*object.upload, object.size)).collect()
}

fn soon() -> Timestamp {
    Clock::System.now().plus_seconds(3600)
}

async fn a_blob_is_what_was_appended_by_either_algorithm<S: Storage>(storage: S) {
    let store = storage.open().await;
    for length in [0, 1, 300_000, 700_001, 9_000_000] {
        let bytes = sample(length);
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let key = Upload::new().finish(&store, &bytes, &Digest::of(algorithm, &bytes)).await.expect("a key");
            assert!(content(&store, &key, length).await == bytes, "{length}");
        }
    }
}

async fn ranges_are_read_exactly_or_not_at_all<S: Storage>(storage: S) {
    let store = storage.open().await;
    let bytes = sample(100_000);
    let reader = store.open(&put(&store, &bytes).await, 100_000).await.expect("a blob");
    let read = async |reader: &BlobReader, offset, length| {
        let (read, copied) = (reader.read(offset, length).await.ok(), reader.copy(offset, length).await.ok());
        assert!(read == copied);
        read
    };
    for (offset, length) in [(0, 100_000), (0, 1), (99_999, 1), (5, 70_000), (100_000, 0), (7, 0)] {
        assert!(read(&reader, offset as u64, length).await.expect("a range") == bytes[offset..offset + length]);
    }
    for (offset, length) in [(0, 100_001), (100_000, 1), (100_001, 0), (u64::MAX, 1), (1, usize::MAX)] {
        assert_eq!(read(&reader, offset, length).await, None);
    }
}

async fn a_blob_of_another_size_is_not_opened<S: Storage>(storage: S) {
    let store = storage.open().await;
    let key = put(&store, b"twelve bytes").await;
    assert!(open(&store, &key, 11).await.is_err() && open(&store, &key, 13).await.is_err());
    assert!(open(&store, &key, 12).await.is_ok());
}

async fn an_upload_is_resumed_by_another_process<S: Storage>(storage: S) {
    let bytes = sample(1_000_000);
    let mut upload = Upload::new();
    for part in bytes.chunks(400_000) {
        upload.append(&storage.open().await, part).await;
    }
    let store = storage.open().await;
    let key = upload.finish(&store, b"", &sha256(&bytes)).await.expect("a key");
    assert!(content(&store, &key, bytes.len()).await == bytes);
}

async fn bytes_that_no_row_counts_are_truncated<S: Storage>(storage: S) {
    let store = storage.open().await;
    let mut upload = Upload::new();
    upload.append(&store, b"counted").await;
    // One session is settled, another dropped while it writes.
    upload.clone().append(&store, b" and lost").await;
    let mut session = upload.resume(&store, None);
    session.append(vec![Bytes::from_static(b" and lost as well")]).expect("taken");
    session.ready().await.expect("ready");
    drop(session);
    let mut other = upload.clone();
    other.append(&store, b" again").await;
    let key = other.finish(&store, b"", &sha256(b"counted again")).await.expect("a key");
    assert_eq!(content(&store, &key, 13).await, b"counted again");
}

async fn a_former_writer_that_is_still_alive_does_not_change_an_upload_that_was_taken_over<S: Storage>(storage: S) {
    let (former, store) = (storage.open().await, storage.open().await);
    let mut upload = Upload::new();
    upload.append(&former, b"counted").await;
    let mut alive = upload.resume(&former, None);
    alive.append(vec![Bytes::from_static(b" and lost")]).expect("taken");
    alive.ready().await.expect("ready");
    let lease = UploadLeases::default().acquire(&upload.id, Intent::Append).ok().expect("a lease");
    let mut heir = store.resume(ResumedUpload { taken_over: true, ..upload.resumed(None, lease) });
    heir.append(vec![Bytes::from_static(b" and ")]).expect("taken");
    heir.ready().await.expect("ready");
    alive.settle(vec![sample(6_000_000).into()]).await.expect("settled, but recorded in no row");
    upload.record(heir.settle(vec![Bytes::from_static(b"kept")]).await.expect("settled"), 9);
    let key = upload.finish(&store, b"", &sha256(b"counted and kept")).await.expect("a key");
    assert_eq!(content(&store, &key, 16).await, b"counted and kept");
}

async fn an_abandoned_session_leaves_the_upload_as_it_was<S: Storage>(storage: S) {
    let store = storage.open().await;
    let mut upload = Upload::new();
    upload.append(&store, b"counted").await;
    let mut session = upload.resume(&store, Some(&sha256(b"anything")));
    write(&mut session, &sample(700_000)).await;
    session.abandon().await.expect("abandoned");
    assert_eq!(sizes(&list(&store, soon()).await), [(&*upload.id, 7)]);
    upload.finish(&store, b"", &sha256(b"counted")).await.expect("a key");
}

async fn content_of_another_digest_becomes_no_blob<S: Storage>(storage: S) {
    let store = storage.open().await;
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        let (expected, upload) = (Digest::of(algorithm, b"expected"), Upload::new());
        match upload.finish(&store, b"others", &expected).await {
            Err(Error::LayerDigestMismatch { computed, .. }) => assert_eq!(computed, Digest::of(algorithm, b"others")),
            other => panic!("{other:?}"),
        }
        store.delete_upload(&upload.id, None).await;
        assert_eq!(list(&store, soon()).await, []);
    }
}

async fn an_upload_that_was_finished_but_never_named_is_finished_again<S: Storage>(storage: S) {
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        let mut upload = Upload::new();
        upload.append(&storage.open().await, b"first").await;
        let whole = Digest::of(algorithm, b"first last");
        let key = upload.finish(&storage.open().await, b" last", &whole).await.expect("a key");
        let store = storage.open().await;
        let again = upload.finish(&store, b" last", &whole).await.expect("a key");
        for key in [key, again] {
            assert_eq!(content(&store, &key, 10).await, b"first last");
        }
    }
}

async fn deleting_is_idempotent_and_readers_read_on<S: Storage>(storage: S) {
    let store = storage.open().await;
    let bytes = sample(3_000_000);
    let key = put(&store, &bytes).await;
    let reader = store.open(&key, 3_000_000).await.expect("a blob").part(2_000_000, 1_000_000).await.expect("a part");
    let other = storage.open().await;
    for store in [&other, &store, &store] {
        store.delete(&key).await;
        assert!(open(store, &key, 3_000_000).await.is_err());
    }
    assert!(reader.read(2_000_000, 1_000_000).await.expect("its bytes") == bytes[2_000_000..]);

    let mut upload = Upload::new();
    upload.append(&store, b"bytes").await;
    let known = upload.clone();
    upload.append(&store, b" that its row does not know").await;
    for _ in 0..2 {
        store.delete_upload(&known.id, known.stored.as_deref()).await;
        // What could be a blob is left to the collection of orphans.
        let left = list(&store, soon()).await;
        assert!(left.iter().all(|object| object.key.is_some() && object.size == 27), "{left:?}");
    }
    store.delete_upload(&upload.id, upload.stored.as_deref()).await;
    assert_eq!(list(&store, soon()).await, []);
}

async fn equal_content_of_two_uploads_is_two_blobs<S: Storage>(storage: S) {
    let store = storage.open().await;
    let keys = [put(&store, b"same").await, put(&store, b"same").await];
    store.delete(&keys[0]).await;
    assert!(open(&store, &keys[0], 4).await.is_err());
    assert_eq!(content(&store, &keys[1], 4).await, b"same");
}

async fn a_listing_has_all_that_is_old_enough<S: Storage>(storage: S) {
    let store = storage.open().await;
    let (mut upload, blob) = (Upload::new(), Upload::new());
    upload.append(&store, b"part").await;
    let key = blob.finish(&store, b"a blob", &sha256(b"a blob")).await.expect("a key");
    let (all, past) = (list(&store, soon()).await, Clock::System.now().plus_seconds(-3600));
    assert_eq!(sizes(&all), [(&*upload.id, 4), (&*blob.id, 6)]);
    assert_eq!((all[1].key.as_ref(), list(&store, past).await), (Some(&key), vec![]));
    for (id, time, written) in [(&*upload.id, past, true), (&upload.id, soon(), false), ("none", past, false)] {
        assert_eq!(store.upload_written_since(id, None, time).await.expect("an answer"), written);
    }
}

async fn a_lease_is_held_until_nothing_can_write_any_more<S: Storage>(storage: S) {
    let store = storage.open().await;
    let (leases, upload) = (UploadLeases::default(), Upload::new());
    let lease = leases.acquire(&upload.id, Intent::Append).ok().expect("a lease");
    let mut session = store.resume(upload.resumed(None, lease));
    session.append(vec![sample(5_000_000).into()]).expect("taken");
    assert!(leases.acquire(&upload.id, Intent::Append).is_err());
    drop(session);
    if let Err(holder) = leases.acquire(&upload.id, Intent::Append) {
        assert!(holder.revoke().await);
    }
    let before = list(&store, soon()).await;
    assert_eq!(list(&store, soon()).await, before);
}

async fn a_store_belongs_to_one_installation<S: Storage>(storage: S) {
    let (one, other) = (storage.open().await, storage.open().await);
    let (first, second) = tokio::join!(one.claim("first", BlobAccess::Write), other.claim("second", BlobAccess::Write));
    assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
    let (owner, stranger) = if first.is_ok() { ("first", "second") } else { ("second", "first") };
    for store in [one, other] {
        store.claim(owner, BlobAccess::Write).await.expect("its own");
        store.check_claim(owner).await.expect("its own");
        for refused in [store.claim(stranger, BlobAccess::Write).await, store.check_claim(stranger).await] {
            assert!(refused.expect_err("a refusal").to_string().contains("of another installation"));
        }
    }
}

async fn a_store_is_ready<S: Storage>(storage: S) {
    storage.open().await.check_ready().await.expect("ready");
}

/// Declares all tests of the contract for a storage.
macro_rules! contract {
    ($storage:ty) => {
        contract! { $storage:
            a_store_is_ready
            a_store_belongs_to_one_installation
            a_blob_is_what_was_appended_by_either_algorithm
            ranges_are_read_exactly_or_not_at_all
            a_blob_of_another_size_is_not_opened
            an_upload_is_resumed_by_another_process
            bytes_that_no_row_counts_are_truncated
            a_former_writer_that_is_still_alive_does_not_change_an_upload_that_was_taken_over
            an_abandoned_session_leaves_the_upload_as_it_was
            content_of_another_digest_becomes_no_blob
            an_upload_that_was_finished_but_never_named_is_finished_again
            deleting_is_idempotent_and_readers_read_on
            equal_content_of_two_uploads_is_two_blobs
            a_listing_has_all_that_is_old_enough
            a_lease_is_held_until_nothing_can_write_any_more
        }
    };
    ($storage:ty: $($test:ident)*) => {
        $(#[tokio::test]
        async fn $test() {
            if let Some(storage) = <$storage as super::Storage>::create().await {
                super::$test(storage).await;
            }
        })*
    };
}

mod filesystem {
    use super::{BlobStore, Clock, Duration, Storage, Upload, list, sha256, sizes};
    use crate::blobs::BlobAccess;

    struct Directory(tempfile::TempDir);

    impl Storage for Directory {
        async fn create() -> Option<Self> {
            Some(Self(tempfile::tempdir().expect("a temporary directory")))
        }

        async fn open(&self) -> BlobStore {
            BlobStore::open_filesystem(self.0.path(), BlobAccess::Write).expect("a store")
        }
    }

    contract!(Directory);

    /// Until a row names a new blob, only its age protects it from a collector: its upload's row does not protect what is renamed.
    #[tokio::test]
    async fn the_age_of_a_blob_begins_when_it_is_finished() {
        let directory = Directory::create().await.expect("a directory");
        let store = directory.open().await;
        let pause = || tokio::time::sleep(Duration::from_millis(50));
        let mut upload = Upload::new();
        upload.append(&store, b"an old upload").await;
        pause().await;
        let between = Clock::System.now();
        pause().await;
        assert_eq!(sizes(&list(&store, between).await), [(&*upload.id, 13)]);
        let key = upload.finish(&store, b"", &sha256(b"an old upload")).await.expect("a key");
        assert_eq!(list(&store, between).await, []);
        // It begins again when the upload is finished once more.
        pause().await;
        let between = Clock::System.now();
        pause().await;
        assert_eq!(upload.finish(&store, b"", &sha256(b"an old upload")).await.expect("the same key"), key);
        assert_eq!(list(&store, between).await, []);
    }
}

mod s3 {
    use super::{BlobStore, Storage};
    use crate::blobs::s3::test_server;
    use std::net::SocketAddr;

    struct Prefix(SocketAddr, String);

    impl Storage for Prefix {
        async fn create() -> Option<Self> {
            Some(Self(test_server::address()?, uuid::Uuid::new_v4().to_string()))
        }

        async fn open(&self) -> BlobStore {
            BlobStore::S3(test_server::open(self.0, &self.1).await)
        }
    }

    contract!(Prefix);
}
