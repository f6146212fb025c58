//! Garbage collection.

use crate::support::{Parts, World, repository, sha256};
use roadstead_model::Digest;
use roadstead_registry::{Asker, BlobInfo, Collection, Error, Garbage, LayerPart};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

const DAY: i64 = 24 * 60 * 60;
const COLLECTION: Collection = Collection { grace: Duration::from_secs(DAY as u64), dry_run: false };

async fn collect(world: &World, collection: Collection) -> Garbage {
    world.installation.collect_garbage(collection).await.expect("collected")
}

/// The names of all files below a directory.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            found.extend(files(&entry.path()));
        } else if entry.file_name() != "installation" {
            found.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    found
}

/// Asks whether the repository holds a blob.
async fn look(world: &World, blob: &Digest, asker: Asker) -> Result<BlobInfo, Error> {
    world.installation.look_for_blob(&world.key, blob, async || Ok(asker)).await
}

/// A world of files whose clock is far ahead, so that the files are old.
async fn world() -> World {
    let world = World::of_files().await;
    world.pass_seconds(20 * 365 * DAY);
    world
}

#[tokio::test]
async fn unreferenced_blobs_are_collected_after_the_grace_period_and_referenced_ones_stay() {
    let world = world().await;
    world.push_image("kept", &[]).await;
    let loose = world.push_blob(b"loose").await;
    let young = collect(&world, COLLECTION).await;
    assert_eq!(young, Garbage::default(), "everything is younger than the grace period");

    world.pass_seconds(DAY + 1);
    let dry = collect(&world, Collection { dry_run: true, ..COLLECTION }).await;
    let expected = Garbage { unused_blobs: 1, deleted_blobs: 1, bytes: 5, ..Garbage::default() };
    assert_eq!((dry, files(&world.blobs()).len()), (expected, 3), "a dry run removes nothing");
    assert_eq!(collect(&world, COLLECTION).await, expected);
    assert!(matches!(world.installation.find_blob(&world.key, &loose).await, Err(Error::LayerNotFound(_))));
    assert_holds(&world, b"config kept").await;
    assert_holds(&world, b"layer kept").await;
    assert_eq!(files(&world.blobs()).len(), 2);
}

#[tokio::test]
async fn a_small_blob_has_no_file_and_is_collected_with_its_bytes() {
    let world = World::new().await;
    let loose = world.push_blob(b"loose").await;
    assert!(files(&world.blobs()).is_empty());
    world.pass_seconds(DAY + 1);
    let expected = Garbage { unused_blobs: 1, deleted_blobs: 1, bytes: 5, ..Garbage::default() };
    assert_eq!(collect(&world, COLLECTION).await, expected);
    assert!(matches!(world.installation.find_blob(&world.key, &loose).await, Err(Error::LayerNotFound(_))));
    world.push_blob(b"loose").await;
    assert_holds(&world, b"loose").await;
}

#[tokio::test]
async fn pushing_a_blob_again_restarts_its_grace_period() {
    let world = world().await;
    let blob = world.push_blob(b"again").await;
    world.pass_seconds(DAY + 1);
    world.push_blob(b"again").await;
    assert_eq!(collect(&world, COLLECTION).await, Garbage::default());
    assert!(world.installation.find_blob(&world.key, &blob).await.is_ok());
}

#[tokio::test]
async fn deleting_an_image_frees_its_blobs_except_those_of_other_repositories() {
    let world = world().await;
    let image = world.push_image("one", &["a"]).await;
    let layer = sha256(b"layer one");
    let other = repository("other/app");
    world.installation.create_repository(&other).await.expect("a repository");
    world.installation.delete_manifest(&world.key, &image).await.expect("deleted");
    world.pass_seconds(DAY + 1);
    world.installation.mount_blob(&other, &layer, Some(&world.key), false).await.expect("mounted");
    let found = collect(&world, COLLECTION).await;
    assert_eq!((found.unused_blobs, found.deleted_blobs), (2, 1));
    assert!(world.installation.find_blob(&other, &layer).await.is_ok());
}

