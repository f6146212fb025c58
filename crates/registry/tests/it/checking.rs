//! Checking and repairing what is damaged.

use crate::support::database::is_postgres;
use crate::support::{World, sha256};
use roadstead_registry::{CheckOptions, Checked, Collection, Finding, FindingKind, Installation, Scrubbed};
use std::path::{Path, PathBuf};
use std::time::Duration;

async fn check(installation: &Installation, contents: bool, repair: bool) -> Checked {
    let options = CheckOptions { contents, repair, rate: None, copies: Vec::new() };
    installation.check(&options).await.expect("a check that ends")
}

async fn push(world: &World, numbers: std::ops::Range<u32>) {
    for number in numbers {
        world.push_image(&number.to_string(), &[&format!("v{number}")]).await;
    }
}

fn kinds(findings: &[Finding]) -> Vec<FindingKind> {
    findings.iter().map(|finding| finding.kind).collect()
}

/// The files of a blob, without those of backups.
fn files_of(world: &World, content: &[u8]) -> Vec<PathBuf> {
    let digest = sha256(content);
    let folder = world.blobs().join("sha256").join(&digest.hex()[..2]);
    let files = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    files.filter(|path| path.to_string_lossy().contains(digest.hex())).collect()
}

/// Makes reading a file fail as a bad sector does, without changing anything else.
fn make_unreadable(file: &Path) {
    std::fs::remove_file(file).expect("removed");
    std::os::unix::fs::symlink(file.file_name().expect("a name"), file).expect("a link to itself");
}

/// What a round of a scrub finds.
#[derive(Default)]
struct Round {
    whole: u64,
    damaged: u64,
    unreadable: Vec<String>,
}

async fn scrub(installation: &Installation) -> Round {
    let (mut scrub, mut round) = (installation.scrub(Duration::from_secs(1)).await.expect("a round"), Round::default());
    loop {
        match scrub.next().await.expect("the next blob") {
            Scrubbed::Whole { .. } => round.whole += 1,
            Scrubbed::Damaged { .. } => round.damaged += 1,
            Scrubbed::Unreadable { what } => round.unreadable.push(what),
            Scrubbed::Completed(_) => return round,
        }
    }
}

#[tokio::test]
async fn a_repair_does_not_rely_on_an_object_that_an_upload_may_still_delete() {
    let world = World::of_files().await;
    push(&world, 0..1).await;
    let [file] = &files_of(&world, b"layer 0")[..] else { panic!("not one file") };
    // As of an upload that has been finished and has no row yet. When it finds the row of the blob, it deletes its own object.
    let of_upload = file.with_extension(uuid::Uuid::new_v4().to_string());
    std::fs::rename(file, &of_upload).expect("renamed");
    let checked = check(&world.beside().await, false, true).await;
    assert_eq!((kinds(&checked.findings), checked.repaired), (vec![FindingKind::BlobMissing], 1));
    std::fs::write(&of_upload, b"another").expect("a session that begins anew");
    std::fs::remove_file(&of_upload).expect("deleted");
    assert_eq!(world.content(&sha256(b"layer 0")).await, b"layer 0");

    let [file] = &files_of(&world, b"layer 0")[..] else { panic!("not one file") };
    std::fs::rename(file, &of_upload).expect("renamed");
    world.metadata().run(&format!(
        "CREATE TABLE gone AS SELECT id FROM blob WHERE digest = '{}'; DELETE FROM manifest_blob WHERE blob_id IN (SELECT id FROM gone);
        DELETE FROM repository_blob WHERE blob_id IN (SELECT id FROM gone); DELETE FROM blob WHERE id IN (SELECT id FROM gone); DROP TABLE gone",
        sha256(b"layer 0")
    ));
    let checked = check(&world.beside().await, false, true).await;
    assert_eq!((kinds(&checked.findings), checked.repaired), (vec![FindingKind::BlobRow], 1));
    std::fs::remove_file(&of_upload).expect("deleted");
    assert_eq!(world.content(&sha256(b"layer 0")).await, b"layer 0");
}

