//! Several servers on one PostgreSQL database. Run with `ROADSTEAD_TEST_POSTGRES=postgres://…`, the URL of a server for tests.

#![allow(clippy::print_stderr)] // what could not be tried is named

use crate::support::{Parts, World, sha256};
use roadstead_model::{Digest, Reference, ResourceTag};
use roadstead_registry::{
    Condition, DatabaseMetrics, DatabasePlace, Error, Installation, OpenError, OpenOptions, Password, PostgresOptions,
};
use serde_json::{Value, json};
use std::sync::Arc;

/// A world on PostgreSQL, if there is a server for tests.
async fn world() -> Option<World> {
    let world = World::new().await;
    if !world.installation.is_shared() {
        eprintln!("not run: ROADSTEAD_TEST_POSTGRES names no server");
        return None;
    }
    Some(world)
}

fn by_tag(name: &str) -> Reference {
    Reference::Tag(crate::support::tag(name))
}

async fn digest(server: &Installation, world: &World, name: &str) -> String {
    server.get_manifest(&world.key, &by_tag(name)).await.expect("an image").digest.to_string()
}

/// The manifest of an image of its own, whose config has two bytes.
fn image(config: &Digest, name: &str) -> Value {
    json!({
        "schemaVersion": 2, "mediaType": crate::support::OCI_MANIFEST, "layers": [], "annotations": {"name": name},
        "config": {"mediaType": crate::support::OCI_CONFIG, "digest": config.as_str(), "size": 2},
    })
}

/// Moves the tag to an image of its own.
async fn push(server: &Installation, world: &World, number: u32) -> String {
    let manifest = image(&world.push_blob(b"{}").await, &number.to_string());
    world.push_to(server, &manifest, &["latest"], Condition::None).await.expect("pushed").digest.to_string()
}

fn metrics(server: &Installation) -> DatabaseMetrics {
    server.database_metrics().expect("a database")
}

/// The options of the world's database, changed.
fn changed(world: &World, change: impl FnOnce(&mut PostgresOptions)) -> OpenOptions {
    let mut options = world.database.options(world.folder.path());
    if let DatabasePlace::Postgres(database) = &mut options.database {
        change(database);
    }
    options
}