#[tokio::test]
async fn abandoned_uploads_and_files_that_no_row_names_are_removed() {
    let world = world().await;
    let upload = world.installation.start_upload(&world.key, &world.caller, None, false).await.expect("a session");
    world.installation.append_upload(world.session(&upload.id), None, &mut Parts::of(&[b"half"])).await.expect("a part");
    let blobs = world.blobs();
    std::fs::create_dir_all(blobs.join("sha256/ab")).expect("a directory");
    let orphan = format!("sha256/ab/{}.{}", "ab".repeat(32), upload.id);
    std::fs::write(blobs.join(&orphan), b"orphan").expect("a file");
    for foreign in ["sha256/ab/not-ours", "sha256/neither"] {
        std::fs::write(blobs.join(foreign), b"not ours").expect("a file");
    }
    world.pass_seconds(DAY + 1);
    let found = collect(&world, COLLECTION).await;
    assert_eq!(found, Garbage { uploads: 1, orphans: 1, bytes: 10, ..Garbage::default() });
    assert_eq!(files(&blobs), ["neither", "not-ours"]);
    assert!(matches!(world.installation.find_upload(world.session(&upload.id)).await, Err(Error::UploadNotFound { .. })));
}

#[tokio::test]
async fn a_pusher_that_asks_for_a_blob_can_rely_on_the_answer() {
    let world = world().await;
    let blob = world.push_blob(b"layer one").await;
    world.pass_seconds(DAY + 1);
    look(&world, &blob, Asker::Pusher).await.expect("it is there");
    assert_eq!(collect(&world, COLLECTION).await, Garbage::default());
    world.pass_seconds(DAY + 1);
    let layers = world.installation.find_layers(&world.key, std::slice::from_ref(&blob), Asker::Pusher).await.expect("an answer");
    assert!(matches!(layers.as_slice(), [Some(_)]));
    assert_eq!(collect(&world, COLLECTION).await, Garbage::default());
    world.pass_seconds(DAY + 1);
    world.installation.find_blob(&world.key, &blob).await.expect("reading promises nothing");
    assert_eq!(collect(&world, COLLECTION).await.deleted_blobs, 1);
    assert!(matches!(look(&world, &blob, Asker::Pusher).await, Err(Error::LayerNotFound(_))));
}

#[tokio::test]
async fn a_layer_that_an_upload_was_told_to_exist_is_kept_for_its_push() {
    let world = world().await;
    let (installation, key) = (&world.installation, &world.key);
    let layer = world.push_blob(b"layer one").await;
    world.pass_seconds(DAY + 1);
    let upload = installation.start_layer_upload(key, &world.caller).await.expect("a session");
    let part = LayerPart { first_byte: 0, last_byte: 8, bytes: "layer one".into() };
    installation.append_layer_part(world.session(&upload.id), part).await.expect("a part");
    let completed = installation.complete_layer_upload(world.session(&upload.id), &[layer]).await;
    assert!(matches!(completed, Err(Error::LayerExists { .. })));
    assert_eq!(collect(&world, COLLECTION).await, Garbage::default());
}

#[tokio::test]
async fn a_blob_that_may_be_collected_soon_is_missing_for_other_askers() {
    let world = world().await;
    let blob = world.push_blob(b"layer one").await;
    let half = Duration::from_secs(DAY as u64 / 2);
    let lasting = async || look(&world, &blob, Asker::Other(half)).await;
    world.pass_seconds(DAY / 2 - 1);
    lasting().await.expect("it stays for another half of a day");
    world.pass_seconds(2);
    assert!(matches!(lasting().await, Err(Error::LayerNotFound(_))));
    world.push_image("one", &["a"]).await;
    world.pass_seconds(2 * DAY);
    lasting().await.expect("an image needs it");
}

#[tokio::test]
async fn the_grace_period_of_the_blobs_of_an_image_begins_when_the_image_is_deleted() {
    let world = world().await;
    let image = world.push_image("one", &["a"]).await;
    world.pass_seconds(DAY + 1);
    world.installation.delete_manifest(&world.key, &image).await.expect("deleted");
    assert_eq!(collect(&world, COLLECTION).await, Garbage::default());
    world.pass_seconds(DAY + 1);
    assert_eq!(collect(&world, COLLECTION).await.deleted_blobs, 2);
}

/// Sets the clock of a world to the system's time.
async fn present(world: World) -> World {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a time after 1970").as_secs();
    world.pass_seconds(since_epoch as i64 - world.installation.now().seconds());
    world
}

const AT_ONCE: Collection = Collection { grace: Duration::ZERO, dry_run: false };

