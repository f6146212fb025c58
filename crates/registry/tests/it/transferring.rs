//! Copying an installation to another place.

use crate::support::database::Database;
use crate::support::{World, sha256, tag};
use roadstead_model::{Identity, Reference, RepositoryKey, ResourceTag};
use roadstead_registry::{Clock, Copied, Error, Installation, OpenOptions, Progress, Result, Sharing, Side, Task, Transfer};
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

/// Remembers what was reported, and panics at the first rows of a table, as if the process was killed there.
#[derive(Default)]
struct Seen {
    stop_at: &'static str,
    copied: Mutex<Vec<(Copied, u64)>>,
}

impl Progress for Seen {
    fn copied(&self, copied: &Copied, blob_bytes: u64) {
        self.copied.lock().expect("a lock").push((copied.clone(), blob_bytes));
        assert!(copied.table != self.stop_at || copied.rows == 0, "killed at {copied:?}");
    }

    fn compared(&self, _: &'static str, _: u64) {}
}

impl Seen {
    /// The bytes of blobs that were copied.
    fn bytes(&self) -> u64 {
        self.copied.lock().expect("a lock").iter().map(|(_, bytes)| *bytes).max().unwrap_or(0)
    }
}

/// Where an installation is. Its blobs are in the folder.
struct Place {
    folder: TempDir,
    database: Database,
}

impl Place {
    /// An empty directory.
    fn directory() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), database: Database::File }
    }

    /// An empty place of the kind that the tests run on.
    async fn of_tests() -> Self {
        Self { database: Database::new().await, ..Self::directory() }
    }

    fn options(&self) -> OpenOptions {
        self.database.options(self.folder.path())
    }

    async fn open(&self) -> Installation {
        Installation::open(self.options()).await.expect("an installation")
    }
}

/// An installation with rows in many tables, closed, and the name of its repository.
async fn source() -> (Place, RepositoryKey) {
    let world = World::of_files().await;
    for number in 0..60 {
        world.push_image(&format!("{number}"), &[&format!("v{number}")]).await;
    }
    let (installation, key) = (&world.installation, world.key.clone());
    installation.create_user(&world.id, "ann").await.expect("a user");
    for user in [None, Some("ann".to_owned())] {
        let holder = Identity { registry: world.id.clone(), user };
        installation.create_access_key(&holder, None).await.expect("a key");
    }
    let team = ResourceTag { key: "team".to_owned(), value: "harbour".to_owned() };
    installation.tag_resource(&key, vec![team]).await.expect("a resource tag");
    let reference = Reference::Tag(tag("v1"));
    let manifest = installation.get_manifest(&key, &reference).await.expect("a manifest");
    installation.count_pull(&manifest, &reference, [127, 0, 0, 1].into(), false);
    installation.flush_pulls().await;
    while installation.refresh_gallery(16).await.expect("an index") > 0 {}
    installation.close().await;
    (Place { folder: world.folder, database: world.database }, key)
}

/// Copies an installation, or continues to do so.
async fn copy(from: &Place, to: &Place, seen: &Arc<Seen>) -> Result<Vec<Copied>> {
    let from = Side::source(&from.options()).await.expect("the source");
    let to = Side::target(&to.options(), &from).await.expect("the target");
    let (transfer, seen) = (Transfer::new(from.clone(), to.clone()).await, seen.clone());
    let copied = match transfer {
        Ok(transfer) => tokio::spawn(async move { transfer.run(&*seen).await }).await,
        Err(error) => Ok(Err(error)),
    };
    let copied = copied.unwrap_or_else(|_| Err(Error::Unavailable("killed".to_owned())));
    from.close().await;
    to.close().await;
    copied
}

/// Fails unless everything is there that [`source`] made.
async fn assert_whole(place: &Place, key: &RepositoryKey) {
    let installation = place.open().await;
    for number in 0..60 {
        let reference = Reference::Tag(tag(&format!("v{number}")));
        installation.get_manifest(key, &reference).await.expect("a manifest");
        for content in [format!("config {number}"), format!("layer {number}")] {
            let blob = installation.find_blob(key, &sha256(content.as_bytes())).await.expect("a blob");
            let reader = installation.open_blob(&blob).await.expect("its bytes");
            assert_eq!(reader.read(0, content.len()).await.expect("readable"), content.as_bytes());
        }
    }
    let account = installation.account_id().clone();
    assert!(installation.access_keys(&account).await.expect("keys").len() >= 2);
    assert_eq!(installation.resource_tags(key).await.expect("resource tags").len(), 1);
    assert_eq!(installation.pull_totals(key).await.expect("pulls").total, 1);
    assert_eq!(installation.list_cards_of(&account, None, 9).await.expect("cards").len(), 1);
    installation.close().await;
}

fn refusal(copied: Result<Vec<Copied>>) -> String {
    match copied {
        Err(Error::Refused(text)) => text,
        other => panic!("{other:?}"),
    }
}

