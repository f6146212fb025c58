//! Upload sessions that several replicas write to.

use crate::support::database::is_sqlite;
use crate::support::{Parts, World, sha256};
use bytes::Bytes;
use roadstead_model::{Digest, Identity, RepositoryKey};
use roadstead_registry::{BlobInfo, BodyError, Error, Installation, Limits, PartBody, SessionName, Upload};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

const ONE_SERVER: &str = "no two servers share one there";
/// Longer than the right to write lasts that a request has recorded.
const DEAD_SECONDS: i64 = 31;

/// A replica, with the name of one session.
#[derive(Clone)]
struct Replica {
    installation: Installation,
    repository: RepositoryKey,
    caller: Identity,
    id: String,
}

impl Replica {
    fn session(&self) -> SessionName<'_> {
        SessionName { repository: &self.repository, caller: &self.caller, id: &self.id }
    }

    async fn append(&self, start: Option<u64>, bytes: &[u8]) -> Result<u64, Error> {
        self.installation.append_upload(self.session(), start, &mut in_pieces(bytes)).await.map(|upload| upload.received)
    }

    async fn complete(&self, start: Option<u64>, rest: &[u8], digest: &Digest) -> Result<BlobInfo, Error> {
        self.installation.complete_upload_with(self.session(), start, &mut in_pieces(rest), digest).await
    }

    async fn length(&self) -> Result<u64, Error> {
        self.installation.find_upload(self.session()).await.map(|upload| upload.received)
    }

    /// Appends bytes in a request that goes on until it is finished.
    fn write(&self, start: u64, bytes: &[u8]) -> Writing {
        let (send, body) = mpsc::unbounded_channel();
        bytes.chunks(100_000).for_each(|piece| send.send(piece.to_vec()).expect("a listener"));
        let replica = self.clone();
        let ends = tokio::spawn(async move { replica.installation.append_upload(replica.session(), Some(start), &mut Sent(body)).await });
        Writing { send, ends }
    }
}

struct Writing {
    send: mpsc::UnboundedSender<Vec<u8>>,
    ends: JoinHandle<Result<Upload, Error>>,
}

impl Writing {
    async fn finish(self) -> Result<u64, Error> {
        drop(self.send);
        self.ends.await.expect("no panic").map(|upload| upload.received)
    }
}

/// A body that stalls until the test sends more bytes.
struct Sent(mpsc::UnboundedReceiver<Vec<u8>>);

impl PartBody for Sent {
    async fn next(&mut self) -> Option<Result<Bytes, BodyError>> {
        self.0.recv().await.map(|bytes| Ok(bytes.into()))
    }
}

/// A body that stalls until the test sends more bytes, or breaks it off.
struct Pieces(mpsc::UnboundedReceiver<Result<Vec<u8>, BodyError>>);

impl PartBody for Pieces {
    async fn next(&mut self) -> Option<Result<Bytes, BodyError>> {
        self.0.recv().await.map(|piece| piece.map(Bytes::from))
    }
}

fn in_pieces(bytes: &[u8]) -> Parts {
    Parts::of(&bytes.chunks(100_000).collect::<Vec<_>>())
}

/// Bytes that differ by `seed`.
fn content(seed: u8, length: usize) -> Vec<u8> {
    (0..length).map(|at| (at as u8) ^ (at >> 8) as u8 ^ seed).collect()
}

/// Three replicas and a session started by the first.
async fn replicas(world: &World) -> [Replica; 3] {
    let id = world.installation.start_upload(&world.key, &world.caller, None, false).await.expect("a session").id;
    let of = |installation| Replica { installation, repository: world.key.clone(), caller: world.caller.clone(), id: id.clone() };
    [of(world.installation.clone()), of(world.beside().await), of(world.beside().await)]
}

fn uploads(world: &World) -> usize {
    std::fs::read_dir(world.blobs().join("uploads")).expect("the directory").count()
}

async fn eventually(expected: &str, holds: impl AsyncFn() -> bool) {
    for _ in 0..2000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("never happened: {expected}");
}

/// A request on this replica that has stored some of the bytes, and goes on.
async fn writing(world: &World, replica: &Replica, start: u64, bytes: &[u8]) -> Writing {
    let writing = replica.write(start, bytes);
    let file = world.blobs().join("uploads").join(&replica.id);
    eventually("bytes are in the store", async || std::fs::metadata(&file).is_ok_and(|file| file.len() > start)).await;
    writing
}

