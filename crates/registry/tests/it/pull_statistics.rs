//! Counting pulls: what counts, how it is kept, and what happens to it when things are deleted or damaged.

use crate::support::database::{Database, is_postgres};
use crate::support::{OCI_CONFIG, OCI_LAYER, OCI_MANIFEST, World, tag};
use roadstead_model::{Day, Digest, Reference};
use roadstead_registry::{PullTotals, PullsOf, StoredManifest};
use serde_json::json;
use std::net::IpAddr;

const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

fn by_tag(name: &str) -> Reference {
    Reference::Tag(tag(name))
}

impl World {
    async fn manifest(&self, reference: &Reference) -> StoredManifest {
        self.installation.get_manifest(&self.key, reference).await.expect("a manifest")
    }

    async fn pull(&self, reference: &Reference, client: IpAddr, is_robot: bool) {
        self.installation.count_pull(&self.manifest(reference).await, reference, client, is_robot);
    }

    async fn resolve(&self, name: &str, client: IpAddr) {
        let reference = by_tag(name);
        self.installation.note_resolved(&self.manifest(&reference).await, &reference, client);
    }

    /// The pulls of the repository, with those that were not flushed yet.
    async fn totals(&self) -> PullTotals {
        self.installation.settle_expected_pulls().await;
        self.installation.flush_pulls().await;
        self.installation.pull_totals(&self.key).await.expect("totals")
    }

    fn today(&self) -> Day {
        Day::of(self.installation.now())
    }

    async fn tags_of_today(&self) -> Vec<(String, u64)> {
        let tags = self.installation.pulls_by_tag(&self.key, &(self.today()..=self.today()), 10).await.expect("tags");
        tags.into_iter().map(|PullsOf { item, pulls }| (item.to_string(), pulls)).collect()
    }

    /// Pushes an artifact attached to an image.
    async fn attach(&self, subject: &Digest, tags: &[&str]) -> Digest {
        let (config, layer) = (self.push_blob(b"{}").await, self.push_blob(b"a signature").await);
        let manifest = json!({
            "schemaVersion": 2, "mediaType": OCI_MANIFEST,
            "config": {"mediaType": OCI_CONFIG, "digest": config.as_str(), "size": 2},
            "layers": [{"mediaType": OCI_LAYER, "digest": layer.as_str(), "size": 11}],
            "subject": {"mediaType": OCI_MANIFEST, "digest": subject.as_str(), "size": 5},
        });
        self.push(&manifest, tags).await.expect("an artifact").digest
    }

    fn rows(&self, table: &str) -> i64 {
        self.statistics().number(&format!("SELECT COUNT(*) FROM {table}"))
    }
}

fn people(totals: PullTotals) -> u64 {
    totals.total
}

#[tokio::test]
async fn an_image_counts_once_by_tag_or_by_digest_and_its_children_do_not() {
    let world = World::new().await;
    let (amd64, arm64) = (world.push_image("amd64", &[]).await, world.push_image("arm64", &[]).await);
    let index = world.push_index(&[&amd64, &arm64], &["v1"]).await.expect("an index").digest;
    let single = world.push_image("single", &["v2"]).await;
    for reference in [by_tag("v1"), Reference::Digest(amd64), Reference::Digest(index), Reference::Digest(arm64), by_tag("v2")] {
        world.pull(&reference, CLIENT, false).await;
    }
    world.pull(&Reference::Digest(single.clone()), CLIENT, false).await;
    assert_eq!(people(world.totals().await), 4);
    assert_eq!(world.tags_of_today().await, [("v1".to_owned(), 1), ("v2".to_owned(), 1)]);
    let images = world.installation.pulls_by_image(&world.key, &(world.today()..=world.today()), 10).await.expect("images");
    assert_eq!(images.iter().map(|image| image.pulls).collect::<Vec<_>>(), [2, 2]);
    assert!(images.iter().any(|image| image.item == single));
}

