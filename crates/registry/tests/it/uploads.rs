//! Upload sessions.

use crate::support::{Parts, World, repository};
use roadstead_model::{Algorithm, Digest};
use roadstead_registry::{Error, Upload};

async fn start(world: &World) -> String {
    world.registry.start_upload(&world.id, &world.name, None, false).await.expect("a session").id
}

async fn append(world: &World, id: &str, at: Option<u64>, mut parts: Parts) -> Result<Upload, Error> {
    world.registry.append_upload(&world.id, &world.name, id, at, &mut parts).await
}

async fn content(world: &World, digest: &Digest) -> Vec<u8> {
    let blob = world.registry.find_blob(&world.id, &world.name, digest).await.expect("a blob");
    let reader = world.registry.open_blob(&blob).await.expect("a reader");
    reader.read(0, usize::try_from(blob.size).expect("a small blob")).await.expect("its bytes").to_vec()
}

#[tokio::test]
async fn parts_become_a_blob_also_across_a_restart() {
    for world in [World::new().await, World::of_files().await] {
        let id = start(&world).await;
        assert_eq!(append(&world, &id, Some(0), Parts::of(&[b"hello ", b"wide "])).await.expect("a part").received, 11);
        let world = world.restart().await;
        assert_eq!(world.registry.find_upload(&world.id, &world.name, &id).await.expect("the session").received, 11);
        append(&world, &id, Some(11), Parts::of(&[b"world"])).await.expect("a part");
        let digest = Digest::of(Algorithm::Sha256, b"hello wide world");
        let blob = world.registry.complete_upload(&world.id, &world.name, &id, &digest).await.expect("a blob");
        assert_eq!((blob.size, content(&world, &digest).await), (16, b"hello wide world".to_vec()));
        assert!(matches!(world.registry.find_upload(&world.id, &world.name, &id).await, Err(Error::UploadNotFound { .. })));
    }
}

/// A session lies in its row until it is too large for that, and then in a file, whichever request it outgrows the row in.
#[tokio::test]
async fn a_session_that_outgrows_the_metadata_goes_on_in_a_file() {
    let world = World::new().await;
    let bytes: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    let small = 16 << 10;
    for ends in [[1, small], [small, small + 1], [small - 1, 300_000], [20, 20]] {
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let [first, second] = ends.map(|end| &bytes[..end]);
            let id = start(&world).await;
            append(&world, &id, Some(0), Parts::of(&[first])).await.expect("a part");
            let file = world.folder.path().join("blobs/uploads").join(&id);
            assert!(!file.exists());
            append(&world, &id, None, Parts::of(&[&second[first.len()..]])).await.expect("a part");
            assert_eq!(file.exists(), second.len() > small);
            let digest = Digest::of(algorithm, &bytes);
            let rest = &mut Parts::of(&[&bytes[second.len()..]]);
            let (registry, name) = (&world.id, &world.name);
            world.registry.complete_upload_with(registry, name, &id, None, rest, &digest).await.expect("a blob");
            assert!(!file.exists() && content(&world, &digest).await == bytes);
        }
    }
}

/// Large enough that the disk is set to work on it before its end.
#[tokio::test]
async fn a_large_layer_in_two_parts_is_stored_whole() {
    let world = World::new().await;
    let bytes: Vec<u8> = (0..10_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let (first, second) = bytes.split_at(20_000_001);
    let in_pieces = |bytes: &[u8]| Parts::of(&bytes.chunks(100_000).collect::<Vec<_>>());
    let id = start(&world).await;
    append(&world, &id, Some(0), in_pieces(first)).await.expect("a part");
    let digest = Digest::of(Algorithm::Sha256, &bytes);
    let (registry, name) = (&world.id, &world.name);
    world.registry.complete_upload_with(registry, name, &id, None, &mut in_pieces(second), &digest).await.expect("a blob");
    assert!(content(&world, &digest).await == bytes);
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
        let digest = Digest::of(Algorithm::Sha256, b"12345678");
        assert!(world.registry.complete_upload(&world.id, &world.name, &id, &digest).await.is_ok());
    }
}

