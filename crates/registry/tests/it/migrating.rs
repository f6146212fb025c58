//! Migration of data written by older versions.

use crate::support::{OCI_CONFIG, OCI_MANIFEST, Parts, World, repository};
use roadstead_model::{Algorithm, Digest, Identity, PageSize, Referrer};
use serde_json::json;

/// Reverts migration 5: removes the unique ids of users and puts their ARNs back into policies.
const BEFORE_USER_IDS: &str = r#"
    UPDATE repository_policy SET document = REPLACE(document,
        (SELECT unique_id FROM iam_user WHERE name = 'ann'), 'arn:aws:iam::000000000000:user/ann');
    DROP INDEX iam_user_by_unique_id;
    ALTER TABLE iam_user DROP COLUMN unique_id;
    DELETE FROM schema_version WHERE version > 4;
"#;

/// Reverts migrations 3, 4 and 5, as far as the data of this test requires.
const BACK_TO_2: &str = r#"
    DROP INDEX iam_user_by_unique_id;
    ALTER TABLE iam_user DROP COLUMN unique_id;
    ALTER TABLE referrer ADD COLUMN annotations TEXT NOT NULL DEFAULT '';
    UPDATE referrer SET annotations = COALESCE(json_extract(descriptor, '$.annotations'), '{}');
    ALTER TABLE referrer DROP COLUMN descriptor;
    DROP TABLE blob_content;
    ALTER TABLE upload RENAME TO new_upload;
    CREATE TABLE upload (id TEXT NOT NULL PRIMARY KEY, repository_id INTEGER NOT NULL REFERENCES repository (id), received BIGINT NOT NULL,
        hash_state BLOB NOT NULL, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, minimum_part BIGINT NOT NULL DEFAULT 0,
        last_part BIGINT NOT NULL DEFAULT 0, has_short_part BOOLEAN NOT NULL DEFAULT FALSE);
    CREATE INDEX upload_by_repository ON upload (repository_id);
    CREATE INDEX upload_by_age ON upload (updated_at);
    INSERT INTO upload SELECT id, repository_id, received, hash_state, created_at, updated_at, minimum_part, last_part, has_short_part FROM new_upload;
    DROP TABLE new_upload;
    DELETE FROM schema_version WHERE version > 2;
"#;

async fn referrers(world: &World, subject: &Digest) -> Vec<Referrer> {
    let page = world.installation.list_referrers(&world.key, subject, None, None, PageSize::clamped(100)).await;
    page.expect("a page").items.clone()
}

#[tokio::test]
async fn what_version_2_of_the_schema_held_is_all_there_after_the_migration() {
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
    let upload = world.installation.start_upload(&world.key, None, false).await.expect("a session");
    world.installation.append_upload(&world.key, &upload.id, None, &mut Parts::of(&[b"first "])).await.expect("a part");
    let before = referrers(&world, &subject).await;
    assert_eq!(before.len(), 3);

    let path = world.folder.path().join("roadstead.db");
    let world =
        world.restart_after(|| rusqlite::Connection::open(path).and_then(|old| old.execute_batch(BACK_TO_2)).expect("old data")).await;
    let after = referrers(&world, &subject).await;
    assert_eq!(after, before);
    let read = |referrer: &Referrer| serde_json::from_str::<serde_json::Value>(&referrer.descriptor).expect("JSON")["artifactType"].clone();
    let mut types: Vec<_> = after.iter().map(read).collect();
    types.sort_by_key(ToString::to_string);
    assert_eq!(types, ["application/plain", "grüße/✓", "with \"quotes\", a \\ and a\nline"]);

    let rest = &mut Parts::of(&[b"and last"]);
    let digest = Digest::of(Algorithm::Sha256, b"first and last");
    world.installation.complete_upload_with(&world.key, &upload.id, Some(6), rest, &digest).await.expect("a blob");
    world.push_image("another", &["b"]).await;
}

#[tokio::test]
async fn users_of_an_older_schema_get_unique_ids_and_the_policies_that_name_them_are_bound() {
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

    let path = world.folder.path().join("roadstead.db");
    let world = world
        .restart_after(|| {
            let old = rusqlite::Connection::open(path).expect("the database");
            old.execute_batch(BEFORE_USER_IDS).expect("old data");
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
    let stored = facts.repository_policy.expect("a policy");
    assert!(stored.contains(users[0].id.as_str()) && stored.contains("user/gone"), "{stored}");
    assert_eq!(world.installation.repository_policy(&world.key).await.expect("a policy"), shown);

    world.installation.delete_user(&world.id, "ann").await.expect("deleted");
    world.installation.create_user(&world.id, "ann").await.expect("another one");
    let shown = world.installation.repository_policy(&world.key).await.expect("a policy");
    assert!(shown.contains(users[0].id.as_str()) && !shown.contains("user/ann"), "{shown}");
}