#[tokio::test]
async fn what_is_attached_to_an_image_is_never_pulled() {
    let world = World::new().await;
    let image = world.push_image("app", &["v1"]).await;
    let signature = world.attach(&image, &["signed"]).await;
    let cosign = format!("{}.sig", image.as_str().replace(':', "-"));
    let tagged = world.push_image("signature", &[&cosign]).await;
    world.resolve(&cosign, CLIENT).await;
    for reference in [by_tag("signed"), Reference::Digest(signature), by_tag(&cosign), Reference::Digest(tagged)] {
        world.pull(&reference, CLIENT, false).await;
    }
    assert_eq!(world.totals().await, PullTotals::default());
}

#[tokio::test]
async fn a_pull_by_digest_counts_for_the_tag_that_the_client_has_just_resolved() {
    let world = World::new().await;
    let child = world.push_image("amd64", &["v1-amd64"]).await;
    let index = world.push_index(&[&child], &["v1"]).await.expect("an index").digest;
    world.resolve("v1", CLIENT).await;
    assert_eq!(people(world.totals().await), 0, "nothing was pulled yet");
    world.pull(&Reference::Digest(index.clone()), CLIENT, false).await;
    world.pull(&Reference::Digest(child.clone()), CLIENT, false).await;
    assert_eq!((people(world.totals().await), world.tags_of_today().await), (1, vec![("v1".to_owned(), 1)]));

    // A child whose own tag was resolved is what the client asked for.
    world.resolve("v1-amd64", OTHER).await;
    world.pull(&Reference::Digest(child.clone()), OTHER, false).await;
    world.pull(&Reference::Digest(child.clone()), CLIENT, false).await;
    assert_eq!(world.tags_of_today().await.len(), 1);
    assert_eq!((people(world.totals().await), world.tags_of_today().await.len()), (2, 2));

    world.pass_seconds(60);
    world.pull(&Reference::Digest(child), OTHER, false).await;
    world.pull(&Reference::Digest(index), CLIENT, false).await;
    assert_eq!((people(world.totals().await), world.tags_of_today().await), (3, vec![("v1".to_owned(), 1), ("v1-amd64".to_owned(), 1)]));
}

#[tokio::test]
async fn a_tag_resolved_at_one_replica_is_pulled_by_digest_at_another() {
    let world = World::new().await;
    if let Database::File = world.database {
        eprintln!("not run on SQLite: one server has the database for itself");
        return;
    }
    let other = world.beside().await;
    let image = world.push_image("app", &["v1"]).await;
    let signature = world.attach(&image, &["signed"]).await;
    for (tag, digest, client) in [("v1", &image, CLIENT), ("signed", &signature, CLIENT), ("", &image, OTHER)] {
        if !tag.is_empty() {
            world.resolve(tag, client).await;
        }
        let reference = Reference::Digest(digest.clone());
        let manifest = other.get_manifest(&world.key, &reference).await.expect("a manifest");
        other.count_pull(&manifest, &reference, client, false);
    }
    world.installation.settle_expected_pulls().await;
    other.settle_expected_pulls().await;
    other.flush_pulls().await;
    assert_eq!((people(world.totals().await), world.tags_of_today().await), (2, vec![("v1".to_owned(), 1)]));
    other.close().await;
}

#[tokio::test]
async fn what_a_client_reads_back_after_its_push_is_no_pull_unless_it_asks_for_the_tag() {
    let world = World::new().await;
    let image = world.try_push_image("app", b"a layer", &["v1"]).await.expect("an image");
    world.installation.note_pushed(&image, CLIENT);
    world.pull(&Reference::Digest(image.digest.clone()), CLIENT, false).await;
    assert_eq!(people(world.totals().await), 0);
    world.pull(&Reference::Digest(image.digest.clone()), OTHER, false).await;
    world.pull(&by_tag("v1"), CLIENT, false).await;
    world.resolve("v1", CLIENT).await;
    world.pull(&Reference::Digest(image.digest), CLIENT, false).await;
    assert_eq!(people(world.totals().await), 3);
}