#[tokio::test]
async fn a_session_begins_on_one_replica_goes_on_on_the_second_and_ends_on_the_third() {
    if is_sqlite(ONE_SERVER) {
        return;
    }
    for lengths in [[10, 20, 30], [100, 1_000_000, 10], [1_000_000, 700_000, 600_000], [300_000, 0, 0], [10, 0, 300_000]] {
        let world = World::new().await;
        let [first, second, third] = replicas(&world).await;
        let bytes = content(0, lengths.iter().sum());
        let (begin, rest) = bytes.split_at(lengths[0]);
        let (middle, end) = rest.split_at(lengths[1]);
        first.append(Some(0), begin).await.expect("a part");
        assert_eq!(second.length().await.expect("the session"), lengths[0] as u64);
        second.append(Some(lengths[0] as u64), middle).await.expect("a part");
        let digest = sha256(&bytes);
        third.complete(Some((lengths[0] + lengths[1]) as u64), end, &digest).await.expect("a blob");
        assert!(world.content(&digest).await == bytes);
        for replica in [&first, &second, &third] {
            assert!(matches!(replica.length().await, Err(Error::UploadNotFound { .. })));
            assert!(matches!(replica.append(Some(0), b"x").await, Err(Error::UploadNotFound { .. })));
            // A repetition of the request is answered by any replica.
            assert!(replica.complete(None, b"", &digest).await.is_ok());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_replicas_that_append_at_once_one_wins_and_the_bytes_are_its_own() {
    if is_sqlite(ONE_SERVER) {
        return;
    }
    for length in [1_000, 20_000, 1_000_000] {
        let world = World::new().await;
        for _ in 0..10 {
            let [first, second, third] = replicas(&world).await;
            let (ours, theirs) = (content(1, length), content(2, length));
            let (a, b) = tokio::join!(first.append(Some(0), &ours), second.append(Some(0), &theirs));
            let winner = match (&a, &b) {
                (Ok(_), Err(Error::UploadBusy { .. } | Error::LayerPartInvalid { .. })) => ours,
                (Err(Error::UploadBusy { .. } | Error::LayerPartInvalid { .. }), Ok(_)) => theirs,
                other => panic!("{other:?}"),
            };
            let digest = sha256(&winner);
            third.complete(None, b"", &digest).await.expect("a blob");
            assert!(world.content(&digest).await == winner);
            world.installation.delete_blob(&world.key, &digest).await.expect("deleted");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_blob_sent_to_two_replicas_at_once_is_stored_by_both_requests() {
    if is_sqlite(ONE_SERVER) {
        return;
    }
    for length in [1_000, 20_000] {
        let world = World::new().await;
        for seed in 0..10 {
            let [first, second, _] = replicas(&world).await;
            let bytes = content(seed, length);
            let digest = sha256(&bytes);
            let (a, b) = tokio::join!(first.complete(None, &bytes, &digest), second.complete(None, &bytes, &digest));
            assert!(a.is_ok() && b.is_ok(), "{a:?} {b:?}");
            assert!(world.content(&digest).await == bytes);
        }
        assert_eq!(uploads(&world), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_request_writes_other_replicas_refuse_and_a_completing_one_waits() {
    if is_sqlite(ONE_SERVER) {
        return;
    }
    let world = World::new().await;
    let [first, second, third] = replicas(&world).await;
    let bytes = content(0, 1_000_000);
    let digest = sha256(&bytes);
    let writing = writing(&world, &first, 0, &bytes).await;
    assert!(matches!(second.append(Some(0), &bytes).await, Err(Error::UploadBusy { received: 0, .. })));
    assert!(matches!(second.append(Some(700_000), &bytes).await, Err(Error::LayerPartInvalid { received: 0, .. })));
    assert!(matches!(second.complete(Some(0), &bytes, &digest).await, Err(Error::UploadBusy { received: 0, .. })));
    let waiting = tokio::spawn(async move { third.complete(None, b"", &digest).await });
    tokio::task::yield_now().await;
    assert_eq!(writing.finish().await.expect("a part"), 1_000_000);
    waiting.await.expect("no panic").expect("a blob");
    assert!(world.content(&sha256(&bytes)).await == bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_taken_over_once_its_replica_is_dead_and_the_dead_one_commits_nothing() {
    if is_sqlite(ONE_SERVER) {
        return;
    }
    let world = World::new().await;
    for settled in [0, 10, 500_000] {
        let [first, second, third] = replicas(&world).await;
        let begin = content(0, settled);
        first.append(Some(0), &begin).await.expect("a part");
        let start = settled as u64;
        let dead = writing(&world, &first, start, &content(1, 1_000_000)).await;
        assert!(matches!(second.append(Some(start), b"x").await, Err(Error::UploadBusy { .. })));
        world.pass_seconds(DEAD_SECONDS);
        let rest = content(2, 900_000);
        assert_eq!(second.append(Some(start), &rest).await.expect("a part"), start + 900_000);
        let late = dead.finish().await;
        assert!(matches!(late, Err(Error::UploadBusy { .. } | Error::LayerPartInvalid { .. })), "{late:?}");
        let bytes = [begin, rest].concat();
        let digest = sha256(&bytes);
        third.complete(None, b"", &digest).await.expect("a blob");
        assert!(world.content(&digest).await == bytes);
        assert_eq!(uploads(&world), 0);
    }
}

/// Its clean-up must not touch the bytes of the request that took over.
#[tokio::test(flavor = "multi_thread")]
async fn a_completing_request_that_lost_its_session_leaves_the_bytes_of_the_other_one() {
    if is_sqlite(ONE_SERVER) {
        return;
    }
    for breaks in [false, true] {
        let world = World::new().await;
        let [first, second, third] = replicas(&world).await;
        let (send, body) = mpsc::unbounded_channel();
        content(1, 1_000_000).chunks(100_000).for_each(|piece| send.send(Ok(piece.to_vec())).expect("a listener"));
        let (dead, never) = (first.clone(), sha256(b"never"));
        let ends =
            tokio::spawn(async move { dead.installation.complete_upload_with(dead.session(), None, &mut Pieces(body), &never).await });
        let file = world.blobs().join("uploads").join(&first.id);
        eventually("bytes are in the store", async || std::fs::metadata(&file).is_ok_and(|file| file.len() > 0)).await;
        world.pass_seconds(DEAD_SECONDS);
        let bytes = content(2, 900_000);
        second.append(Some(0), &bytes).await.expect("a part");
        if breaks {
            send.send(Err(BodyError)).expect("a listener");
        }
        drop(send);
        assert!(ends.await.expect("no panic").is_err());
        let digest = sha256(&bytes);
        third.complete(None, b"", &digest).await.expect("a blob");
        assert!(world.content(&digest).await == bytes);
    }
}

/// The former writer is alive, and writes to the upload while it becomes a blob, and later.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_taken_over_to_be_completed_gets_no_bytes_of_its_former_writer() {
    if is_sqlite(ONE_SERVER) {
        return;
    }
    let world = World::new().await;
    let [first, second, _] = replicas(&world).await;
    let bytes = content(0, 500_000);
    first.append(Some(0), &bytes).await.expect("a part");
    let former = writing(&world, &first, 500_000, &content(1, 1_000_000)).await;
    world.pass_seconds(DEAD_SECONDS);
    let digest = sha256(&bytes);
    second.complete(None, b"", &digest).await.expect("a blob");
    content(1, 1_000_000).chunks(100_000).for_each(|piece| former.send.send(piece.to_vec()).expect("a listener"));
    assert!(former.finish().await.is_err());
    assert!(world.content(&digest).await == bytes);
    assert_eq!(uploads(&world), 0);
}

/// A process that ends neither settles nor releases anything.
#[test]
fn a_session_goes_on_after_the_process_of_a_replica_ended() {
    if is_sqlite(ONE_SERVER) {
        return;
    }
    let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let (here, there) = (runtime(), runtime());
    let world = here.block_on(World::new());
    let [first, second, third] = here.block_on(replicas(&world));
    let bytes = content(0, 1_000_000);
    let writing = there.block_on(writing(&world, &first, 0, &bytes));
    there.shutdown_background();
    drop(writing);
    here.block_on(async {
        assert!(matches!(second.append(Some(0), b"x").await, Err(Error::UploadBusy { received: 0, .. })));
        world.pass_seconds(DEAD_SECONDS);
        assert_eq!(second.append(Some(0), &bytes[..400_000]).await.expect("a part"), 400_000);
        let digest = sha256(&bytes);
        third.complete(Some(400_000), &bytes[400_000..], &digest).await.expect("a blob");
        assert!(world.content(&digest).await == bytes);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_canceled_on_one_replica_ends_on_the_one_that_writes_to_it() {
    if is_sqlite(ONE_SERVER) {
        return;
    }
    let world = World::new().await;
    let [first, second, third] = replicas(&world).await;
    let writing = writing(&world, &first, 0, &content(0, 1_000_000)).await;
    second.installation.cancel_upload(second.session()).await.expect("canceled");
    assert!(matches!(third.length().await, Err(Error::UploadNotFound { .. })));
    assert!(matches!(writing.finish().await, Err(Error::UploadNotFound { .. })));
    assert_eq!(uploads(&world), 0);
}

#[tokio::test]
async fn the_quotas_hold_for_all_replicas_together() {
    if is_sqlite(ONE_SERVER) {
        return;
    }
    let world = World::with(Limits { uploads_per_repository: 3, ..Limits::default() }).await;
    for _ in 0..3 {
        replicas(&world).await[0].append(None, b"x").await.expect("a part");
    }
    for replica in replicas(&world).await {
        assert!(matches!(replica.append(None, b"x").await, Err(Error::TooManyUploads { .. })));
    }
}