#[tokio::test]
async fn what_arrived_before_a_connection_failed_is_kept() {
    for world in [World::new().await, World::of_files().await] {
        let id = start(&world).await;
        let failed = append(&world, &id, None, Parts::of(&[b"first half, "]).then_fails()).await;
        assert!(matches!(failed, Err(Error::BodyIncomplete)));
        assert_eq!(world.registry.find_upload(&world.id, &world.name, &id).await.expect("the session").received, 12);
        append(&world, &id, Some(12), Parts::of(&[b"second half"])).await.expect("a part");
        let digest = Digest::of(Algorithm::Sha256, b"first half, second half");
        assert!(world.registry.complete_upload(&world.id, &world.name, &id, &digest).await.is_ok());
    }
}

#[tokio::test]
async fn content_of_another_digest_is_refused_and_nothing_is_stored() {
    for world in [World::new().await, World::of_files().await] {
        let id = start(&world).await;
        append(&world, &id, None, Parts::of(&[b"bytes"])).await.expect("a part");
        let other = Digest::of(Algorithm::Sha256, b"other bytes");
        let refused = world.registry.complete_upload(&world.id, &world.name, &id, &other).await;
        assert!(matches!(refused, Err(Error::LayerDigestMismatch { .. })));
        assert!(matches!(world.registry.find_blob(&world.id, &world.name, &other).await, Err(Error::LayerNotFound(_))));
        assert_eq!(std::fs::read_dir(world.folder.path().join("blobs/uploads")).expect("the folder").count(), 0, "no file is left behind");
    }
}

#[tokio::test]
async fn an_unannounced_sha512_and_an_empty_blob_are_stored() {
    for world in [World::new().await, World::of_files().await] {
        let id = start(&world).await;
        append(&world, &id, None, Parts::of(&[b"bytes"])).await.expect("a part");
        let digest = Digest::of(Algorithm::Sha512, b"bytes");
        world.registry.complete_upload(&world.id, &world.name, &id, &digest).await.expect("a blob");
        assert_eq!(content(&world, &digest).await, b"bytes");

        let id = start(&world).await;
        let empty = Digest::of(Algorithm::Sha256, b"");
        assert_eq!(world.registry.complete_upload(&world.id, &world.name, &id, &empty).await.expect("a blob").size, 0);
        assert_eq!(content(&world, &empty).await, b"");
    }
}

#[tokio::test]
async fn the_same_bytes_are_stored_once_and_belong_to_both_repositories() {
    let world = World::of_files().await;
    let digest = world.push_blob(b"shared").await;
    let other = repository("other/app");
    world.registry.create_repository(&world.id, &other).await.expect("a repository");
    assert!(matches!(world.registry.find_blob(&world.id, &other, &digest).await, Err(Error::LayerNotFound(_))));
    let mounted = world.registry.mount_blob(&world.id, &other, &digest, Some((&world.id, &world.name)), false).await;
    assert!(mounted.expect("an answer"));
    assert!(world.registry.find_blob(&world.id, &other, &digest).await.is_ok());
    world.push_blob(b"shared").await;
    let folder = world.folder.path().join(format!("blobs/sha256/{}", &digest.hex()[..2]));
    assert_eq!(std::fs::read_dir(folder).expect("the folder").count(), 1);
    let absent = Digest::of(Algorithm::Sha256, b"absent");
    assert!(!world.registry.mount_blob(&world.id, &other, &absent, None, false).await.expect("an answer"));
}