#[tokio::test]
async fn robots_are_counted_apart() {
    let world = World::new().await;
    world.push_image("app", &["v1"]).await;
    for is_robot in [false, true, true] {
        world.pull(&by_tag("v1"), CLIENT, is_robot).await;
    }
    let totals = world.totals().await;
    assert_eq!((totals.total, totals.robots, totals.last_30_days, totals.last_day), (1, 2, 1, Some(world.today())));
    let [day] = world.installation.pulls_by_day(&world.key, &(world.today()..=world.today())).await.expect("days")[..] else { panic!() };
    assert_eq!((day.day, day.pulls, day.robots), (world.today(), 1, 2));
    assert_eq!(world.tags_of_today().await, [("v1".to_owned(), 1)]);
    let counted = world.installation.counted_pulls();
    assert_eq!((counted.people, counted.robots), (1, 2));
}

#[tokio::test]
async fn days_are_told_apart_and_leave_the_last_thirty() {
    let world = World::new().await;
    world.push_image("app", &["v1"]).await;
    let first = world.today();
    for _ in 0..3 {
        world.pull(&by_tag("v1"), CLIENT, false).await;
        assert!(people(world.totals().await) > 0);
        world.pass_seconds(86_400 * 15);
    }
    let days = world.installation.pulls_by_day(&world.key, &(first..=first.plus(15))).await.expect("days");
    assert_eq!(days.iter().map(|day| (day.day, day.pulls)).collect::<Vec<_>>(), [(first, 1), (first.plus(15), 1)]);
    let totals = world.totals().await;
    assert_eq!((totals.total, totals.last_30_days), (3, 1), "the one of 15 days ago");
    let recent = world.installation.recent_pulls_of_tags(&world.key, &[tag("v2"), tag("v1")]).await.expect("tags");
    assert_eq!(recent, [0, 1]);
}

#[tokio::test]
async fn numbers_survive_a_restart_and_a_command_reads_and_sets_them() {
    let world = World::new().await;
    world.push_image("app", &["v1"]).await;
    world.pull(&by_tag("v1"), CLIENT, false).await;
    let world = world.restart().await;
    world.pull(&by_tag("v1"), CLIENT, false).await;
    assert_eq!(people(world.totals().await), 2);
    let command = world.beside().await;
    assert_eq!(command.pull_totals(&world.key).await.expect("totals").total, 2);
    command.set_pull_total(&world.key, 5_000_000).await.expect("set");
    command.close().await;
    world.pull(&by_tag("v1"), CLIENT, false).await;
    let totals = world.totals().await;
    assert_eq!((totals.total, totals.last_30_days), (5_000_001, 3));
}

#[tokio::test]
async fn a_flush_leaves_cached_answers_alone() {
    let world = World::new().await;
    world.push_image("app", &["v1"]).await;
    let version = world.installation.metadata_version().await;
    world.pull(&by_tag("v1"), CLIENT, false).await;
    assert_eq!(people(world.totals().await), 1);
    assert!(version.is_some() && world.installation.metadata_version().await == version);
}

#[tokio::test]
async fn numbers_end_with_the_repository_and_its_next_namesake_begins_at_zero() {
    let world = World::new().await;
    world.push_image("app", &["v1"]).await;
    world.pull(&by_tag("v1"), CLIENT, false).await;
    assert_eq!(people(world.totals().await), 1);
    world.installation.delete_repository(&world.key, true).await.expect("deleted");
    world.installation.create_repository(&world.key).await.expect("created");
    assert_eq!(world.totals().await, PullTotals::default());
    world.installation.tidy_pull_statistics().await.expect("tidied");
    for table in ["repository_pulls", "pull_day", "image_pull_day", "tag_pull_day"] {
        assert_eq!(world.rows(table), 0, "{table}");
    }
}

