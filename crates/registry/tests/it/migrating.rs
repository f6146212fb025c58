//! Data that an older Roadstead has written.

use crate::support::{OCI_CONFIG, OCI_MANIFEST, Parts, World};
use roadstead_model::{Algorithm, Digest, PageSize};
use roadstead_registry::Referrer;
use serde_json::json;

/// Undoes migrations 3 and 4, as far as the data of this test needs it.
const BACK_TO_2: &str = r#"
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
    let page = world.registry.list_referrers(&world.id, &world.name, subject, None, None, PageSize::clamped(100)).await;
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
    let upload = world.registry.start_upload(&world.id, &world.name, None, false).await.expect("a session");
    world.registry.append_upload(&world.id, &world.name, &upload.id, None, &mut Parts::of(&[b"first "])).await.expect("a part");
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
    world.registry.complete_upload_with(&world.id, &world.name, &upload.id, Some(6), rest, &digest).await.expect("a blob");
    world.push_image("another", &["b"]).await;
}
