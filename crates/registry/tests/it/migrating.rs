//! Migration of data written by older versions.

use crate::support::database::is_postgres;
use crate::support::{OCI_CONFIG, OCI_MANIFEST, Parts, World, repository};
use roadstead_model::{Algorithm, Digest, Identity, PageSize, Referrer, ResourceTag};
use serde_json::json;
use std::path::Path;

/// The migrations, in order.
const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/0001_initial.sql"),
    include_str!("../../migrations/0002_catalog_policies_principals.sql"),
    include_str!("../../migrations/0003_small_blobs.sql"),
    include_str!("../../migrations/0004_referrer_descriptors.sql"),
    include_str!("../../migrations/0005_user_ids.sql"),
    include_str!("../../migrations/0006_search.sql"),
    include_str!("../../migrations/0007_gallery_tags.sql"),
    include_str!("../../migrations/0008_gallery_texts.sql"),
    include_str!("../../migrations/0009_uploads.sql"),
    include_str!("../../migrations/0010_key_check.sql"),
    include_str!("../../migrations/0011_leaders.sql"),
    include_str!("../../migrations/0012_acme.sql"),
    include_str!("../../migrations/0013_early_data.sql"),
];

/// Columns that a later migration removed, with what they were computed from.
const REMOVED: &[(&str, &str, &str)] = &[("referrer", "annotations", "COALESCE(json_extract(descriptor, '$.annotations'), '{}')")];

/// Puts the ARN of a user back into policies, as they were before users had unique ids.
const UNBIND_POLICIES: &str = "UPDATE repository_policy SET document = REPLACE(document,
    (SELECT unique_id FROM now.iam_user WHERE name = 'ann'), 'arn:aws:iam::000000000000:user/ann')";

/// Replaces the database of a closed installation by one of an older version of the schema, with the same content as far as that version
/// has it. Then runs `sql` in it.
fn downgrade(folder: &Path, version: usize, sql: &str) {
    let (now, old) = (folder.join("roadstead.db"), folder.join("old.db"));
    let database = rusqlite::Connection::open(&old).expect("a database");
    database
        .execute_batch("PRAGMA foreign_keys = OFF; CREATE TABLE schema_version (version BIGINT NOT NULL PRIMARY KEY)")
        .expect("a table");
    for (script, version) in MIGRATIONS.iter().zip(1_i64..).take(version) {
        database.execute_batch(script).expect("a migration");
        database.execute("INSERT INTO schema_version (version) VALUES (?1)", [version]).expect("its version");
    }
    database.execute("ATTACH ?1 AS now", [now.to_str()]).expect("the current database");
    for table in names(&database, "SELECT name FROM main.sqlite_master WHERE type = 'table' AND name <> 'schema_version'") {
        let columns = |schema: &str| names(&database, &format!("SELECT name FROM pragma_table_info('{table}', '{schema}')"));
        let current = columns("now");
        let copied = columns("main").into_iter().filter_map(|column| {
            let removed = REMOVED.iter().find(|(of, name, _)| *of == table && *name == column).map(|(_, _, source)| (*source).to_owned());
            let source = removed.or_else(|| current.contains(&column).then(|| column.clone()))?;
            Some((column, source))
        });
        let (columns, sources): (Vec<_>, Vec<_>) = copied.unzip();
        let copy = format!(
            "DELETE FROM main.{table}; INSERT INTO main.{table} ({}) SELECT {} FROM now.{table}",
            columns.join(", "),
            sources.join(", ")
        );
        database.execute_batch(&copy).unwrap_or_else(|error| panic!("{table}: {error}"));
    }
    database.execute_batch(sql).expect("old data");
    drop(database);
    std::fs::rename(old, now).expect("the old database");
}

fn names(database: &rusqlite::Connection, query: &str) -> Vec<String> {
    let mut query = database.prepare(query).expect("a query");
    let names = query.query_map([], |row| row.get(0)).expect("rows");
    names.map(|name| name.expect("a name")).collect()
}

async fn referrers(world: &World, subject: &Digest) -> Vec<Referrer> {
    let page = world.installation.list_referrers(&world.key, subject, None, None, PageSize::clamped(100)).await;
    page.expect("a page").items.clone()
}