#[tokio::test]
async fn a_blob_that_cannot_be_read_is_reported_and_holds_up_neither_a_check_nor_a_scrub() {
    let world = World::of_files().await;
    push(&world, 0..5).await;
    files_of(&world, b"layer 2").iter().for_each(|file| make_unreadable(file));
    let installation = world.beside().await;
    for contents in [false, true] {
        let checked = check(&installation, contents, false).await;
        assert_eq!((kinds(&checked.findings), checked.blobs), (vec![FindingKind::BlobUnreadable], 10));
        assert_eq!(checked.findings[0].digest.as_deref(), Some(sha256(b"layer 2").as_str()));
    }
    let round = scrub(&world.installation).await;
    let [what] = &round.unreadable[..] else { panic!("{:?}", round.unreadable) };
    assert_eq!((round.whole, round.damaged), (9, 0));
    assert!(what.contains(sha256(b"layer 2").as_str()) && what.contains(":v2 cannot be read: "), "{what}");
}

#[tokio::test]
async fn a_store_that_is_away_is_an_outage_and_not_the_damage_of_every_blob() {
    let world = World::of_files().await;
    push(&world, 0..2).await;
    let installation = world.beside().await;
    let away = world.folder.path().join("away");
    std::fs::rename(world.blobs(), &away).expect("renamed");
    let options = CheckOptions { contents: true, repair: false, rate: None, copies: Vec::new() };
    assert!(installation.check(&options).await.is_err());
    let mut scrub = world.installation.scrub(Duration::from_secs(1)).await.expect("a round");
    assert!(scrub.next().await.is_err());
    std::fs::rename(&away, world.blobs()).expect("renamed");
    assert!(matches!(scrub.next().await, Ok(Scrubbed::Whole { .. })), "it goes on where it was");
    assert_eq!(check(&installation, true, false).await.found, 0);
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_named_and_the_rest_is_checked() {
    let world = World::of_files().await;
    push(&world, 0..100).await;
    // A digest that is none, as after a bit has flipped.
    world.metadata().run("UPDATE blob SET digest = 'sha256-' WHERE id = (SELECT id FROM blob ORDER BY id LIMIT 1 OFFSET 151)");
    std::fs::remove_file(&files_of(&world, b"layer 99")[0]).expect("a loss");
    let checked = check(&world.beside().await, false, false).await;
    assert_eq!(checked.blobs, 199);
    let [row, lost] = &checked.findings.iter().filter(|finding| finding.kind != FindingKind::BlobRow).collect::<Vec<_>>()[..] else {
        panic!("{:?}", checked.findings)
    };
    assert!(row.text.starts_with("rows of the table 'blob' with ids from "), "{}", row.text);
    let image = format!("{}/{}:v75", world.key.registry, world.key.name);
    assert_eq!((row.kind, &row.images, lost.kind), (FindingKind::Database, &vec![image], FindingKind::BlobMissing));
    let round = scrub(&world.installation).await;
    assert_eq!((round.whole, round.damaged), (198, 1));
    let [what] = &round.unreadable[..] else { panic!("{:?}", round.unreadable) };
    assert!(what.starts_with("the row of the blob sha256- cannot be read: "), "{what}");
}

#[tokio::test]
async fn a_row_between_some_that_cannot_be_read_is_checked() {
    let world = World::of_files().await;
    push(&world, 0..10).await;
    let row = |number| format!("(SELECT id FROM blob ORDER BY id LIMIT 1 OFFSET {number})");
    let bad = [10, 11, 12, 14].map(row).join(", ");
    world.metadata().run(&format!("UPDATE blob SET digest = 'sha256-' || id WHERE id IN ({bad})"));
    let checked = check(&world.beside().await, false, false).await;
    assert_eq!((checked.blobs, kinds(&checked.findings)[..2].to_vec()), (16, vec![FindingKind::Database; 2]));
    assert_eq!(scrub(&world.installation).await.unreadable.len(), 4);
}

/// Overwrites the first leaf of a table or an index that has several, of a database that nobody has open.
fn damage_leaf(database: &Path, table: &str) {
    let sql = rusqlite::Connection::open(database).expect("a database");
    let number = |query: &str| sql.query_row(query, [], |row| row.get::<_, u32>(0)).expect("a number") as usize;
    let (root, size) = (number(&format!("SELECT rootpage FROM sqlite_master WHERE name = '{table}'")), number("PRAGMA page_size"));
    drop(sql);
    let mut bytes = std::fs::read(database).expect("a file");
    let mut page = root;
    // File format, section 1.6: an interior page has type 5, or 2 in an index, and, at 12, the offset of its first cell, which begins with a page number.
    loop {
        let begin = (page - 1) * size;
        let number = |at: usize, length: usize| bytes[at..at + length].iter().fold(0, |number, byte| number << 8 | usize::from(*byte));
        if ![2, 5].contains(&bytes[begin]) {
            break;
        }
        page = number(begin + number(begin + 12, 2), 4);
    }
    assert_ne!(page, root, "{table} has one page");
    bytes[(page - 1) * size..][..size].fill(0xff);
    std::fs::write(database, bytes).expect("written");
}

#[tokio::test]
async fn pages_of_the_database_that_cannot_be_read_are_reported_and_the_rest_is_checked() {
    if is_postgres("damages the file of SQLite") {
        return;
    }
    for table in ["blob", "manifest", "manifest_content"] {
        let world = World::of_files().await;
        push(&world, 0..100).await;
        std::fs::remove_file(&files_of(&world, b"layer 99")[0]).expect("a loss");
        let orphan = files_of(&world, b"layer 98")[0].with_extension(uuid::Uuid::new_v4().to_string());
        std::fs::write(&orphan, b"layer 98").expect("an orphan");
        std::fs::File::options().write(true).open(&orphan).and_then(|file| file.set_modified(std::time::UNIX_EPOCH)).expect("an old one");
        world.installation.close().await;
        damage_leaf(&world.folder.path().join("roadstead.db"), table);
        let installation = world.beside().await;
        let checked = check(&installation, false, true).await;
        let kinds = kinds(&checked.findings);
        let affected = checked.findings.iter().filter(|finding| finding.images.iter().any(|image| image.contains(":v"))).count();
        assert!(kinds.contains(&FindingKind::Database) && kinds.contains(&FindingKind::BlobMissing), "{table}: {kinds:?}");
        assert!(affected > 1, "{table}: {:?}", checked.findings);
        // Fewer than all, because a page is lost, and more than a page has.
        assert!(checked.blobs > 100 && checked.manifests > 40 && checked.repositories == 1, "{table}: {checked:?}");
        assert!(kinds.contains(&FindingKind::Orphans) && orphan.exists(), "an object without a row that can be read is kept");
        installation.close().await;
    }
}

#[tokio::test]
async fn a_scrub_passes_pages_of_the_database_that_cannot_be_read() {
    if is_postgres("damages the file of SQLite") {
        return;
    }
    for (damaged, named) in
        [("blob", "the row of the blob sha256:"), ("sqlite_autoindex_blob_1", "rows of blobs with digests between '' and 'sha256:")]
    {
        let world = World::of_files().await;
        push(&world, 0..100).await;
        world.installation.close().await;
        damage_leaf(&world.folder.path().join("roadstead.db"), damaged);
        let installation = world.beside().await;
        let round = scrub(&installation).await;
        assert!(round.whole > 100 && round.whole < 200 && round.damaged == 0, "{damaged}: {}", round.whole);
        assert!(!round.unreadable.is_empty() && round.unreadable.iter().all(|what| what.starts_with(named)), "{:?}", round.unreadable);
        installation.close().await;
    }
}

#[tokio::test]
async fn objects_without_a_row_are_deleted_by_a_repair_of_a_sound_database() {
    let world = World::of_files().await;
    push(&world, 0..1).await;
    let orphan = files_of(&world, b"layer 0")[0].with_extension(uuid::Uuid::new_v4().to_string());
    std::fs::write(&orphan, b"layer 0").expect("an orphan");
    std::fs::File::options().write(true).open(&orphan).and_then(|file| file.set_modified(std::time::UNIX_EPOCH)).expect("an old one");
    let checked = check(&world.beside().await, false, true).await;
    assert_eq!((kinds(&checked.findings), checked.repaired), (vec![FindingKind::Orphans], 1));
    assert!(!orphan.exists());
    let collection = Collection { grace: Duration::ZERO, dry_run: true };
    assert_eq!(world.installation.collect_garbage(collection).await.expect("none").orphans, 0);
}