#[tokio::test]
async fn days_of_tags_and_images_are_summed_up_after_400_days_and_dropped_with_what_they_count() {
    let world = World::new().await;
    let kept = world.push_image("kept", &["kept"]).await;
    let gone = world.push_image("gone", &["gone"]).await;
    let today = world.today();
    for name in ["kept", "gone", "gone"] {
        world.pull(&by_tag(name), CLIENT, false).await;
    }
    assert_eq!(people(world.totals().await), 3);
    world.pass_seconds(86_400 * 399);
    world.installation.tidy_pull_statistics().await.expect("tidied");
    assert_eq!((world.rows("tag_pull_day"), world.rows("tag_pulls")), (2, 0));
    world.pass_seconds(86_400);
    world.installation.tidy_pull_statistics().await.expect("tidied");
    world.installation.tidy_pull_statistics().await.expect("tidied again");
    assert_eq!((world.rows("tag_pull_day"), world.rows("image_pull_day")), (0, 0));
    assert_eq!((world.rows("tag_pulls"), world.rows("image_pulls")), (2, 2));
    world.installation.delete_manifest(&world.key, &gone).await.expect("deleted");
    world.installation.tidy_pull_statistics().await.expect("tidied");
    let kept_pulls = world.statistics().number("SELECT MAX(CASE WHEN tag = 'kept' THEN pulls ELSE 1000 END) FROM tag_pulls");
    assert_eq!((kept_pulls, world.rows("image_pulls")), (1, 1));
    let days = world.installation.pulls_by_day(&world.key, &(today..=today)).await.expect("days");
    assert_eq!((days[0].pulls, people(world.totals().await)), (3, 3), "{kept}");
}

/// The names of files in the data directory that begin so.
fn files(world: &World, prefix: &str) -> Vec<String> {
    let names = std::fs::read_dir(world.folder.path()).expect("the folder").map(|entry| entry.expect("an entry").file_name());
    names.map(|name| name.to_string_lossy().into_owned()).filter(|name| name.starts_with(prefix)).collect()
}