#[tokio::test]
async fn what_version_2_of_the_schema_held_is_all_there_after_the_migration() {
    if is_postgres("no version before this one used it") {
        return;
    }
    let world = World::of_files().await;
    let subject = world.push_image("subject", &["a"]).await;
    let config = world.push_blob(b"{}").await;
    for (number, artifact_type) in ["application/plain", "with \"quotes\", a \\ and a\nline", "grüße/✓"].into_iter().enumerate() {
        let annotations = if number == 0 { json!({}) } else { json!({ "a \"b\" \\": "c\nü", "empty": "" }) };
        let manifest = json!({
            "schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": artifact_type, "annotations": annotations,
            "config": {"mediaType": OCI_CONFIG, "digest": config.as_str(), "size": 2}, "layers": [],
            "subject": {"mediaType": OCI_MANIFEST, "digest": subject.as_str(), "size": 1},
        });
        world.push(&manifest, &[]).await.expect("a referrer");
    }
    let upload = world.installation.start_upload(&world.key, &world.caller, None, false).await.expect("a session");
    world.installation.append_upload(world.session(&upload.id), None, &mut Parts::of(&[b"first "])).await.expect("a part");
    let before = referrers(&world, &subject).await;
    assert_eq!(before.len(), 3);

    let folder = world.folder.path().to_owned();
    let world = world.restart_after(|| downgrade(&folder, 2, "")).await;
    let after = referrers(&world, &subject).await;
    assert_eq!(after, before);
    let read = |referrer: &Referrer| serde_json::from_str::<serde_json::Value>(&referrer.descriptor).expect("JSON")["artifactType"].clone();
    let mut types: Vec<_> = after.iter().map(read).collect();
    types.sort_by_key(ToString::to_string);
    assert_eq!(types, ["application/plain", "grüße/✓", "with \"quotes\", a \\ and a\nline"]);

    let rest = &mut Parts::of(&[b"and last"]);
    let digest = Digest::of(Algorithm::Sha256, b"first and last");
    world.installation.complete_upload_with(world.session(&upload.id), Some(6), rest, &digest).await.expect("a blob");
    world.push_image("another", &["b"]).await;
}

#[tokio::test]
async fn users_of_an_older_schema_get_unique_ids_and_the_policies_that_name_them_are_bound() {
    if is_postgres("no version before this one used it") {
        return;
    }
    let world = World::new().await;
    let ann = Identity { registry: world.id.clone(), user: Some("ann".to_owned()) };
    for name in ["ann", "bob"] {
        world.installation.create_user(&world.id, name).await.expect("a user");
    }
    let policy = r#"{"Statement":[{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::000000000000:user/ann","arn:aws:iam::000000000000:user/gone"]},"Action":"ecr-public:*"}]}"#;
    let bound = world.installation.bind_policy(None, policy).await.expect("a policy");
    let shown = world.installation.set_repository_policy(&world.key, bound).await.expect("set");
    let unreadable = repository("team/unreadable");
    world.installation.create_repository(&unreadable).await.expect("a repository");

    let folder = world.folder.path().to_owned();
    let world = world
        .restart_after(|| {
            downgrade(&folder, 4, UNBIND_POLICIES);
            let old = rusqlite::Connection::open(folder.join("roadstead.db")).expect("the database");
            let broken = "INSERT INTO repository_policy SELECT id, 'no policy' FROM repository WHERE name = 'team/unreadable'";
            old.execute_batch(broken).expect("a policy that cannot be read");
            let document: String = old.query_row("SELECT document FROM repository_policy LIMIT 1", [], |row| row.get(0)).expect("a policy");
            assert!(document.contains("user/ann") && !document.contains("AIDA"), "{document}");
        })
        .await;
    let users = world.installation.users(&world.id).await.expect("a list");
    assert!(users.len() == 2 && users[0].id != users[1].id, "{users:?}");
    let facts = world.installation.access_facts(&ann, Some(&world.key)).await.expect("facts");
    assert_eq!(facts.user_id.as_ref(), Some(&users[0].id));
    let stored = facts.repository_policy.as_deref().expect("a policy");
    assert!(stored.contains(users[0].id.as_str()) && stored.contains("user/gone"), "{stored}");
    assert_eq!(world.installation.repository_policy(&world.key).await.expect("a policy"), shown);

    world.installation.delete_user(&world.id, "ann").await.expect("deleted");
    world.installation.create_user(&world.id, "ann").await.expect("another one");
    let shown = world.installation.repository_policy(&world.key).await.expect("a policy");
    assert!(shown.contains(users[0].id.as_str()) && !shown.contains("user/ann"), "{shown}");
}