#[tokio::test]
async fn a_blob_that_a_manifest_needs_cannot_be_deleted() {
    let world = World::new().await;
    world.push_image("one", &["a"]).await;
    let layer = Digest::of(Algorithm::Sha256, b"layer one");
    assert!(matches!(world.registry.delete_blob(&world.id, &world.name, &layer).await, Err(Error::StillNeeded { .. })));
    let loose = world.push_blob(b"loose").await;
    world.registry.delete_blob(&world.id, &world.name, &loose).await.expect("deleted");
    assert!(matches!(world.registry.delete_blob(&world.id, &world.name, &loose).await, Err(Error::LayerNotFound(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_writers_one_wins_and_the_session_stays_whole() {
    let world = World::new().await;
    let id = start(&world).await;
    let part = vec![b'x'; 3 << 20];
    let mut tasks = Vec::new();
    for _ in 0..4 {
        let (registry, registry_id, name, id, part) =
            (world.registry.clone(), world.id.clone(), world.name.clone(), id.clone(), part.clone());
        tasks.push(tokio::spawn(async move {
            registry.append_upload(&registry_id, &name, &id, Some(0), &mut Parts::of(&[&part])).await.is_ok()
        }));
    }
    let mut won = 0;
    for task in tasks {
        won += usize::from(task.await.expect("no panic"));
    }
    assert_eq!(won, 1);
    let digest = Digest::of(Algorithm::Sha256, &part);
    assert!(world.registry.complete_upload(&world.id, &world.name, &id, &digest).await.is_ok());
}

/// Between storing a blob and noting it lies a moment in which the process can end, or the client leave.
#[tokio::test]
async fn a_session_that_was_stored_but_not_noted_is_completed_all_the_same() {
    let world = World::of_files().await;
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        let id = start(&world).await;
        append(&world, &id, Some(0), Parts::of(&[b"stored"])).await.expect("a part");
        let digest = Digest::of(algorithm, b"stored");
        let blobs = world.folder.path().join("blobs");
        let folder = blobs.join(algorithm.as_str()).join(&digest.hex()[..2]);
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::rename(blobs.join("uploads").join(&id), folder.join(format!("{}.{id}", digest.hex()))).expect("the stored file");
        world.registry.complete_upload(&world.id, &world.name, &id, &digest).await.expect("a blob");
        assert_eq!(content(&world, &digest).await, b"stored");
    }
}

#[tokio::test]
async fn a_closing_body_ends_a_session_and_what_arrives_of_a_broken_one_is_kept() {
    for world in [World::new().await, World::of_files().await] {
        let (registry, id, name) = (&world.registry, &world.id, &world.name);
        let digest = Digest::of(Algorithm::Sha256, b"first half, second half");
        let whole = start(&world).await;
        let parts = &mut Parts::of(&[b"first half, ", b"second half"]);
        let blob = registry.complete_upload_with(id, name, &whole, Some(0), parts, &digest).await.expect("a blob");
        assert_eq!((blob.size, content(&world, &digest).await), (23, b"first half, second half".to_vec()));

        let halves = start(&world).await;
        let broken = &mut Parts::of(&[b"first ", b"half, "]).then_fails();
        let refused = registry.complete_upload_with(id, name, &halves, None, broken, &digest).await;
        assert!(matches!(refused, Err(Error::BodyIncomplete)));
        let misplaced = registry.complete_upload_with(id, name, &halves, Some(0), &mut Parts::of(&[b"x"]), &digest).await;
        assert!(matches!(misplaced, Err(Error::LayerPartInvalid { received: 12, .. })));
        let rest = &mut Parts::of(&[b"second half"]);
        assert_eq!(registry.complete_upload_with(id, name, &halves, Some(12), rest, &digest).await.expect("a blob").size, 23);

        let wrong = start(&world).await;
        let refused = registry.complete_upload_with(id, name, &wrong, None, &mut Parts::of(&[b"other"]), &digest).await;
        assert!(matches!(refused, Err(Error::LayerDigestMismatch { .. })));
        assert!(matches!(registry.find_upload(id, name, &wrong).await, Err(Error::UploadNotFound { .. })));
    }
}