#[tokio::test]
async fn a_damaged_file_costs_the_numbers_only_and_is_kept() {
    if is_postgres("the statistics have no file of their own") {
        return;
    }
    for damage in ["not a database at all".repeat(1000).into_bytes(), vec![0; 100_000]] {
        let world = World::new().await;
        world.push_image("app", &["v1"]).await;
        world.pull(&by_tag("v1"), CLIENT, false).await;
        assert_eq!(people(world.totals().await), 1);
        let path = world.folder.path().join("statistics.db");
        let world = world.restart_after(|| std::fs::write(path, &damage).expect("written")).await;
        assert_eq!(people(world.totals().await), 0);
        let aside = files(&world, "statistics.db.damaged-");
        let [name] = &aside[..] else { panic!("{aside:?}") };
        assert_eq!(std::fs::read(world.folder.path().join(name)).expect("the old file"), damage);
        world.pull(&by_tag("v1"), CLIENT, false).await;
        assert_eq!(people(world.totals().await), 1);
    }
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_kept_too() {
    if is_postgres("the statistics have no file of their own") {
        return;
    }
    let world = World::new().await;
    let path = world.folder.path().join("statistics.db");
    let upgrade = || {
        let database = rusqlite::Connection::open(path).expect("the statistics");
        database.execute("INSERT INTO schema_version (version) VALUES (9999)", []).expect("a row");
    };
    let world = world.restart_after(upgrade).await;
    assert_eq!(files(&world, "statistics.db.damaged-").len(), 1);
    assert_eq!(world.totals().await, PullTotals::default());
}

#[tokio::test]
async fn a_lost_file_is_created_again() {
    if is_postgres("the statistics have no file of their own") {
        return;
    }
    let world = World::new().await;
    world.push_image("app", &["v1"]).await;
    world.pull(&by_tag("v1"), CLIENT, false).await;
    let path = world.folder.path().join("statistics.db");
    let world = world.restart_after(|| std::fs::remove_file(path).expect("removed")).await;
    assert_eq!(world.totals().await, PullTotals::default());
    assert!(files(&world, "statistics.db.damaged-").is_empty());
}

/// A world with the image `app:v1`, and statistics of which every page is damaged but the first, which has the schema.
async fn with_damaged_pages() -> World {
    let world = World::new().await;
    world.push_image("app", &["v1"]).await;
    world.pull(&by_tag("v1"), CLIENT, false).await;
    let path = world.folder.path().join("statistics.db");
    let damage = || {
        let mut bytes = std::fs::read(&path).expect("the statistics");
        bytes[4096..].fill(0xff);
        std::fs::write(&path, bytes).expect("written");
    };
    world.restart_after(damage).await
}

#[tokio::test]
async fn a_page_that_is_damaged_while_the_server_runs_is_found_by_who_reads_it() {
    if is_postgres("the statistics have no file of their own") {
        return;
    }
    let world = with_damaged_pages().await;
    let (one, other) = tokio::join!(world.installation.pull_totals(&world.key), world.installation.pull_totals(&world.key));
    assert_eq!((one.expect("totals"), other.expect("totals")), <(PullTotals, PullTotals)>::default());
    assert_eq!(files(&world, "statistics.db.damaged-").len(), 1);
    world.pull(&by_tag("v1"), CLIENT, false).await;
    assert_eq!(people(world.totals().await), 1, "counted since");
}

#[tokio::test]
async fn a_page_that_is_damaged_while_the_server_runs_is_found_by_a_flush() {
    if is_postgres("the statistics have no file of their own") {
        return;
    }
    let world = with_damaged_pages().await;
    world.pull(&by_tag("v1"), CLIENT, false).await;
    world.installation.flush_pulls().await;
    assert_eq!(people(world.totals().await), 1, "counted since");
    assert_eq!(files(&world, "statistics.db.damaged-").len(), 1);
}

/// What was counted while nothing can be written is written later, once.
#[tokio::test]
async fn a_flush_that_fails_keeps_its_counts() {
    let world = World::new().await;
    world.push_image("app", &["v1"]).await;
    world.pull(&by_tag("v1"), CLIENT, false).await;
    let blocker = world.statistics();
    blocker.run("ALTER TABLE repository_pulls RENAME TO hidden");
    world.installation.flush_pulls().await;
    assert_eq!((world.rows("pull_day"), world.rows("tag_pull_day")), (0, 0), "the transaction is undone as a whole");
    blocker.run("ALTER TABLE hidden RENAME TO repository_pulls");
    world.pull(&by_tag("v1"), CLIENT, false).await;
    assert_eq!((people(world.totals().await), world.tags_of_today().await), (2, vec![("v1".to_owned(), 2)]));
    assert_eq!(world.installation.counted_pulls().people, 2);
}

#[tokio::test]
async fn of_very_many_tags_only_the_end_of_a_range_is_summed_up() {
    let world = World::new().await;
    world.push_image("app", &["v1"]).await;
    world.pull(&by_tag("v1"), CLIENT, false).await;
    assert_eq!(people(world.totals().await), 1);
    let (tables, day) = (world.statistics(), world.today().number() - 1);
    let id = tables.number("SELECT repository_id FROM repository_pulls");
    tables.run(&format!(
        "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99999)
        INSERT INTO tag_pull_day (repository_id, day, tag, pulls) SELECT {id}, {day}, 't' || (100000 + i), 1 FROM n"
    ));
    let tags = world.installation.pulls_by_tag(&world.key, &(world.today().plus(-29)..=world.today()), 100_000).await.expect("tags");
    assert_eq!(tags.len(), 50_000, "the newest rows");
    assert!(tags.iter().any(|tag| tag.item.as_str() == "v1"));
}