#[tokio::test]
async fn tags_of_an_older_schema_get_their_visibility_and_place_and_manifests_their_summaries() {
    if is_postgres("no version before this one used it") {
        return;
    }
    let world = World::of_files().await;
    let config = br#"{"os":"linux","architecture":"arm64"}"#;
    let image = world.push_configured_image(config, &["1.0.0", "latest", "nightly-1"]).await;
    let signature = format!("sha256-{}.sig", image.hex());
    world.push_configured_image(b"{}", &[&signature]).await;
    let hidden = ResourceTag { key: "roadstead:hidden-tags".to_owned(), value: "nightly-".to_owned() };
    world.installation.tag_resource(&world.key, vec![hidden]).await.expect("a resource tag");
    world.tend().await;
    let expected = gallery_rows(&world);
    assert!(expected.iter().any(|row| row.contains("arm64")) && expected.iter().any(|row| row.contains("nightly-1 2")), "{expected:?}");

    let folder = world.folder.path().to_owned();
    let world = world.restart_after(|| downgrade(&folder, 6, "")).await;
    world.tend().await;
    assert_eq!(gallery_rows(&world), expected);
}

/// All that migration 7 added, as text.
fn gallery_rows(world: &World) -> Vec<String> {
    let database = rusqlite::Connection::open(world.folder.path().join("roadstead.db")).expect("the database");
    [
        "SELECT name || ' ' || visibility || ' ' || version_key || ' ' || is_stable FROM tag ORDER BY name",
        "SELECT kind || ' ' || platforms || ' ' || annotations || ' ' || attaches FROM manifest_summary ORDER BY manifest_id",
        "SELECT subject || ' ' || kind || ' ' || manifest_id FROM attachment ORDER BY manifest_id",
        "SELECT listed_tags || ' ' || hidden_tags FROM repository",
    ]
    .iter()
    .flat_map(|query| names(&database, query))
    .collect()
}

#[test]
fn no_migration_is_left_out_of_these_tests() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let files = folder.read_dir().expect("the migrations").filter(|entry| entry.as_ref().expect("an entry").path().is_file());
    assert_eq!(files.count(), MIGRATIONS.len());
}

#[tokio::test]
async fn what_every_state_of_the_schema_held_is_all_there_after_the_migration() {
    if is_postgres("no version before this one used it") {
        return;
    }
    for version in 2..=MIGRATIONS.len() {
        let world = World::of_files().await;
        let images = [world.push_image("one", &["v1", "latest"]).await, world.push_image("two", &["v2", "latest"]).await];
        world.push_index(&[&images[0], &images[1]], &["multi"]).await.expect("an index");
        world.installation.create_user(&world.id, "ann").await.expect("a user");
        let policy = r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"ecr-public:DescribeImages"}]}"#;
        let policy = world.installation.bind_policy(None, policy).await.expect("a policy");
        world.installation.set_repository_policy(&world.key, policy).await.expect("set");
        let before = inventory(&world).await;
        assert!(before.iter().any(|line| line.contains("latest")), "{before:?}");

        let folder = world.folder.path().to_owned();
        let world = world.restart_after(|| downgrade(&folder, version, "")).await;
        assert_eq!(inventory(&world).await, before, "state {version}");
        world.push_image("three", &["v3"]).await;
    }
}

/// What the registry has, as text.
async fn inventory(world: &World) -> Vec<String> {
    let (installation, key) = (&world.installation, &world.key);
    let images = installation.list_images(key, None, PageSize::MAXIMUM).await.expect("images");
    let tags = installation.list_tags(key, None, PageSize::MAXIMUM).await.expect("tags");
    let users = installation.users(&world.id).await.expect("users");
    let mut lines = vec![installation.repository_policy(key).await.expect("a policy")];
    lines.extend(images.items.iter().map(|image| format!("{image:?}")));
    lines.extend(tags.items.iter().map(|tag| format!("{tag:?}")));
    lines.extend(users.iter().map(|user| user.name.clone()));
    lines
}
