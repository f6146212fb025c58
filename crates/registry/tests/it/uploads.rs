//! Upload sessions.

use crate::support::{Parts, World, repository, sha256};
use bytes::Bytes;
use roadstead_model::{Algorithm, Digest, Identity, RepositoryKey};
use roadstead_registry::{BodyError, Collection, Error, Limits, PartBody, SessionName, Upload};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

async fn start(world: &World) -> String {
    world.installation.start_upload(&world.key, &world.caller, None, false).await.expect("a session").id
}

async fn append(world: &World, id: &str, at: Option<u64>, mut parts: Parts) -> Result<Upload, Error> {
    world.installation.append_upload(world.session(id), at, &mut parts).await
}

/// The name of a session, for a request in a task of its own.
struct Named {
    repository: RepositoryKey,
    caller: Identity,
    id: String,
}

impl Named {
    fn of(world: &World, id: &str) -> Self {
        Self { repository: world.key.clone(), caller: world.caller.clone(), id: id.to_owned() }
    }

    fn session(&self) -> SessionName<'_> {
        SessionName { repository: &self.repository, caller: &self.caller, id: &self.id }
    }
}

#[tokio::test]
async fn parts_become_a_blob_also_across_a_restart() {
    for world in [World::new().await, World::of_files().await] {
        let id = start(&world).await;
        assert_eq!(append(&world, &id, Some(0), Parts::of(&[b"hello ", b"wide "])).await.expect("a part").received, 11);
        let world = world.restart().await;
        assert_eq!(world.installation.find_upload(world.session(&id)).await.expect("the session").received, 11);
        append(&world, &id, Some(11), Parts::of(&[b"world"])).await.expect("a part");
        let digest = sha256(b"hello wide world");
        let blob = world.installation.complete_upload(world.session(&id), &digest).await.expect("a blob");
        assert_eq!((blob.size, world.content(&digest).await), (16, b"hello wide world".to_vec()));
        assert!(matches!(world.installation.find_upload(world.session(&id)).await, Err(Error::UploadNotFound { .. })));
    }
}

/// A session is moved from its row to a file by the request that makes it too large.
#[tokio::test]
async fn a_session_that_outgrows_the_metadata_continues_in_a_file() {
    let world = World::new().await;
    let bytes: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    let small = 16 << 10;
    for ends in [[1, small], [small, small + 1], [small - 1, 300_000], [20, 20]] {
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let [first, second] = ends.map(|end| &bytes[..end]);
            let id = start(&world).await;
            append(&world, &id, Some(0), Parts::of(&[first])).await.expect("a part");
            let file = world.blobs().join("uploads").join(&id);
            assert!(!file.exists());
            append(&world, &id, None, Parts::of(&[&second[first.len()..]])).await.expect("a part");
            assert_eq!(file.exists(), second.len() > small);
            let digest = Digest::of(algorithm, &bytes);
            let rest = &mut Parts::of(&[&bytes[second.len()..]]);
            world.installation.complete_upload_with(world.session(&id), None, rest, &digest).await.expect("a blob");
            assert!(!file.exists() && world.content(&digest).await == bytes);
        }
    }
}