async fn refusal(options: OpenOptions) -> String {
    Installation::open(options).await.err().expect("a refusal").to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_server_has_written_the_others_see_at_once() {
    let Some(world) = world().await else { return };
    let (second, third) = (world.another_server().await, world.another_server().await);
    for number in 0..20 {
        let pushed = world.push_image(&number.to_string(), &["latest"]).await.to_string();
        let (one, other) = tokio::join!(digest(&second, &world, "latest"), digest(&third, &world, "latest"));
        assert_eq!((one, other), (pushed.clone(), pushed));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_in_memory_cost_a_part_of_a_statement_each() {
    let Some(world) = world().await else { return };
    let pushed = world.push_image("one", &["latest"]).await.to_string();
    digest(&world.installation, &world, "latest").await;
    let before = metrics(&world.installation);
    let world = Arc::new(world);
    let ask = |_| {
        let world = world.clone();
        tokio::spawn(async move { digest(&world.installation, &world, "latest").await })
    };
    for answer in (0..64).map(ask).collect::<Vec<_>>() {
        assert_eq!(answer.await.expect("no panic"), pushed);
    }
    let after = metrics(&world.installation);
    assert_eq!((after.statements - before.statements, after.versions_asked - before.versions_asked), (0, 64));
    assert!(after.version_checks - before.version_checks <= 64);
    eprintln!("64 answers from memory: {} checks of the version", after.version_checks - before.version_checks);
}

/// Pushes an image of one layer as a client does that sends each blob in one request, with all that a door looks up for it.
async fn push_as_a_client(world: &World, seed: &str, layer: &[u8]) {
    let (server, config) = (&world.installation, format!("config {seed}"));
    let look_up = async || server.access_facts(&world.caller, Some(&world.key)).await.expect("the facts");
    for blob in [layer, config.as_bytes()] {
        look_up().await;
        let upload = server.start_upload(&world.key, &world.caller, None, true).await.expect("a session");
        look_up().await;
        let (session, digest) = (world.session(&upload.id), sha256(blob));
        server.complete_upload_with(session, None, &mut Parts::of(&[blob]), &digest).await.expect("a blob");
    }
    look_up().await;
    let part = |media_type: &str, blob: &[u8]| json!({"mediaType": media_type, "digest": sha256(blob).as_str(), "size": blob.len()});
    let (config, layer) = (part(crate::support::OCI_CONFIG, config.as_bytes()), part(crate::support::OCI_LAYER, layer));
    let manifest = json!({"schemaVersion": 2, "mediaType": crate::support::OCI_MANIFEST, "config": config, "layers": [layer]});
    world.push(&manifest, &[seed]).await.expect("an image");
}

/// Without those that begin and end transactions: four for a blob, one more for one that is kept in the database, and 13 for a manifest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_takes_22_statements_however_often_others_push() {
    let Some(world) = world().await else { return };
    push_as_a_client(&world, "first", &[1; 100_000]).await;
    let before = metrics(&world.installation);
    push_as_a_client(&world, "second", &[2; 100_000]).await;
    let after = metrics(&world.installation);
    assert_eq!((after.statements - before.statements, after.writes - before.writes), (22, 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_who_may_push_is_seen_at_once_though_pushes_leave_that_in_memory() {
    let Some(world) = world().await else { return };
    let other = world.another_server().await;
    let facts = async || world.installation.access_facts(&world.caller, Some(&world.key)).await.expect("the facts");
    for number in 0..10 {
        push_as_a_client(&world, &number.to_string(), &[number; 20_000]).await;
        let (key, value) = ("team".to_owned(), number.to_string());
        other.tag_resource(&world.key, vec![ResourceTag { key, value: value.clone() }]).await.expect("a tag");
        assert_eq!(facts().await.resource_tags[0].value, value);
    }
    other.delete_repository(&world.key, true).await.expect("deleted");
    assert!(facts().await.resource_tags.is_empty());
    let error = world.installation.start_upload(&world.key, &world.caller, None, false).await.expect_err("no repository");
    assert!(matches!(error, Error::RepositoryNotFound(_)), "{error}");
    other.create_repository(&world.key).await.expect("another one");
    push_as_a_client(&world, "again", b"layer").await;
}

/// It counts all of its writes in the first half of the table.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_server_of_an_older_version_writes_empties_every_cache() {
    let Some(world) = world().await else { return };
    let facts = async || world.installation.access_facts(&world.caller, Some(&world.key)).await.expect("the facts");
    assert!(facts().await.resource_tags.is_empty());
    world.metadata().run(
        "INSERT INTO resource_tag (repository_id, tag_key, tag_value) SELECT id, 'team', 'old' FROM repository;
        UPDATE change SET writes = writes + 1 WHERE slot = 63",
    );
    assert_eq!(facts().await.resource_tags.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_asks_once_for_all_that_it_looks_up() {
    let Some(world) = world().await else { return };
    world.push_image("one", &["latest"]).await;
    let alias = world.installation.primary_alias(&world.id).await.expect("an alias");
    let checks_of_a_request = async || {
        let request = world.installation.at(world.installation.arrival());
        let before = metrics(&request).version_checks;
        for _ in 0..10 {
            digest(&request, &world, "latest").await;
            request.resolve_alias(alias.as_str()).await.expect("an alias");
        }
        metrics(&request).version_checks - before
    };
    let mut fewest = checks_of_a_request().await;
    for _ in 0..20 {
        // One that is held up asks again.
        fewest = fewest.min(checks_of_a_request().await);
    }
    assert_eq!(fewest, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_sees_what_another_server_wrote_before_it_arrived() {
    let Some(world) = world().await else { return };
    let other = world.another_server().await;
    let busy = tokio::spawn({
        let server = world.installation.clone();
        async move {
            // Others' checks begin and end at any time.
            while server.metadata_version().await.is_some() {
                tokio::task::yield_now().await;
            }
        }
    });
    for number in 0..100 {
        let pushed = push(&other, &world, number).await;
        let request = world.installation.at(world.installation.arrival());
        assert_eq!(digest(&request, &world, "latest").await, pushed);
    }
    busy.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_sees_what_it_has_written_itself() {
    let Some(world) = world().await else { return };
    let request = world.installation.at(world.installation.arrival());
    for number in 0..20 {
        let pushed = push(&request, &world, number).await;
        assert_eq!(digest(&request, &world, "latest").await, pushed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_clients_push_into_one_repository_over_three_servers_without_an_error() {
    const CLIENTS: usize = 16;
    const PUSHES: usize = 8;
    let Some(world) = world().await else { return };
    let servers = [world.installation.clone(), world.another_server().await, world.another_server().await];
    let config = world.push_blob(b"{}").await;
    let before: Vec<_> = servers.iter().map(metrics).collect();
    let world = Arc::new(world);
    let client = |number: usize| {
        let (world, server, config) = (world.clone(), servers[number % servers.len()].clone(), config.clone());
        tokio::spawn(async move {
            for push in 0..PUSHES {
                let manifest = image(&config, &format!("{number}-{push}"));
                world.push_to(&server, &manifest, &[&format!("t{number}-{push}"), "latest"], Condition::None).await.expect("pushed");
            }
        })
    };
    for ended in (0..CLIENTS).map(client).collect::<Vec<_>>() {
        ended.await.expect("no error");
    }
    assert_eq!(world.metadata().number("SELECT COUNT(*) FROM tag"), (CLIENTS * PUSHES + 1) as i64);
    assert_eq!(world.metadata().number("SELECT image_count FROM repository"), (CLIENTS * PUSHES) as i64);
    let sum = |of: fn(&DatabaseMetrics) -> u64| {
        servers.iter().zip(&before).map(|(server, before)| of(&metrics(server)) - of(before)).sum::<u64>()
    };
    eprintln!(
        "{} writes by {CLIENTS} clients, and {} attempts that ran again",
        sum(|metrics| metrics.writes),
        sum(|metrics| metrics.conflicts)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_connections_empty_the_caches_and_the_next_requests_work() {
    let Some(world) = world().await else { return };
    let pushed = world.push_image("one", &["latest"]).await.to_string();
    assert_eq!(digest(&world.installation, &world, "latest").await, pushed);
    let version = world.installation.metadata_version().await;
    assert!(version.is_some() && version == world.installation.metadata_version().await);
    world
        .metadata()
        .run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
    assert_eq!(digest(&world.installation, &world, "latest").await, pushed);
    assert_ne!(world.installation.metadata_version().await, version);
    world.push_image("two", &["latest"]).await;
    assert_ne!(digest(&world.installation, &world, "latest").await, pushed);
    world.installation.check_ready().await.expect("ready");
}

/// "cached plan must not change result type".
#[tokio::test]
async fn a_change_of_the_schema_under_a_running_server_does_not_break_its_statements() {
    let Some(world) = world().await else { return };
    world.push_image("one", &["latest"]).await;
    world.installation.get_manifest(&world.key, &by_tag("latest")).await.expect("an image");
    world.metadata().run(
        "ALTER TABLE manifest ALTER COLUMN media_type TYPE VARCHAR(300) COLLATE \"C\"; ALTER TABLE tag ADD COLUMN note TEXT;
        UPDATE change SET writes = writes + 1 WHERE slot = 0",
    );
    world.installation.get_manifest(&world.key, &by_tag("latest")).await.expect("an image");
    world.push_image("two", &["latest"]).await;
    assert!(metrics(&world.installation).retries > 0);
}

#[tokio::test]
async fn a_schema_that_is_one_migration_ahead_is_served_and_one_that_is_further_is_refused() {
    let Some(world) = world().await else { return };
    let one_more = "INSERT INTO schema_version (version) SELECT MAX(version) + 1 FROM schema_version";
    world.metadata().run(one_more);
    world.installation.check_ready().await.expect("the next version has migrated");
    let world = world.restart().await;
    world.push_image("one", &["latest"]).await;
    world.metadata().run(one_more);
    let text = refusal(changed(&world, |_| ())).await;
    assert!(text.contains("newer Roadstead") && text.contains(world.database.name()), "{text}");
    assert!(world.installation.check_ready().await.is_err());
}

#[tokio::test]
async fn a_database_that_cannot_be_used_is_refused_by_name_and_without_the_password() {
    let Some(world) = world().await else { return };
    let secret = || Password::Text("hunter2".to_owned());
    let absent = changed(&world, |database| (database.database, database.password) = ("no_such_database".to_owned(), secret()));
    let unknown = changed(&world, |database| (database.user, database.password) = ("nobody_at_all".to_owned(), secret()));
    for (options, expected) in [(absent, "no_such_database"), (unknown, "nobody_at_all")] {
        let text = refusal(options).await;
        assert!(text.contains(expected) && text.contains("cannot be used as") && !text.contains("hunter2"), "{text}");
    }
    let unreachable = Installation::open(changed(&world, |database| database.port = 1)).await.err();
    assert!(matches!(&unreachable, Some(OpenError::Metadata(roadstead_registry::Error::Unavailable(_)))), "{unreachable:?}");
}

#[tokio::test]
async fn who_may_not_write_is_refused() {
    let Some(world) = world().await else { return };
    world.metadata().run("DO $$ BEGIN CREATE ROLE roadstead_reader LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$");
    world.metadata().run("GRANT SELECT ON ALL TABLES IN SCHEMA public TO roadstead_reader");
    let text = refusal(changed(&world, |database| database.user = "roadstead_reader".to_owned())).await;
    assert!(text.contains("permission denied") && text.contains("roadstead_reader"), "{text}");
}
