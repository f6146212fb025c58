//! Backups, and restoring them.

use crate::support::database::{Database, KEY, Tables};
use crate::support::{World, sha256, tag};
use futures_util::FutureExt;
use roadstead_model::Reference;
use roadstead_registry::{
    Backup, BackupOptions, BackupPlace, Copied, Error, Installation, OpenOptions, Progress, Result, Side, Task, Transfer, VerifyOptions,
};
use serde_json::Value;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;

/// Does something when blobs have been copied.
struct During<F: Fn() + Send + Sync>(F);

impl<F: Fn() + Send + Sync> Progress for During<F> {
    fn copied(&self, copied: &Copied, _: u64) {
        if copied.table == "blob" && copied.rows > 0 {
            (self.0)();
        }
    }

    fn compared(&self, _: &'static str, _: u64) {}
}

/// Goes on whatever is damaged.
struct Tolerant;

impl Progress for Tolerant {
    fn copied(&self, _: &Copied, _: u64) {}

    fn compared(&self, _: &'static str, _: u64) {}

    fn damaged(&self, _: &Error) -> bool {
        true
    }
}

const SILENT: During<fn()> = During(|| ());

/// A folder on another file system than that of the data, where blobs cannot be linked, and its place of backups.
fn elsewhere() -> (TempDir, BackupPlace) {
    let folder = tempfile::tempdir_in("/dev/shm").expect("a folder in memory");
    let place = BackupPlace::Directory(folder.path().join("backup"));
    (folder, place)
}

async fn back_up(world: &World, place: &BackupPlace) -> Result<Backup> {
    let command = world.beside().await;
    let backup = command.back_up(place, BackupOptions::default(), &SILENT).await;
    command.close().await;
    backup
}

/// Restores the last snapshot to the place of these options.
async fn restore(place: &BackupPlace, to: &OpenOptions, progress: &dyn Progress) -> std::result::Result<(), String> {
    restore_snapshot(place, None, to, progress).await
}

async fn restore_snapshot(
    place: &BackupPlace,
    name: Option<&str>,
    to: &OpenOptions,
    progress: &dyn Progress,
) -> std::result::Result<(), String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let source = Side::of_backup(place, name, to).await.map_err(|error| text(&error))?;
    let target = Side::target(to, &source).await.map_err(|error| text(&error))?;
    let restored = match Transfer::new(source.clone(), target.clone()).await {
        Ok(transfer) => transfer.run(progress).await.map(drop),
        Err(error) => Err(error),
    };
    source.close().await;
    target.close().await;
    restored.map_err(|error| text(&error))
}

/// An empty place of the kind that the tests run on.
async fn target() -> (TempDir, Database) {
    (tempfile::tempdir().expect("a folder"), Database::new().await)
}

async fn refusal(place: &BackupPlace, options: &OpenOptions) -> String {
    restore(place, options, &SILENT).await.expect_err("it is restored")
}

/// Fails unless the images of these numbers, and no others, are whole.
async fn assert_images(world: &World, installation: &Installation, numbers: std::ops::Range<u32>) {
    for number in numbers.clone() {
        installation.get_manifest(&world.key, &Reference::Tag(tag(&format!("v{number}")))).await.expect("a manifest");
        for content in [format!("config {number}"), format!("layer {number}")] {
            let blob = installation.find_blob(&world.key, &sha256(content.as_bytes())).await.expect("a blob");
            let reader = installation.open_blob(&blob).await.expect("its bytes");
            assert_eq!(reader.read(0, content.len()).await.expect("readable"), content.as_bytes());
        }
    }
    assert!(installation.get_manifest(&world.key, &Reference::Tag(tag(&format!("v{}", numbers.end)))).await.is_err());
}

async fn push(world: &World, numbers: std::ops::Range<u32>) {
    for number in numbers {
        world.push_image(&number.to_string(), &[&format!("v{number}")]).await;
    }
}

fn file_of(root: &Path, content: &[u8]) -> PathBuf {
    let digest = sha256(content);
    let folder = root.join("sha256").join(&digest.hex()[..2]);
    let mut files = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    files.find(|path| path.to_string_lossy().contains(digest.hex())).expect("its file")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_beside_a_server_has_the_state_at_its_beginning_and_the_next_one_copies_what_is_new() {
    let (_folder, place) = elsewhere();
    let world = World::of_files().await;
    push(&world, 0..20).await;
    let first = back_up(&world, &place).await.expect("a backup");
    assert_eq!((first.new_blobs, first.snapshot.images, first.snapshot.tags, first.damaged), (40, 20, 20, 0));
    world.pass_seconds(60);
    push(&world, 20..25).await;
    let second = back_up(&world, &place).await.expect("a backup");
    assert_eq!((second.new_blobs, second.snapshot.blobs), (10, 50));
    let names: Vec<_> = place.snapshots().await.expect("snapshots").into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, [first.name, second.name]);

    let (folder, database) = target().await;
    restore(&place, &database.options(folder.path()), &SILENT).await.expect("a restored installation");
    let restored = Installation::open(database.options(folder.path())).await.expect("an installation");
    assert_images(&world, &restored, 0..25).await;
    assert_eq!(restored.id(), world.installation.id());
    restored.close().await;
    drop(restored);
    let text = refusal(&place, &database.options(folder.path())).await;
    assert!(text.contains("the target is not empty"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn blobs_on_the_same_file_system_are_linked_and_restored_by_copying() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = BackupPlace::Directory(folder.path().join("backup"));
    let world = World::of_files().await;
    push(&world, 0..3).await;
    back_up(&world, &place).await.expect("a backup");
    let inode = |path: &Path| std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(path).expect("a file"));
    let [data, backup] = [&world.blobs(), &folder.path().join("backup")].map(|root| file_of(root, b"layer 1"));
    assert_eq!(inode(&data), inode(&backup));
    let (to, database) = target().await;
    restore(&place, &database.options(to.path()), &SILENT).await.expect("a restored installation");
    assert_ne!(inode(&file_of(&to.path().join("blobs"), b"layer 1")), inode(&backup));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_was_killed_is_none_and_the_next_one_continues_it() {
    let (_folder, place) = elsewhere();
    let world = World::of_files().await;
    push(&world, 0..300).await;
    let killed = {
        let (command, place) = (world.beside().await, place.clone());
        let killed = During(|| panic!("killed"));
        AssertUnwindSafe(command.back_up(&place, BackupOptions::default(), &killed)).catch_unwind().await
    };
    assert!(killed.is_err());
    let (folder, database) = target().await;
    let text = refusal(&place, &database.options(folder.path())).await;
    assert!(text.starts_with("cannot use the backup: there is no complete backup in "), "{text}");
    let backup = back_up(&world, &place).await.expect("a backup");
    assert_eq!(backup.snapshot.blobs, 600);
    assert!((1..600).contains(&backup.new_blobs), "{}", backup.new_blobs);
    restore(&place, &database.options(folder.path()), &SILENT).await.expect("a restored installation");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_garbage_is_collected_while_a_backup_is_made() {
    let (_folder, place) = elsewhere();
    let world = World::of_files().await;
    push(&world, 0..3).await;
    let (server, refused) = (world.installation.clone(), AtomicU64::new(0));
    let try_to_collect = During(|| {
        let lead = || {
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(server.lead(Task::Collection))
        };
        let lease = std::thread::scope(|scope| scope.spawn(lead).join().expect("a thread"));
        refused.fetch_add(u64::from(lease.expect("an answer").is_none()), Ordering::Relaxed);
    });
    world.beside().await.back_up(&place, BackupOptions::default(), &try_to_collect).await.expect("a backup");
    assert!(refused.into_inner() > 0);
    assert!(world.installation.lead(Task::Collection).await.expect("an answer").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_snapshots_are_kept_with_all_that_they_need() {
    let (folder, place) = elsewhere();
    let world = World::of_files().await;
    push(&world, 0..2).await;
    back_up(&world, &place).await.expect("a backup");
    let root = folder.path().join("backup");
    assert!(file_of(&root, b"layer 0").is_file());
    world.metadata().run(
        "CREATE TABLE image AS SELECT manifest_id FROM tag WHERE name = 'v0';
        CREATE TABLE gone AS SELECT blob_id FROM manifest_blob WHERE manifest_id IN (SELECT manifest_id FROM image);
        DELETE FROM tag WHERE name = 'v0';
        DELETE FROM manifest_blob WHERE manifest_id IN (SELECT manifest_id FROM image);
        DELETE FROM repository_blob WHERE blob_id IN (SELECT blob_id FROM gone);
        DELETE FROM blob WHERE id IN (SELECT blob_id FROM gone);
        DROP TABLE gone; DROP TABLE image",
    );
    let keep = BackupOptions { keep: Some(2), ..BackupOptions::default() };
    for deleted in [(0, 0), (1, 5)] {
        world.pass_seconds(60);
        let backup = world.beside().await.back_up(&place, keep, &SILENT).await.expect("a backup");
        // Two layers that no snapshot needs any more, and both databases and the list of the one that was deleted.
        assert_eq!((backup.deleted_snapshots, backup.deleted_blobs), deleted);
    }
    assert_eq!(place.snapshots().await.expect("snapshots").len(), 2);
    assert!(file_of(&root, b"layer 1").is_file());
    let (to, database) = target().await;
    restore(&place, &database.options(to.path()), &SILENT).await.expect("a restored installation");
    assert!(file_of(&to.path().join("blobs"), b"layer 1").is_file());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_damaged_is_named_and_left_out_of_backups_unless_an_earlier_one_has_it() {
    let (folder, place) = elsewhere();
    let world = World::of_files().await;
    push(&world, 0..2).await;
    std::fs::write(file_of(&world.blobs(), b"layer 1"), b"layer X").expect("a change");
    let backup = back_up(&world, &place).await.expect("a backup");
    let digest = sha256(b"layer 1");
    let named = format!("the blob {digest} of {}/{}:v1 has other content than its digest says", world.key.registry, world.key.name);
    assert_eq!((backup.damaged, backup.snapshot.damaged), (1, vec![named.clone()]));
    let (to, database) = target().await;
    let text = refusal(&place, &database.options(to.path())).await;
    assert!(text.starts_with(&format!("the blob {digest} of ")) && text.contains(" is not in the store"), "{text}");
    restore(&place, &database.options(to.path()), &Tolerant).await.expect("the rest");
    let restored = Installation::open(database.options(to.path())).await.expect("an installation");
    for (digest, is_whole) in [(sha256(b"layer 0"), true), (digest, false)] {
        let blob = restored.find_blob(&world.key, &digest).await.expect("a row");
        assert_eq!(restored.open_blob(&blob).await.is_ok(), is_whole);
    }
    restored.close().await;

    std::fs::write(file_of(&world.blobs(), b"layer 1"), b"layer 1").expect("a repair");
    world.pass_seconds(60);
    assert_eq!(back_up(&world, &place).await.expect("a backup").new_blobs, 1);
    std::fs::remove_file(file_of(&world.blobs(), b"layer 1")).expect("a loss");
    world.pass_seconds(60);
    let backup = back_up(&world, &place).await.expect("a backup");
    assert_eq!((backup.damaged, backup.new_blobs), (0, 0), "the place has it");
    drop(folder);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_needs_its_own_master_key() {
    let (_folder, place) = elsewhere();
    let world = World::of_files().await;
    let without = BackupOptions { without_master_key: true, ..BackupOptions::default() };
    world.beside().await.back_up(&place, without, &SILENT).await.expect("a backup");
    let (to, database) = target().await;
    let options = OpenOptions { master_key: None, ..database.options(to.path()) };
    let text = refusal(&place, &options).await;
    assert!(text.ends_with("it was made without the master key: give that key by ROADSTEAD_MASTER_KEY or --master-key-file"), "{text}");
    let text = refusal(&place, &OpenOptions { master_key: Some([9; 32]), ..options.clone() }).await;
    assert!(text.contains("the master key does not match this data"), "{text}");
    let own = std::fs::read_to_string(world.folder.path().join("master.key"));
    let key = own.map_or(KEY, |text| hex::decode(text.trim()).expect("a key").try_into().expect("32 bytes"));
    restore(&place, &OpenOptions { master_key: Some(key), ..options }, &SILENT).await.expect("a restored installation");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_of_backups_is_used_for_nothing_else() {
    let (folder, place) = elsewhere();
    let world = World::of_files().await;
    back_up(&world, &place).await.expect("a backup");
    let other = World::of_files().await;
    let refused = async |place: BackupPlace| match back_up(&other, &place).await {
        Err(Error::Refused(text)) => text,
        other => panic!("{other:?}"),
    };
    let text = refused(place.clone()).await;
    assert!(text.contains("has the backups of another installation"), "{text}");
    let text = refused(BackupPlace::Directory(folder.path().to_owned())).await;
    assert!(text.contains("has other files"), "{text}");
    let Err(error) = Installation::open(OpenOptions::new(folder.path().join("backup"))).await else { panic!("it is served") };
    assert!(error.to_string().contains("holds backups"), "{error}");
    let data = tempfile::tempdir().expect("a folder");
    Installation::open(OpenOptions::new(data.path())).await.expect("an installation").close().await;
    let text = refused(BackupPlace::Directory(data.path().to_owned())).await;
    assert!(text.contains("is a data directory"), "{text}");
    let below_a_file = data.path().join("master.key/backups");
    let text = refused(BackupPlace::Directory(below_a_file.clone())).await;
    assert!(text.starts_with(&format!("cannot write to '{}': ", below_a_file.display())), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_database_and_a_newer_schema_are_refused() {
    let (folder, place) = elsewhere();
    let world = World::of_files().await;
    back_up(&world, &place).await.expect("a backup");
    let root = folder.path().join("backup");
    let record = std::fs::read_dir(root.join("snapshots")).expect("a folder").next().expect("a record").expect("an entry").path();
    let mut content: Value = serde_json::from_slice(&std::fs::read(&record).expect("a record")).expect("JSON");
    let database = root.join(content["metadata"]["key"].as_str().expect("a key"));
    let (to, target) = target().await;

    Tables::File(database.clone()).run("INSERT INTO schema_version (version) VALUES (1000)");
    let text = refusal(&place, &target.options(to.path())).await;
    assert!(text.starts_with("cannot use the backup: one of its files has "), "{text}");
    let whole = std::fs::read(&database).expect("a database");
    for cut in [whole.len() / 2, 0] {
        std::fs::write(&database, &whole[..cut]).expect("cut short");
        let text = refusal(&place, &target.options(to.path())).await;
        assert!(text.contains(&format!("one of its files has {cut} bytes in the store instead of ")), "{text}");
    }
    std::fs::write(&database, &whole).expect("mended");

    let bytes = std::fs::read(&database).expect("a database");
    content["metadata"]["digest"] = sha256(&bytes).as_str().into();
    content["metadata"]["size"] = bytes.len().into();
    std::fs::write(&record, content.to_string()).expect("a forged record");
    let text = refusal(&place, &target.options(to.path())).await;
    assert!(text.contains("the data was written by a newer Roadstead (schema version 1000"), "{text}");
}

/// The file of a database of a snapshot.
fn database_of(root: &Path, name: &str) -> PathBuf {
    part_of(root, name, "metadata")
}

/// A file of a snapshot.
fn part_of(root: &Path, name: &str, part: &str) -> PathBuf {
    let record = std::fs::read(root.join(format!("snapshots/{name}.json"))).expect("a record");
    let record: Value = serde_json::from_slice(&record).expect("JSON");
    root.join(record[part]["key"].as_str().expect("a key"))
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_old_snapshots_reads_no_database_of_those_that_are_kept_but_needs_them_to_be_there() {
    let (folder, place) = elsewhere();
    let world = World::of_files().await;
    push(&world, 0..2).await;
    let root = folder.path().join("backup");
    let mut names = Vec::new();
    for _ in 0..3 {
        names.push(back_up(&world, &place).await.expect("a backup").name);
        world.pass_seconds(60);
    }
    let keep = |number| BackupOptions { keep: Some(number), ..BackupOptions::default() };
    let database = database_of(&root, &names[2]);
    let whole = std::fs::read(&database).expect("a database");
    std::fs::write(&database, vec![0; whole.len()]).expect("a database that cannot be opened");
    let backup = world.beside().await.back_up(&place, keep(2), &SILENT).await.expect("a backup");
    assert_eq!(backup.deleted_snapshots, 2);
    assert!(file_of(&root, b"layer 1").is_file());
    std::fs::remove_file(database_of(&root, &backup.name)).expect("a loss");
    world.pass_seconds(60);
    let backup = world.beside().await.back_up(&place, keep(2), &SILENT).await.expect("it is complete all the same");
    let text = backup.not_deleted.expect("a reason");
    assert!(text.starts_with("it is not known what ") && text.ends_with("is not in the store"), "{text}");
    assert_eq!(place.snapshots().await.expect("snapshots").len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn old_snapshots_are_deleted_while_one_that_is_kept_lacks_its_list_of_blobs_and_its_statistics() {
    let (folder, place) = elsewhere();
    let world = World::of_files().await;
    push(&world, 0..2).await;
    let root = folder.path().join("backup");
    back_up(&world, &place).await.expect("a backup");
    world.pass_seconds(60);
    let hurt = back_up(&world, &place).await.expect("a backup").name;
    for file in ["statistics", "blobList"] {
        std::fs::remove_file(part_of(&root, &hurt, file)).expect("a loss");
    }
    world.pass_seconds(60);
    let keep = BackupOptions { keep: Some(2), ..BackupOptions::default() };
    let backup = world.beside().await.back_up(&place, keep, &SILENT).await.expect("a backup");
    assert_eq!((backup.deleted_snapshots, backup.not_deleted), (1, None));
    assert!(file_of(&root, b"layer 1").is_file());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_interrupts_a_backup_and_a_restore_which_continues_with_its_snapshot_and_is_no_damage() {
    let (folder, place) = elsewhere();
    let world = World::of_files().await;
    push(&world, 0..300).await;
    let (blobs, away) = (world.blobs(), world.folder.path().join("away"));
    let unmount = During(|| drop(std::fs::rename(&blobs, &away)));
    let failed = world.beside().await.back_up(&place, BackupOptions::default(), &unmount).await.map(drop);
    let Err(Error::Unavailable(text)) = failed else { panic!("{failed:?}") };
    assert!(text.contains(" cannot be read now: ") && text.contains("The backup is not complete"), "{text}");
    std::fs::rename(&away, &blobs).expect("mounted");
    let backup = back_up(&world, &place).await.expect("a backup");
    assert_eq!((backup.damaged, backup.snapshot.blobs), (0, 600));
    assert!((1..600).contains(&backup.new_blobs), "{}", backup.new_blobs);

    let (to, database) = target().await;
    let (root, away) = (folder.path().join("backup"), folder.path().join("away"));
    struct Unmounting<'a>(&'a Path, &'a Path);
    impl Progress for Unmounting<'_> {
        fn copied(&self, copied: &Copied, _: u64) {
            if copied.table == "blob" && copied.rows > 0 {
                drop(std::fs::rename(self.0, self.1));
            }
        }

        fn compared(&self, _: &'static str, _: u64) {}

        fn damaged(&self, _: &Error) -> bool {
            true
        }
    }
    let text = restore(&place, &database.options(to.path()), &Unmounting(&root, &away)).await.expect_err("it is interrupted");
    assert!(text.contains(" cannot be read now: "), "{text}");
    std::fs::rename(&away, &root).expect("mounted");

    let first = &place.snapshots().await.expect("snapshots")[0].0;
    world.pass_seconds(60);
    push(&world, 300..301).await;
    back_up(&world, &place).await.expect("a backup");
    let text = refusal(&place, &database.options(to.path())).await;
    assert!(text.starts_with(&format!("the target has an unfinished copy of the snapshot '{first}' of installation ")), "{text}");
    restore_snapshot(&place, Some(first), &database.options(to.path()), &SILENT).await.expect("the rest");
    let restored = Installation::open(database.options(to.path())).await.expect("an installation");
    assert_images(&world, &restored, 0..300).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_read_is_damage_and_a_backup_has_the_rest() {
    let (_folder, place) = elsewhere();
    let world = World::of_files().await;
    push(&world, 0..2).await;
    let file = file_of(&world.blobs(), b"layer 1");
    std::fs::remove_file(&file).expect("removed");
    // As if it were on a bad sector: a link to itself cannot be opened.
    std::os::unix::fs::symlink(&file, &file).expect("a link");
    let backup = back_up(&world, &place).await.expect("a backup");
    assert_eq!((backup.damaged, backup.new_blobs), (1, 3));
    assert!(backup.snapshot.damaged[0].contains(":v1 cannot be read: "), "{:?}", backup.snapshot.damaged);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_rots_in_a_place_is_found_by_verifying_it_and_made_again_by_the_next_backup() {
    let (folder, place) = elsewhere();
    let world = World::of_files().await;
    push(&world, 0..2).await;
    let mut names = vec![back_up(&world, &place).await.expect("a backup").name];
    world.pass_seconds(60);
    push(&world, 2..3).await;
    names.insert(0, back_up(&world, &place).await.expect("a backup").name);
    let root = folder.path().join("backup");
    let verify = async |contents, remove| {
        let options = VerifyOptions { contents, remove, rate: None };
        place.verify(options).await.expect("it can be read")
    };
    let verified = verify(true, false).await;
    assert_eq!((verified.found, verified.snapshots, verified.blobs), (0, 2, 6));
    assert!(verified.bytes_read > 0);

    std::fs::write(file_of(&root, b"layer 1"), b"layer X").expect("a change");
    assert_eq!(verify(false, false).await.found, 0, "its size is right");
    let found = verify(true, true).await;
    let [finding] = &found.findings[..] else { panic!("{found:?}") };
    let (digest, image) = (sha256(b"layer 1"), format!("{}/{}:v1", world.key.registry, world.key.name));
    assert_eq!((&finding.snapshots, finding.digest.as_deref(), &finding.images), (&names, Some(digest.as_str()), &vec![image]));
    assert!(finding.text.ends_with("has other content than its digest says") && finding.removed, "{finding:?}");
    let [finding] = &verify(false, false).await.findings[..] else { panic!("it is found whole") };
    assert!(finding.text.ends_with("is not in the store"), "{finding:?}");
    world.pass_seconds(60);
    assert_eq!(back_up(&world, &place).await.expect("a backup").new_blobs, 1);
    let verified = verify(true, false).await;
    assert_eq!((verified.found, verified.snapshots), (0, 3));

    let database = database_of(&root, &names[1]);
    let whole = std::fs::read(&database).expect("a database");
    for content in [&[0; 100][..], &vec![0; whole.len()]] {
        std::fs::write(&database, content).expect("a change");
        let found = verify(false, false).await;
        let [finding] = &found.findings[..] else { panic!("{found:?}") };
        assert_eq!(finding.snapshots, names[1..]);
    }
    std::fs::write(&database, &whole).expect("mended");
    std::fs::write(root.join(format!("snapshots/{}.json", names[1])), "{}").expect("a change");
    assert!(verify(false, false).await.findings[0].text.contains("cannot be read"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_that_was_lost_when_a_snapshot_was_made_hurts_it_until_another_backup_has_it() {
    let (_folder, place) = elsewhere();
    let world = World::of_files().await;
    push(&world, 0..1).await;
    let file = file_of(&world.blobs(), b"layer 0");
    std::fs::write(&file, b"layer X").expect("a change");
    let hurt = back_up(&world, &place).await.expect("a backup").name;
    let options = VerifyOptions { contents: true, remove: true, rate: None };
    let found = place.verify(options).await.expect("it can be read");
    let [finding] = &found.findings[..] else { panic!("{found:?}") };
    assert_eq!((&finding.snapshots, finding.removed), (&vec![hurt.clone()], false));
    assert!(finding.text.ends_with("was damaged when the snapshot was made"), "{finding:?}");
    std::fs::write(&file, b"layer 0").expect("a repair");
    world.pass_seconds(60);
    back_up(&world, &place).await.expect("a backup");
    assert_eq!(place.verify(options).await.expect("it can be read").found, 0);
    let (to, database) = target().await;
    restore_snapshot(&place, Some(&hurt), &database.options(to.path()), &SILENT).await.expect("a restored installation");
    let restored = Installation::open(database.options(to.path())).await.expect("an installation");
    assert_images(&world, &restored, 0..1).await;
    restored.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_cannot_be_read_hurts_its_snapshot_and_the_others_are_verified() {
    let (folder, place) = elsewhere();
    let world = World::of_files().await;
    push(&world, 0..1).await;
    let root = folder.path().join("backup");
    back_up(&world, &place).await.expect("a backup");
    world.pass_seconds(60);
    let hurt = back_up(&world, &place).await.expect("a backup").name;
    let database = database_of(&root, &hurt);
    Tables::File(database.clone()).run("PRAGMA foreign_keys = OFF; UPDATE blob SET digest = 'none ' || id");
    let (record, bytes) = (root.join(format!("snapshots/{hurt}.json")), std::fs::read(&database).expect("a database"));
    let mut content: Value = serde_json::from_slice(&std::fs::read(&record).expect("a record")).expect("JSON");
    content["metadata"]["digest"] = sha256(&bytes).as_str().into();
    content["metadata"]["size"] = bytes.len().into();
    std::fs::write(&record, content.to_string()).expect("a forged record");
    let found = place.verify(VerifyOptions::default()).await.expect("it can be read");
    let [finding] = &found.findings[..] else { panic!("{found:?}") };
    assert_eq!((&finding.snapshots, found.snapshots, found.blobs), (&vec![hurt], 2, 2));
    assert!(finding.text.contains("the row of a blob cannot be read"), "{finding:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_is_verified_and_written_to_by_one_process_at_a_time() {
    let (folder, place) = elsewhere();
    let world = World::of_files().await;
    back_up(&world, &place).await.expect("a backup");
    let lock = std::fs::File::options().write(true).open(folder.path().join("backup/lock")).expect("the lock");
    lock.try_lock().expect("it is free");
    let refusals = [back_up(&world, &place).await.map(drop), place.verify(VerifyOptions::default()).await.map(drop)];
    for refusal in refusals {
        let Err(Error::Refused(text)) = refusal else { panic!("{refusal:?}") };
        assert!(text.starts_with("another process is writing a backup to "), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_changes_nothing_where_something_else_is() {
    let (_folder, place) = elsewhere();
    let world = World::of_files().await;
    push(&world, 0..1).await;
    back_up(&world, &place).await.expect("a backup");

    let (to, database) = target().await;
    std::fs::write(to.path().join("notes.txt"), "mine").expect("a file");
    let text = refusal(&place, &database.options(to.path())).await;
    assert!(text.starts_with("the target is not empty: ") && text.ends_with("has other files, such as 'notes.txt'"), "{text}");
    assert_eq!(std::fs::read_dir(to.path()).expect("a folder").count(), 1);

    let (to, database) = target().await;
    let other = Installation::open(database.options(to.path())).await.expect("an installation");
    let id = other.id().to_owned();
    other.close().await;
    drop(other);
    let text = refusal(&place, &database.options(to.path())).await;
    assert_eq!(text, "the target is not empty: it has an installation");
    let other = Installation::open(database.options(to.path())).await.expect("it can be served as before");
    assert_eq!(other.id(), id);
    other.close().await;
}
