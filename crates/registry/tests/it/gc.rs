//! Garbage collection.

use crate::support::{Parts, World, repository};
use roadstead_model::{Algorithm, Digest};
use roadstead_registry::{Collection, Error, Garbage};
use std::path::Path;
use std::time::Duration;

const DAY: i64 = 24 * 60 * 60;
const COLLECTION: Collection = Collection { grace: Duration::from_secs(DAY as u64), dry_run: false };

/// Every file below a folder.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    found
}

/// A world whose clock is ahead of the files' times, so that grace periods can pass.
async fn world() -> World {
    let world = World::new().await;
    world.pass_seconds(20 * 365 * DAY);
    world
}

#[tokio::test]
async fn what_a_manifest_needs_stays_and_what_nothing_needs_goes_after_the_grace_period() {
    let world = world().await;
    world.push_image("kept", &[]).await;
    let loose = world.push_blob(b"loose").await;
    let young = world.registry.collect_garbage(COLLECTION).await.expect("collected");
    assert_eq!(young, Garbage::default(), "everything is young");

    world.pass_seconds(DAY + 1);
    let dry = world.registry.collect_garbage(Collection { dry_run: true, ..COLLECTION }).await.expect("counted");
    let expected = Garbage { unused_blobs: 1, deleted_blobs: 1, bytes: 5, ..Garbage::default() };
    assert_eq!((dry, files(world.folder.path().join("blobs").as_path()).len()), (expected, 3), "a dry run removes nothing");
    assert_eq!(world.registry.collect_garbage(COLLECTION).await.expect("collected"), expected);
    assert!(matches!(world.registry.find_blob(&world.id, &world.name, &loose).await, Err(Error::LayerNotFound(_))));
    for kept in ["config kept", "layer kept"] {
        let digest = Digest::of(Algorithm::Sha256, kept.as_bytes());
        let blob = world.registry.find_blob(&world.id, &world.name, &digest).await.expect("still there");
        world.registry.open_blob(&blob).await.expect("with its bytes");
    }
    assert_eq!(files(world.folder.path().join("blobs").as_path()).len(), 2);
}

#[tokio::test]
async fn pushing_a_blob_again_gives_it_its_grace_again() {
    let world = world().await;
    let blob = world.push_blob(b"again").await;
    world.pass_seconds(DAY + 1);
    world.push_blob(b"again").await;
    assert_eq!(world.registry.collect_garbage(COLLECTION).await.expect("collected"), Garbage::default());
    assert!(world.registry.find_blob(&world.id, &world.name, &blob).await.is_ok());
}

#[tokio::test]
async fn deleting_an_image_brings_its_disk_back_but_not_what_another_repository_holds() {
    let world = world().await;
    let image = world.push_image("one", &["a"]).await;
    let layer = Digest::of(Algorithm::Sha256, b"layer one");
    let other = repository("other/app");
    world.registry.create_repository(&world.id, &other).await.expect("a repository");
    world.registry.delete_manifest(&world.id, &world.name, &image).await.expect("deleted");
    world.pass_seconds(DAY + 1);
    world.registry.mount_blob(&world.id, &other, &layer, Some((&world.id, &world.name)), false).await.expect("mounted");
    let found = world.registry.collect_garbage(COLLECTION).await.expect("collected");
    assert_eq!((found.unused_blobs, found.deleted_blobs), (2, 1));
    assert!(world.registry.find_blob(&world.id, &other, &layer).await.is_ok());
}

#[tokio::test]
async fn abandoned_uploads_and_files_that_no_row_names_are_removed() {
    let world = world().await;
    let upload = world.registry.start_upload(&world.id, &world.name, None, false).await.expect("a session");
    world.registry.append_upload(&world.id, &world.name, &upload.id, None, &mut Parts::of(&[b"half"])).await.expect("a part");
    let blobs = world.folder.path().join("blobs");
    std::fs::create_dir_all(blobs.join("sha256/ab")).expect("a folder");
    let orphan = format!("sha256/ab/{}.{}", "ab".repeat(32), upload.id);
    std::fs::write(blobs.join(&orphan), b"orphan").expect("a file");
    std::fs::write(blobs.join("sha256/ab/not-ours"), b"not ours").expect("a file");
    world.pass_seconds(DAY + 1);
    let found = world.registry.collect_garbage(COLLECTION).await.expect("collected");
    assert_eq!(found, Garbage { uploads: 1, orphans: 1, bytes: 10, ..Garbage::default() });
    assert_eq!(files(&blobs), ["not-ours"]);
    assert!(matches!(world.registry.find_upload(&world.id, &world.name, &upload.id).await, Err(Error::UploadNotFound { .. })));
}