#[tokio::test]
async fn an_upload_in_flight_is_safe_from_the_collection_of_another_process_without_grace() {
    let world = present(World::of_files().await).await;
    let upload = world.installation.start_upload(&world.key, &world.caller, None, false).await.expect("a session");
    world.installation.append_upload(world.session(&upload.id), None, &mut Parts::of(&[b"half"])).await.expect("a part");
    let file = world.blobs().join("uploads").join(&upload.id);
    world.pass_seconds(2 * DAY);
    let written = |time| std::fs::File::options().write(true).open(&file).expect("a file").set_modified(time).expect("a time");
    written(SystemTime::now() + Duration::from_secs(2 * DAY as u64));
    let beside = world.beside().await;
    assert_eq!(beside.collect_garbage(AT_ONCE).await.expect("collected"), Garbage::default());

    // The age of the stored blob starts at zero, however old the file of its session is.
    written(SystemTime::UNIX_EPOCH);
    let digest = sha256(b"half");
    world.installation.complete_upload(world.session(&upload.id), &digest).await.expect("a blob");
    let folder = world.blobs().join("sha256").join(&digest.hex()[..2]);
    let kept = std::fs::metadata(folder.join(format!("{}.{}", digest.hex(), upload.id))).expect("the stored blob");
    assert!(kept.modified().expect("a time") > SystemTime::UNIX_EPOCH + Duration::from_secs(DAY as u64));
}

#[tokio::test]
async fn a_file_without_a_row_is_kept_for_an_hour_whatever_the_grace() {
    let world = present(World::of_files().await).await;
    let folder = world.blobs().join("sha256/ab");
    std::fs::create_dir_all(&folder).expect("a directory");
    std::fs::write(folder.join(format!("{}.upload", "ab".repeat(32))), b"on its way").expect("a file");
    world.pass_seconds(3500);
    assert_eq!(collect(&world, AT_ONCE).await, Garbage::default());
    world.pass_seconds(200);
    assert_eq!(collect(&world, AT_ONCE).await.orphans, 1);
}

/// Without a grace period a blob may be collected before its manifest is pushed, and the push fails. Accepted images stay whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn pushes_by_three_servers_that_race_two_collections_never_lose_a_blob() {
    race(present(World::of_files().await).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn pushes_of_small_blobs_by_three_servers_that_race_two_collections_never_lose_one() {
    race(present(World::new().await).await).await;
}

/// Three servers push while two of them collect.
async fn race(world: World) {
    let worlds = [world.replica().await, world.replica().await, world].map(Arc::new);
    let done = Arc::new(AtomicBool::new(false));
    let collectors: Vec<_> = worlds[1..].iter().map(|world| tokio::spawn(collect_until(world.clone(), done.clone()))).collect();
    let pushers: Vec<_> = worlds.iter().enumerate().map(|(pusher, world)| tokio::spawn(push_and_delete(world.clone(), pusher))).collect();
    for pusher in pushers {
        pusher.await.expect("nothing was lost");
    }
    done.store(true, Ordering::Relaxed);
    let mut deleted = 0;
    for collector in collectors {
        deleted += collector.await.expect("no collection failed");
    }
    assert!(deleted > 0, "the collectors had nothing to do");
}

/// Collects garbage again and again, and returns how many blobs that deleted.
async fn collect_until(world: Arc<World>, done: Arc<AtomicBool>) -> u64 {
    let mut deleted = 0;
    while !done.load(Ordering::Relaxed) {
        world.pass_seconds(1);
        deleted += collect(&world, AT_ONCE).await.deleted_blobs;
    }
    deleted
}

/// Pushes images that share a layer with all other images, checks each, and deletes every other one.
async fn push_and_delete(world: Arc<World>, pusher: usize) {
    let mut kept = Vec::new();
    for number in 0..25 {
        let seed = format!("{pusher} {number}");
        let mut accepted = None;
        // If a collection has deleted the blobs just pushed, push again, as a client does after a 404.
        for _ in 0..1000 {
            match world.try_push_image(&seed, b"a layer of all", &[]).await {
                Ok(put) => accepted = Some(put.digest),
                Err(Error::LayersNotFound { .. }) => continue,
                Err(error) => panic!("{error}"),
            }
            break;
        }
        let digest = accepted.expect("accepted in the end");
        assert_whole(&world, &seed).await;
        if number % 2 == 0 {
            world.installation.delete_manifest(&world.key, &digest).await.expect("deleted");
        } else {
            kept.push(seed);
        }
    }
    for seed in kept {
        assert_whole(&world, &seed).await;
    }
}

async fn assert_whole(world: &World, seed: &str) {
    for bytes in [format!("config {seed}").as_bytes(), b"a layer of all"] {
        assert_holds(world, bytes).await;
    }
}

async fn assert_holds(world: &World, bytes: &[u8]) {
    assert_eq!(world.content(&sha256(bytes)).await, bytes);
}