/// With PostgreSQL, from there to a directory and on to another database.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_and_a_copy_of_that_have_everything_and_the_source_keeps_it() {
    let ((from, key), directory, to, seen) = (source().await, Place::directory(), Place::of_tests().await, Arc::default());
    let copied = copy(&from, &directory, &seen).await.expect("a copy");
    let rows = |name| copied.iter().find(|copied| copied.table == name).expect("the table").rows;
    assert_eq!((rows("blob"), rows("tag"), rows("image_pull_day")), (120, 60, 1));
    assert_eq!(copy(&directory, &to, &seen).await.expect("a copy of the copy"), copied);
    for place in [&from, &directory, &to] {
        assert_whole(place, &key).await;
    }
    let source = Side::source(&from.options()).await.expect("the source");
    let refused = Side::target(&directory.options(), &source).await.err().expect("a refusal").to_string();
    assert_eq!(refused, "the target is not empty: it has an installation");
    source.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_copy_is_no_installation_and_continues_where_it_stopped() {
    let ((from, key), to) = (source().await, Place::of_tests().await);
    let mut bytes = Vec::new();
    for stop_at in ["registry", "blob", "manifest_blob", "repository_pulls", ""] {
        let seen = Arc::new(Seen { stop_at, ..Seen::default() });
        let copied = copy(&from, &to, &seen).await;
        bytes.push(seen.bytes());
        if stop_at.is_empty() {
            copied.expect("a whole copy");
            break;
        }
        for sharing in [Sharing::Server, Sharing::Command] {
            let opened = Installation::open(OpenOptions { sharing, ..to.options() }).await;
            let Err(error) = opened else { panic!("{stop_at}: it is used") };
            assert!(error.to_string().contains("unfinished copy"), "{error}");
        }
        let Err(error) = Side::source(&to.options()).await else { panic!("{stop_at}: it is copied") };
        assert!(error.to_string().contains("unfinished copy"), "{error}");
    }
    let all = bytes[1] + bytes[2];
    assert_eq!(bytes, [0, bytes[1], all - bytes[1], 0, 0], "no row of a blob is copied twice");
    assert!(bytes[1] > 0 && bytes[2] > 0);
    assert_whole(&to, &key).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_in_the_source_is_found_and_the_image_named() {
    let ((from, key), to) = (source().await, Place::of_tests().await);
    let layer = sha256(b"layer 7");
    let folder = from.folder.path().join("blobs/sha256").join(&layer.hex()[..2]);
    let mut files = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let file = files.find(|path| path.to_string_lossy().contains(layer.hex())).expect("its file");
    for (content, wrong) in
        [(&b"layer 8"[..], "has other content than its digest says"), (b"layer", "has 5 bytes in the store instead of 7")]
    {
        std::fs::write(&file, content).expect("a change");
        let text = refusal(copy(&from, &to, &Arc::default()).await);
        assert!(text.starts_with(&format!("the blob {layer} of {}/{}:v7 {wrong}", key.registry, key.name)), "{text}");
    }
    std::fs::write(&file, b"layer 7").expect("a repair");
    let of_v9 = "WHERE manifest_id = (SELECT manifest_id FROM tag WHERE name = 'v9')";
    // The engines have no function for bytes in common, but both can exchange those of two manifests.
    let exchange = format!(
        "CREATE TABLE kept AS SELECT bytes FROM manifest_content {of_v9};
        UPDATE manifest_content SET bytes = (SELECT bytes FROM manifest_content WHERE manifest_id = (SELECT MIN(id) FROM manifest)) {of_v9}"
    );
    let tables = from.database.tables(from.folder.path(), "roadstead.db");
    tables.run(&exchange);
    let text = refusal(copy(&from, &to, &Arc::default()).await);
    assert!(text.starts_with("the manifest sha256:") && text.contains("team/app:v9 has other content"), "{text}");
    tables.run(&format!("UPDATE manifest_content SET bytes = (SELECT bytes FROM kept) {of_v9}; DROP TABLE kept"));
    copy(&from, &to, &Arc::default()).await.expect("a copy");
    assert_whole(&to, &key).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_changed_in_the_source_since_the_copy_began_is_found() {
    let ((from, key), to) = (source().await, Place::of_tests().await);
    let seen = Arc::new(Seen { stop_at: "tag", ..Seen::default() });
    copy(&from, &to, &seen).await.expect_err("killed");
    let installation = from.open().await;
    let team = ResourceTag { key: "team".to_owned(), value: "dock".to_owned() };
    installation.tag_resource(&key, vec![team]).await.expect("a resource tag");
    installation.close().await;
    drop(installation);
    let text = refusal(copy(&from, &to, &Arc::default()).await);
    assert!(text.starts_with("the table 'resource_tag' is not the same on both sides: some of the 1 rows differ"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_never_share_the_place_of_their_blobs() {
    let world = World::new().await;
    world.installation.close().await;
    drop(world.installation);
    let options = world.database.options(world.folder.path());
    let source = Side::source(&options).await.expect("the source");
    let to = Place::of_tests().await;
    let target = OpenOptions { data: world.folder.path().join("."), ..to.options() };
    let Err(error) = Side::target(&target, &source).await else { panic!("it is opened") };
    let text = error.to_string();
    assert!(text.contains("both installations would have their blobs in") || text.contains("is using the data directory"), "{text}");
    source.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_that_a_server_uses_is_not_copied_nor_used_while_it_is_copied() {
    let world = World::new().await;
    let presence = world.installation.lead(Task::Serving).await.expect("an answer").expect("a place among servers");
    let clock = Clock::Manual(Arc::new(AtomicI64::new(world.installation.now().micros())));
    let options = OpenOptions { clock, ..world.database.options(world.folder.path()) };
    let Err(error) = Side::source(&options).await else { panic!("it is copied") };
    let text = error.to_string();
    assert!(
        text.contains("another roadstead server is using the data directory") || text.contains("a server uses this database ("),
        "{text}"
    );

    presence.release().await;
    world.installation.close().await;
    drop(world.installation);
    let side = Side::source(&options).await.expect("the source");
    let Err(error) = Installation::open(options.clone()).await else { panic!("it is used") };
    let text = error.to_string();
    assert!(
        text.contains("another roadstead server is using the data directory") || text.contains("the database is being copied ("),
        "{text}"
    );
    side.close().await;
    Installation::open(options).await.expect("an installation");
}