/// Large enough for background syncs.
#[tokio::test]
async fn a_large_layer_in_two_parts_is_stored_whole() {
    let world = World::new().await;
    let bytes: Vec<u8> = (0..10_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let (first, second) = bytes.split_at(20_000_001);
    let in_pieces = |bytes: &[u8]| Parts::of(&bytes.chunks(100_000).collect::<Vec<_>>());
    let id = start(&world).await;
    append(&world, &id, Some(0), in_pieces(first)).await.expect("a part");
    let digest = sha256(&bytes);
    world.installation.complete_upload_with(world.session(&id), None, &mut in_pieces(second), &digest).await.expect("a blob");
    assert!(world.content(&digest).await == bytes);
}

#[tokio::test]
async fn a_part_out_of_order_is_refused_and_leaves_the_session_as_it_was() {
    for world in [World::new().await, World::of_files().await] {
        let id = start(&world).await;
        append(&world, &id, Some(0), Parts::of(&[b"12345"])).await.expect("a part");
        for wrong in [0, 4, 6] {
            assert!(matches!(append(&world, &id, Some(wrong), Parts::of(&[b"x"])).await, Err(Error::LayerPartInvalid { received: 5, .. })));
        }
        append(&world, &id, Some(5), Parts::of(&[b"678"])).await.expect("a part");
        let digest = sha256(b"12345678");
        assert!(world.installation.complete_upload(world.session(&id), &digest).await.is_ok());
    }
}

#[tokio::test]
async fn bytes_received_before_a_connection_failed_are_kept() {
    for world in [World::new().await, World::of_files().await] {
        let id = start(&world).await;
        let failed = append(&world, &id, None, Parts::of(&[b"first half, "]).then_fails()).await;
        assert!(matches!(failed, Err(Error::BodyIncomplete)));
        assert_eq!(world.installation.find_upload(world.session(&id)).await.expect("the session").received, 12);
        append(&world, &id, Some(12), Parts::of(&[b"second half"])).await.expect("a part");
        let digest = sha256(b"first half, second half");
        assert!(world.installation.complete_upload(world.session(&id), &digest).await.is_ok());
    }
}

#[tokio::test]
async fn content_of_another_digest_is_refused_and_nothing_is_stored() {
    for world in [World::new().await, World::of_files().await] {
        let id = start(&world).await;
        append(&world, &id, None, Parts::of(&[b"bytes"])).await.expect("a part");
        let other = sha256(b"other bytes");
        let refused = world.installation.complete_upload(world.session(&id), &other).await;
        assert!(matches!(refused, Err(Error::LayerDigestMismatch { .. })));
        assert!(matches!(world.installation.find_blob(&world.key, &other).await, Err(Error::LayerNotFound(_))));
        assert_eq!(uploads(&world), 0, "no file is left behind");
    }
}

#[tokio::test]
async fn an_unannounced_sha512_and_an_empty_blob_are_stored() {
    for world in [World::new().await, World::of_files().await] {
        let id = start(&world).await;
        append(&world, &id, None, Parts::of(&[b"bytes"])).await.expect("a part");
        let digest = Digest::of(Algorithm::Sha512, b"bytes");
        world.installation.complete_upload(world.session(&id), &digest).await.expect("a blob");
        assert_eq!(world.content(&digest).await, b"bytes");

        let id = start(&world).await;
        let empty = sha256(b"");
        assert_eq!(world.installation.complete_upload(world.session(&id), &empty).await.expect("a blob").size, 0);
        assert_eq!(world.content(&empty).await, b"");
    }
}

#[tokio::test]
async fn the_same_bytes_are_stored_once_and_belong_to_both_repositories() {
    let world = World::of_files().await;
    let digest = world.push_blob(b"shared").await;
    let other = repository("other/app");
    world.installation.create_repository(&other).await.expect("a repository");
    assert!(matches!(world.installation.find_blob(&other, &digest).await, Err(Error::LayerNotFound(_))));
    let mounted = world.installation.mount_blob(&other, &digest, Some(&world.key), false).await;
    assert!(mounted.expect("an answer"));
    assert!(world.installation.find_blob(&other, &digest).await.is_ok());
    world.push_blob(b"shared").await;
    let folder = world.blobs().join(format!("sha256/{}", &digest.hex()[..2]));
    assert_eq!(std::fs::read_dir(folder).expect("the directory").count(), 1);
    let absent = sha256(b"absent");
    assert!(!world.installation.mount_blob(&other, &absent, None, false).await.expect("an answer"));
}

#[tokio::test]
async fn a_blob_that_a_manifest_needs_cannot_be_deleted() {
    let world = World::new().await;
    world.push_image("one", &["a"]).await;
    let layer = sha256(b"layer one");
    assert!(matches!(world.installation.delete_blob(&world.key, &layer).await, Err(Error::StillNeeded { .. })));
    let loose = world.push_blob(b"loose").await;
    world.installation.delete_blob(&world.key, &loose).await.expect("deleted");
    assert!(matches!(world.installation.delete_blob(&world.key, &loose).await, Err(Error::LayerNotFound(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_writers_one_wins_and_the_session_stays_whole() {
    let world = World::new().await;
    let id = start(&world).await;
    let part = vec![b'x'; 3 << 20];
    let mut tasks = Vec::new();
    for _ in 0..4 {
        let (installation, named, part) = (world.installation.clone(), Named::of(&world, &id), part.clone());
        tasks.push(tokio::spawn(
            async move { installation.append_upload(named.session(), Some(0), &mut Parts::of(&[&part])).await.is_ok() },
        ));
    }
    let mut won = 0;
    for task in tasks {
        won += usize::from(task.await.expect("no panic"));
    }
    assert_eq!(won, 1);
    let digest = sha256(&part);
    assert!(world.installation.complete_upload(world.session(&id), &digest).await.is_ok());
}

/// The process may end, or the client disconnect, after a blob is stored and before its row is written.
#[tokio::test]
async fn a_session_that_was_stored_without_a_row_is_completed() {
    let world = World::of_files().await;
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        let id = start(&world).await;
        append(&world, &id, Some(0), Parts::of(&[b"stored"])).await.expect("a part");
        let digest = Digest::of(algorithm, b"stored");
        let blobs = world.blobs();
        let folder = blobs.join(algorithm.as_str()).join(&digest.hex()[..2]);
        std::fs::create_dir_all(&folder).expect("a directory");
        std::fs::rename(blobs.join("uploads").join(&id), folder.join(format!("{}.{id}", digest.hex()))).expect("the stored file");
        world.installation.complete_upload(world.session(&id), &digest).await.expect("a blob");
        assert_eq!(world.content(&digest).await, b"stored");
    }
}

#[tokio::test]
async fn a_final_body_completes_a_session_and_a_broken_one_leaves_it_unchanged() {
    for world in [World::new().await, World::of_files().await] {
        let installation = &world.installation;
        let digest = sha256(b"first half, second half");
        let whole = start(&world).await;
        let parts = || Parts::of(&[b"first half, ", b"second half"]);
        let blob = installation.complete_upload_with(world.session(&whole), Some(0), &mut parts(), &digest).await.expect("a blob");
        assert_eq!((blob.size, world.content(&digest).await), (23, b"first half, second half".to_vec()));

        for before in [b"".as_slice(), b"first "] {
            let broken_one = start(&world).await;
            append(&world, &broken_one, Some(0), Parts::of(&[before])).await.expect("a part");
            let all = b"first half, second half".as_slice();
            let rest = &all[before.len()..];
            let broken = &mut Parts::of(&[&rest[..4]]).then_fails();
            let refused = installation.complete_upload_with(world.session(&broken_one), None, broken, &digest).await;
            assert!(matches!(refused, Err(Error::BodyIncomplete)));
            let received = installation.find_upload(world.session(&broken_one)).await.expect("the session").received;
            assert_eq!(received, before.len() as u64);
            let misplaced = installation.complete_upload_with(world.session(&broken_one), Some(12), &mut Parts::of(&[b"x"]), &digest).await;
            assert!(matches!(misplaced, Err(Error::LayerPartInvalid { received, .. }) if received == before.len() as u64));
            let again = installation.complete_upload_with(world.session(&broken_one), None, &mut Parts::of(&[rest]), &digest).await;
            assert_eq!(again.expect("a blob").size, 23);
        }

        let wrong = start(&world).await;
        let refused = installation.complete_upload_with(world.session(&wrong), None, &mut Parts::of(&[b"other"]), &digest).await;
        assert!(matches!(refused, Err(Error::LayerDigestMismatch { .. })));
        assert!(matches!(installation.find_upload(world.session(&wrong)).await, Err(Error::UploadNotFound { .. })));
    }
}

#[tokio::test]
async fn a_broken_final_body_leaves_no_bytes_on_the_disk() {
    let world = World::of_files().await;
    let id = start(&world).await;
    append(&world, &id, Some(0), Parts::of(&[b"kept"])).await.expect("a part");
    let large = vec![b'x'; 1 << 20];
    let digest = sha256(b"anything");
    let broken = &mut Parts::of(&[&large, &large]).then_fails();
    assert!(world.installation.complete_upload_with(world.session(&id), None, broken, &digest).await.is_err());
    assert_eq!(std::fs::read(world.blobs().join("uploads").join(&id)).expect("the file"), b"kept");
}

/// The response to a completing request was lost, so the client repeats the request.
#[tokio::test]
async fn a_completed_session_is_completed_again_by_the_same_request() {
    for world in [World::new().await, World::of_files().await] {
        let installation = &world.installation;
        let upload = start(&world).await;
        let digest = sha256(b"all of it");
        let close = async |mut body: Parts| installation.complete_upload_with(world.session(&upload), None, &mut body, &digest).await;
        for body in [&[b"all of it".as_slice()] as &[&[u8]], &[], &[b"all ", b"of it"]] {
            assert_eq!(close(Parts::of(body)).await.expect("a blob").size, 9, "{body:?}");
        }
        for other in [b"all of i".as_slice(), b"all of it!", b"ALL OF IT"] {
            assert!(matches!(close(Parts::of(&[other])).await, Err(Error::UploadNotFound { .. })), "{other:?}");
        }
        assert!(matches!(close(Parts::of(&[b"all "]).then_fails()).await, Err(Error::BodyIncomplete)));
        let nowhere = sha256(b"nowhere");
        assert!(matches!(installation.complete_upload(world.session(&upload), &nowhere).await, Err(Error::UploadNotFound { .. })));
    }
}

/// The process ended after the rename and before the row was written, in a completing request with a chunk.
#[tokio::test]
async fn a_final_chunk_that_was_stored_without_a_row_is_sent_again() {
    let world = World::of_files().await;
    let id = start(&world).await;
    append(&world, &id, Some(0), Parts::of(&[b"first "])).await.expect("a part");
    let digest = sha256(b"first last");
    let blobs = world.blobs();
    let folder = blobs.join("sha256").join(&digest.hex()[..2]);
    std::fs::create_dir_all(&folder).expect("a directory");
    let kept = folder.join(format!("{}.{id}", digest.hex()));
    std::fs::rename(blobs.join("uploads").join(&id), &kept).expect("the stored file");
    std::fs::write(&kept, "first last").expect("all of it");
    let last = &mut Parts::of(&[b"last"]);
    world.installation.complete_upload_with(world.session(&id), None, last, &digest).await.expect("a blob");
    assert_eq!(world.content(&digest).await, b"first last");
}

/// A body that stalls until the test sends more bytes.
struct Sent(mpsc::UnboundedReceiver<Vec<u8>>);

impl PartBody for Sent {
    async fn next(&mut self) -> Option<Result<Bytes, BodyError>> {
        self.0.recv().await.map(|bytes| Ok(bytes.into()))
    }
}

/// A request that appends the bytes sent to it, until it is finished or taken over.
struct Writer {
    send: Option<mpsc::UnboundedSender<Vec<u8>>>,
    ends: JoinHandle<Result<Upload, Error>>,
}

impl Writer {
    fn of(world: &World, id: &str, start: Option<u64>) -> Self {
        let (send, body) = mpsc::unbounded_channel();
        let (installation, named) = (world.installation.clone(), Named::of(world, id));
        let append = async move { installation.append_upload(named.session(), start, &mut Sent(body)).await };
        Self { send: Some(send), ends: tokio::spawn(append) }
    }

    /// Sends bytes, which the request may no longer receive.
    fn send(&self, bytes: &[u8]) {
        let _ = self.send.as_ref().map(|send| send.send(bytes.to_vec()));
    }

    async fn finish(mut self) -> Result<Upload, Error> {
        self.send = None;
        self.ends.await.expect("no panic")
    }
}

/// Repeats an attempt until it returns a value. Panics after a few seconds.
async fn eventually<T>(expected: &str, attempt: impl AsyncFn() -> Option<T>) -> T {
    for _ in 0..2000 {
        if let Some(value) = attempt().await {
            return value;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("never happened: {expected}");
}

/// The length of a session, as clients see it.
async fn session_length(world: &World, id: &str) -> u64 {
    world.installation.find_upload(world.session(id)).await.expect("the session").received
}

async fn wait_for(world: &World, id: &str, received: u64) {
    let expected = format!("the session has {received} bytes");
    eventually(&expected, async || (session_length(world, id).await == received).then_some(())).await;
}

#[tokio::test]
async fn a_request_that_continues_a_stalled_one_takes_over_and_the_stalled_one_writes_no_more() {
    for world in [World::new().await, World::of_files().await] {
        let id = start(&world).await;
        let hung = Writer::of(&world, &id, Some(0));
        hung.send(b"first ");
        wait_for(&world, &id, 6).await;
        for (start, received) in [(Some(0), 6), (Some(7), 6), (None, 6)] {
            match append(&world, &id, start, Parts::of(&[b"x"])).await {
                Err(Error::LayerPartInvalid { received: told, .. }) if start.is_some() => assert_eq!(told, received),
                Err(Error::UploadBusy { received: told, .. }) if start.is_none() => assert_eq!(told, received),
                other => panic!("{start:?}: {other:?}"),
            }
        }
        let other = repository("other/app");
        let elsewhere = SessionName { repository: &other, ..world.session(&id) };
        let refused = world.installation.append_upload(elsewhere, Some(6), &mut Parts::of(&[b"x"])).await;
        assert!(matches!(refused, Err(Error::RepositoryNotFound { .. })));
        assert_eq!(append(&world, &id, Some(6), Parts::of(&[b"second"])).await.expect("a part").received, 12);
        hung.send(b"too late");
        assert!(matches!(hung.finish().await, Err(Error::UploadBusy { received: 6, .. })));
        let digest = sha256(b"first second");
        world.installation.complete_upload(world.session(&id), &digest).await.expect("a blob");
        assert_eq!(world.content(&digest).await, b"first second");
    }
}

#[tokio::test]
async fn a_stalled_completing_request_yields_to_its_repetition() {
    for world in [World::new().await, World::of_files().await] {
        let id = start(&world).await;
        let digest = sha256(b"all of it");
        let (send, body) = mpsc::unbounded_channel();
        let (installation, named, expected) = (world.installation.clone(), Named::of(&world, &id), digest.clone());
        let close = async move { installation.complete_upload_with(named.session(), None, &mut Sent(body), &expected).await };
        let hung = tokio::spawn(close);
        send.send(b"all ".to_vec()).expect("a listener");
        tokio::task::yield_now().await;
        let again = &mut Parts::of(&[b"all of it"]);
        world.installation.complete_upload_with(world.session(&id), None, again, &digest).await.expect("a blob");
        let _ = send.send(b"of it".to_vec());
        drop(send);
        // The session was taken over or has ended; or, if this request came second, it succeeds because the blob exists.
        assert!(!matches!(
            hung.await.expect("no panic"),
            Err(Error::LayerDigestMismatch { .. } | Error::Internal(_) | Error::Unavailable(_))
        ));
        assert_eq!(world.content(&digest).await, b"all of it");
    }
}

/// Whenever one request takes over from another, the session is a prefix of the bytes that all of them send.
#[test]
fn bytes_of_two_writers_never_mix() {
    use proptest::prelude::*;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let (small, large) = (runtime.block_on(World::new()), runtime.block_on(World::of_files()));
    let bytes: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
    let run = async |world: &World, steps: &[(usize, usize)]| {
        let id = start(world).await;
        let mut writers: Vec<(Writer, usize)> = Vec::new();
        for (length, late) in steps {
            let at = session_length(world, &id).await;
            let writer = Writer::of(world, &id, Some(at));
            let begin = usize::try_from(at).expect("a small session");
            writer.send(&bytes[begin..begin + length]);
            let others = writers.len() + 1;
            if let Some((other, reached)) = writers.get_mut(late % others) {
                other.send(&bytes[*reached..*reached + length]);
                *reached += length;
            }
            writers.push((writer, begin + length));
        }
        for (writer, _) in writers {
            let _ = writer.finish().await;
        }
        let received = session_length(world, &id).await;
        let digest = sha256(&bytes[..usize::try_from(received).expect("a small session")]);
        world.installation.complete_upload(world.session(&id), &digest).await.map(|_| ())
    };
    let steps = proptest::collection::vec((1..40_000_usize, 0..4_usize), 1..6);
    proptest!(ProptestConfig::with_cases(24), |(steps in steps)| {
        for world in [&small, &large] {
            prop_assert!(runtime.block_on(run(world, &steps)).is_ok());
        }
    });
}

#[tokio::test]
async fn a_request_is_told_that_its_session_or_repository_was_deleted_meanwhile() {
    for world in [World::new().await, World::of_files().await] {
        let (installation, key) = (&world.installation, &world.key);
        for sent in [b"".as_slice(), b"some"] {
            let id = start(&world).await;
            let cancelled = Writer::of(&world, &id, None);
            cancelled.send(sent);
            wait_for(&world, &id, sent.len() as u64).await;
            installation.cancel_upload(world.session(&id)).await.expect("canceled");
            assert!(matches!(cancelled.finish().await, Err(Error::UploadNotFound { .. })));

            let id = start(&world).await;
            append(&world, &id, None, Parts::of(&[b"before "])).await.expect("a part");
            let deleted = Writer::of(&world, &id, None);
            deleted.send(sent);
            wait_for(&world, &id, 7 + sent.len() as u64).await;
            installation.delete_repository(key, true).await.expect("deleted");
            let told = deleted.finish().await;
            assert!(matches!(told, Err(Error::RepositoryNotFound { .. })), "{told:?}");
            installation.create_repository(key).await.expect("a repository");
        }
        assert_eq!(uploads(&world), 0, "no file is left behind");
    }
}

/// The number of unfinished uploads in the blob store.
fn uploads(world: &World) -> usize {
    std::fs::read_dir(world.blobs().join("uploads")).expect("the directory").count()
}

/// Starts a session and sends its first byte.
async fn begin(world: &World, key: &RepositoryKey) -> Result<String, Error> {
    let id = world.installation.start_upload(key, &world.caller, None, false).await?.id;
    let session = SessionName { repository: key, ..world.session(&id) };
    world.installation.append_upload(session, Some(0), &mut Parts::of(&[b"x"])).await?;
    Ok(id)
}

#[tokio::test]
async fn unfinished_uploads_are_limited_by_repository_and_by_account_from_their_first_byte_until_they_end() {
    let world = World::with(Limits { uploads: 5, uploads_per_repository: 3, ..Limits::default() }).await;
    let other = repository("other/app");
    world.installation.create_repository(&other).await.expect("a repository");
    let refused = |begun: Result<String, Error>, whose: &str| match begun {
        Err(error @ Error::TooManyUploads { .. }) => assert!(error.to_string().contains(whose), "{error}"),
        begun => panic!("{begun:?}"),
    };
    let begin_here = async |world: &World| begin(world, &world.key).await.expect("a session");
    let mut ids = Vec::new();
    for _ in 0..10 {
        ids.push(start(&world).await);
    }
    for id in &ids[..3] {
        append(&world, id, Some(0), Parts::of(&[b"x"])).await.expect("a part");
    }
    refused(append(&world, &ids[3], Some(0), Parts::of(&[b"x"])).await.map(|upload| upload.id), "repository with name 'team/app'");
    for _ in 0..2 {
        begin(&world, &other).await.expect("a session");
    }
    refused(begin(&world, &other).await, "registry with id");
    // They are counted again after a restart.
    let world = world.restart().await;
    refused(begin(&world, &world.key).await, "registry with id");

    // Every way of ending a session makes room for another.
    let content = sha256(b"x");
    world.installation.complete_upload(world.session(&ids[0]), &content).await.expect("a blob");
    ids[0] = begin_here(&world).await;
    world.installation.cancel_upload(world.session(&ids[1])).await.expect("canceled");
    ids[1] = begin_here(&world).await;
    let refuse = sha256(b"something else");
    assert!(world.installation.complete_upload(world.session(&ids[2]), &refuse).await.is_err());
    let several_batches = vec![b'x'; 1 << 20];
    for _ in 0..10 {
        world.installation.push_blob(&world.key, &content, false, &mut Parts::of(&[b"x"])).await.expect("a blob");
        let pieces: Vec<&[u8]> = several_batches.chunks(100_000).collect();
        let failed = world.installation.push_blob(&world.key, &refuse, false, &mut Parts::of(&pieces)).await;
        assert!(matches!(failed, Err(Error::LayerDigestMismatch { .. })));
        let broken = world.installation.push_blob(&world.key, &refuse, false, &mut Parts::of(&pieces).then_fails()).await;
        assert!(matches!(broken, Err(Error::BodyIncomplete)));
        assert!(matches!(begin(&world, &repository("none")).await, Err(Error::RepositoryNotFound { .. })));
    }
    ids[2] = begin_here(&world).await;
    refused(begin(&world, &world.key).await, "registry with id");
    world.installation.delete_repository(&other, true).await.expect("deleted");
    refused(begin(&world, &world.key).await, "repository with name");

    // A blob in one request of one batch needs no place, others do.
    world.installation.push_blob(&world.key, &content, false, &mut Parts::of(&[b"x"])).await.expect("a blob");
    let large = world.installation.push_blob(&world.key, &refuse, false, &mut Parts::of(&[&several_batches, b"x"])).await;
    assert!(matches!(large, Err(Error::TooManyUploads { .. })));

    // Sessions ended by another process are noticed a second later.
    world.beside().await.cancel_upload(world.session(&ids[0])).await.expect("canceled");
    std::thread::sleep(Duration::from_millis(1100));
    begin_here(&world).await;
}

#[tokio::test]
async fn abandoned_sessions_are_collected_and_make_room() {
    let world = World::with(Limits { uploads_per_repository: 1, ..Limits::default() }).await;
    begin(&world, &world.key).await.expect("a session");
    assert!(begin(&world, &world.key).await.is_err());
    world.pass_seconds(2 * 60 * 60);
    let collection = Collection { grace: Duration::ZERO, dry_run: false };
    assert_eq!(world.installation.collect_garbage(collection).await.expect("a collection").uploads, 1);
    std::thread::sleep(Duration::from_millis(1100));
    begin(&world, &world.key).await.expect("a session");
}

/// The number of rows of a table.
fn rows(world: &World, table: &str) -> i64 {
    world.metadata().number(&format!("SELECT COUNT(*) FROM {table}"))
}

fn is_unknown<T>(answer: &Result<T, Error>) -> bool {
    matches!(answer, Err(Error::UploadNotFound { .. }))
}

#[tokio::test]
async fn a_session_has_a_row_only_while_it_has_bytes() {
    for world in [World::new().await, World::of_files().await] {
        let digest = sha256(b"whole");
        let id = start(&world).await;
        assert_eq!(
            (session_length(&world, &id).await, append(&world, &id, Some(0), Parts::of(&[])).await.expect("nothing").received),
            (0, 0)
        );
        let broken = append(&world, &id, None, Parts::of(&[]).then_fails()).await;
        assert!(matches!(broken, Err(Error::BodyIncomplete)));
        let broken = &mut Parts::of(&[b"who"]).then_fails();
        let refused = world.installation.complete_upload_with(world.session(&id), None, broken, &digest).await;
        assert!(matches!(refused, Err(Error::BodyIncomplete)));
        assert_eq!((rows(&world, "upload"), rows(&world, "ended_upload")), (0, 0));
        world.installation.complete_upload_with(world.session(&id), Some(0), &mut Parts::of(&[b"whole"]), &digest).await.expect("a blob");
        assert_eq!((rows(&world, "upload"), rows(&world, "ended_upload")), (0, 1));

        let id = start(&world).await;
        append(&world, &id, None, Parts::of(&[b"whole"])).await.expect("a part");
        assert_eq!((rows(&world, "upload"), rows(&world, "ended_upload")), (1, 1));
        world.installation.complete_upload(world.session(&id), &digest).await.expect("a blob");
        world.installation.push_blob(&world.key, &digest, false, &mut Parts::of(&[b"whole"])).await.expect("a blob");
        assert_eq!((rows(&world, "upload"), rows(&world, "ended_upload")), (0, 2));
        assert_eq!(uploads(&world), 0);
    }
}

#[tokio::test]
async fn an_ended_session_stays_unknown_and_its_id_is_forgotten_once_it_has_expired() {
    let world = World::new().await;
    let digest = sha256(b"x");
    let [completed, wrong, empty, canceled] =
        [start(&world).await, start(&world).await, start(&world).await, begin(&world, &world.key).await.expect("a session")];
    world.installation.complete_upload_with(world.session(&completed), None, &mut Parts::of(&[b"x"]), &digest).await.expect("a blob");
    let other = &mut Parts::of(&[b"other"]);
    let refused = world.installation.complete_upload_with(world.session(&wrong), None, other, &digest).await;
    assert!(matches!(refused, Err(Error::LayerDigestMismatch { .. })));
    for id in [&empty, &canceled] {
        world.installation.cancel_upload(world.session(id)).await.expect("canceled");
    }
    let ids = [completed, wrong, empty, canceled];
    let all_unknown = async |world: &World| {
        for id in &ids {
            assert!(is_unknown(&world.installation.find_upload(world.session(id)).await));
            assert!(is_unknown(&append(world, id, Some(0), Parts::of(&[b"x"])).await));
            assert!(is_unknown(&world.installation.cancel_upload(world.session(id)).await));
        }
    };
    all_unknown(&world).await;
    let collection = Collection { grace: Duration::from_secs(24 * 60 * 60), dry_run: false };
    for (minutes, remembered) in [(0, 4), (49, 4), (3, 0)] {
        world.pass_seconds(minutes * 60);
        world.installation.collect_garbage(Collection { dry_run: true, ..collection }).await.expect("a dry run");
        world.installation.collect_garbage(collection).await.expect("a collection");
        assert_eq!(rows(&world, "ended_upload"), remembered);
        all_unknown(&world).await;
    }
    assert_eq!((rows(&world, "upload"), uploads(&world)), (0, 0));
}

#[tokio::test]
async fn an_id_without_bytes_expires_and_one_with_bytes_is_kept_as_long_as_its_session() {
    let world = World::new().await;
    let (empty, begun) = (start(&world).await, begin(&world, &world.key).await.expect("a session"));
    world.pass_seconds(51 * 60);
    let digest = sha256(b"x");
    assert!(is_unknown(&world.installation.find_upload(world.session(&empty)).await));
    assert!(is_unknown(&append(&world, &empty, None, Parts::of(&[b"x"])).await));
    assert!(is_unknown(&world.installation.complete_upload_with(world.session(&empty), None, &mut Parts::of(&[b"x"]), &digest).await));
    assert_eq!(append(&world, &begun, Some(1), Parts::of(&[b"y"])).await.expect("a part").received, 2);
    world.installation.complete_upload(world.session(&begun), &sha256(b"xy")).await.expect("a blob");
    // Nothing needs to be remembered about an id that has expired.
    assert_eq!(rows(&world, "ended_upload"), 0);
    assert!(is_unknown(&world.installation.find_upload(world.session(&begun)).await));
}

#[tokio::test]
async fn a_session_belongs_to_its_caller_and_repository_even_if_that_is_created_anew() {
    let world = World::new().await;
    let other = repository("other/app");
    world.installation.create_repository(&other).await.expect("a repository");
    let ann = Identity { user: Some("ann".to_owned()), ..world.caller.clone() };
    for has_bytes in [false, true] {
        let id = if has_bytes { begin(&world, &world.key).await.expect("a session") } else { start(&world).await };
        let mine = world.session(&id);
        for foreign in [SessionName { caller: &ann, ..mine }, SessionName { repository: &other, ..mine }, world.session("0")] {
            assert!(is_unknown(&world.installation.find_upload(foreign).await));
            assert!(is_unknown(&world.installation.append_upload(foreign, None, &mut Parts::of(&[b"x"])).await));
            assert!(is_unknown(&world.installation.cancel_upload(foreign).await));
            assert!(is_unknown(&world.installation.complete_upload(foreign, &sha256(b"")).await));
        }
        assert!(world.installation.find_upload(mine).await.is_ok());
        world.installation.delete_repository(&world.key, true).await.expect("deleted");
        assert!(matches!(world.installation.find_upload(mine).await, Err(Error::RepositoryNotFound { .. })));
        world.installation.create_repository(&world.key).await.expect("a repository");
        assert!(is_unknown(&world.installation.find_upload(mine).await));
    }
}

/// A session that was started by an earlier version, whose ids proved nothing.
#[tokio::test]
async fn a_session_of_an_earlier_version_goes_on() {
    let world = World::new().await;
    let id = begin(&world, &world.key).await.expect("a session");
    let earlier = "01234567-89ab-4def-8123-456789abcdef";
    let tables = world.metadata();
    let world = world.restart_after(|| tables.run(&format!("UPDATE upload SET id = '{earlier}' WHERE id = '{id}'"))).await;
    append(&world, earlier, Some(1), Parts::of(&[b"y"])).await.expect("a part");
    world.installation.complete_upload(world.session(earlier), &sha256(b"xy")).await.expect("a blob");
    assert!(is_unknown(&world.installation.find_upload(world.session(earlier)).await));
}

/// HTTP/2 drops a request when its client disconnects.
#[tokio::test]
async fn bytes_received_of_a_dropped_chunk_are_kept() {
    for (world, unit) in [(World::new().await, 1), (World::of_files().await, 1), (World::new().await, 300_000)] {
        let bytes: Vec<u8> = b"0123456789".iter().flat_map(|byte| vec![*byte; unit]).collect();
        let id = start(&world).await;
        append(&world, &id, Some(0), Parts::of(&[&bytes[..unit]])).await.expect("a part");
        let (send, body) = mpsc::unbounded_channel();
        let mut body = Sent(body);
        for part in bytes[unit..6 * unit].chunks(unit) {
            send.send(part.to_vec()).expect("a listener");
        }
        {
            let append = world.installation.append_upload(world.session(&id), Some(unit as u64), &mut body);
            let arrived = wait_for(&world, &id, 6 * unit as u64);
            tokio::select! {
                ended = append => panic!("{ended:?}"),
                () = arrived => {}
            }
        }
        let rest = async || append(&world, &id, Some(6 * unit as u64), Parts::of(&[&bytes[6 * unit..]])).await.ok();
        assert_eq!(eventually("the rest is appended", rest).await.received, 10 * unit as u64);
        let digest = sha256(&bytes);
        world.installation.complete_upload(world.session(&id), &digest).await.expect("a blob");
        assert!(world.content(&digest).await == bytes);
    }
}

#[tokio::test]
async fn a_dropped_completing_request_leaves_the_session_unchanged() {
    let world = World::of_files().await;
    let id = start(&world).await;
    append(&world, &id, Some(0), Parts::of(&[b"kept"])).await.expect("a part");
    let (send, body) = mpsc::unbounded_channel();
    let (mut body, digest) = (Sent(body), sha256(b"kept and closed"));
    (0..4).for_each(|_| send.send(vec![b'x'; 300_000]).expect("a listener"));
    let file = world.blobs().join("uploads").join(&id);
    let length = || std::fs::metadata(&file).expect("the file").len();
    {
        let close = world.installation.complete_upload_with(world.session(&id), None, &mut body, &digest);
        tokio::select! {
            ended = close => panic!("{ended:?}"),
            () = eventually("the file grows", async || (length() > 4).then_some(())) => {}
        }
    }
    eventually("the file is truncated", async || (length() == 4).then_some(())).await;
    let again = &mut Parts::of(&[b" and closed"]);
    world.installation.complete_upload_with(world.session(&id), None, again, &digest).await.expect("a blob");
    assert_eq!(world.content(&digest).await, b"kept and closed");
}

/// HTTP/2 drops a request when its client disconnects.
#[tokio::test]
async fn a_dropped_push_in_one_request_leaves_no_session() {
    let world = World::with(Limits { uploads_per_repository: 1, ..Limits::default() }).await;
    let (send, body) = mpsc::unbounded_channel();
    let digest = sha256(b"all");
    let mut body = Sent(body);
    (0..4).for_each(|_| send.send(vec![b'x'; 300_000]).expect("a listener"));
    {
        let push = world.installation.push_blob(&world.key, &digest, false, &mut body);
        tokio::select! {
            ended = push => panic!("{ended:?}"),
            () = eventually("the session has a file", async || (uploads(&world) == 1).then_some(())) => {}
        }
    }
    eventually("the session is canceled", async || begin(&world, &world.key).await.ok()).await;
    eventually("the file is deleted", async || (uploads(&world) == 0).then_some(())).await;
}
