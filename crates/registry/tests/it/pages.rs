//! Limits of pages in bytes and entries, also for data stored by older versions.

use crate::support::database::is_postgres;
use crate::support::{OCI_CONFIG, OCI_LAYER, OCI_MANIFEST, World};
use roadstead_model::manifest::MAXIMUM_ANNOTATIONS;
use roadstead_model::page::PAGE_BYTES;
use roadstead_model::{Digest, ImageId, PageSize, Reference, Referrer};
use roadstead_registry::{Asker, Error};
use serde_json::{Value, json};
use std::collections::BTreeSet;

async fn push_referrer(world: &World, subject: &Digest, annotations: Value) -> Digest {
    let config = world.push_blob(b"{}").await;
    let manifest = json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": "application/x", "annotations": annotations,
        "config": {"mediaType": OCI_CONFIG, "digest": config.as_str(), "size": 2},
        "subject": {"mediaType": OCI_MANIFEST, "digest": subject.as_str(), "size": 1},
    });
    world.push(&manifest, &[]).await.expect("a referrer").digest
}

/// All pages of the referrers of `subject`.
async fn pages(world: &World, subject: &Digest) -> Vec<Vec<Referrer>> {
    let (mut pages, mut after) = (Vec::new(), None::<String>);
    loop {
        let page = world.installation.list_referrers(&world.key, subject, None, after.as_deref(), PageSize::MAXIMUM).await;
        let page = page.expect("a page");
        pages.push(page.items.clone());
        after.clone_from(&page.next);
        if after.is_none() {
            return pages;
        }
        assert!(pages.len() < 1000, "a listing without an end");
    }
}

/// Changes stored data as if it had been written before sizes were limited.
async fn with_old_rows(world: World, sql: &str) -> World {
    let tables = world.metadata();
    world.restart_after(|| tables.run(sql)).await
}

fn bytes_of(page: &[Referrer]) -> usize {
    page.iter().map(|referrer| referrer.descriptor.len()).sum()
}

#[tokio::test]
async fn a_page_of_referrers_has_four_mebibytes_and_not_much_less() {
    let world = World::new().await;
    let subject = world.push_image("subject", &[]).await;
    let mut pushed = BTreeSet::new();
    for number in 0..70 {
        let annotations = json!({ "n": format!("{number:0width$}", width = MAXIMUM_ANNOTATIONS as usize - 8) });
        pushed.insert(push_referrer(&world, &subject, annotations).await.to_string());
    }
    let pages = pages(&world, &subject).await;
    assert_eq!(pages.len(), 2);
    let first = bytes_of(&pages[0]);
    assert!((PAGE_BYTES - 70_000..PAGE_BYTES).contains(&first), "{first}");
    let listed: Vec<_> = pages.concat().into_iter().map(|referrer| referrer.digest).collect();
    assert_eq!((listed.len(), listed.into_iter().collect()), (70, pushed));
}

#[tokio::test]
async fn annotations_from_before_there_was_a_bound_are_left_out_as_a_whole() {
    if is_postgres("functions of SQLite write its rows") {
        return;
    }
    let world = World::new().await;
    let subject = world.push_image("subject", &[]).await;
    for number in 0..12 {
        push_referrer(&world, &subject, json!({ "n": number.to_string() })).await;
    }
    let kept = push_referrer(&world, &subject, json!({ "kept": "yes" })).await;
    let sql = format!(
        "UPDATE referrer SET descriptor = json_set(descriptor, '$.annotations.x', printf('%.*c', 4000000, 'y')) WHERE digest <> '{kept}'"
    );
    let world = with_old_rows(world, &sql).await;
    let pages = pages(&world, &subject).await;
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [13], "omitted annotations do not count");
    for referrer in &pages[0] {
        let descriptor: Value = serde_json::from_str(&referrer.descriptor).expect("JSON");
        assert_eq!(descriptor["digest"], referrer.digest);
        assert_eq!(
            (&descriptor["mediaType"], &descriptor["artifactType"], descriptor["size"].as_u64().is_some_and(|size| size > 200)),
            (&json!(OCI_MANIFEST), &json!("application/x"), true)
        );
        let annotations = if referrer.digest == kept.as_str() { json!({ "kept": "yes" }) } else { Value::Null };
        assert_eq!(descriptor["annotations"], annotations);
    }
}

#[tokio::test]
async fn media_types_from_before_there_was_a_bound_are_not_told_and_end_a_page_early() {
    if is_postgres("functions of SQLite write its rows") {
        return;
    }
    let world = World::new().await;
    let subject = world.push_image("subject", &["a", "b"]).await;
    let other = world.push_image("other", &["c"]).await;
    push_referrer(&world, &subject, json!({})).await;
    let world = with_old_rows(
        world,
        "UPDATE manifest SET media_type = printf('%.*c', 3000000, 'm'), artifact_media_type = printf('%.*c', 256, 'a');
         UPDATE referrer SET descriptor = json_set(descriptor, '$.mediaType', printf('%.*c', 3000000, 'm'))",
    )
    .await;
    let (mut tags, mut after) = (Vec::new(), None::<String>);
    for number in 0..3 {
        let page = world.installation.list_image_tags(&world.key, after.as_deref(), PageSize::MAXIMUM).await.expect("a page");
        assert_eq!((page.items.len(), page.next.is_some()), (1, number < 2));
        let image = &page.items[0].image;
        assert_eq!((image.media_type.as_str(), image.artifact_media_type.as_deref()), ("application/octet-stream", None));
        tags.push(page.items[0].tag.to_string());
        after.clone_from(&page.next);
    }
    assert_eq!(tags, ["a", "b", "c"]);

    let (mut images, mut after) = (BTreeSet::new(), None::<String>);
    for _ in 0..3 {
        let page = world.installation.list_images(&world.key, after.as_deref(), PageSize::MAXIMUM).await.expect("a page");
        assert_eq!(page.items.len(), 1);
        images.insert(page.items[0].summary.digest.to_string());
        after = page.next;
    }
    assert_eq!((images.len(), after, images.contains(other.as_str())), (3, None, true));

    let [referrer] = &pages(&world, &subject).await.concat()[..] else { panic!("one referrer") };
    let descriptor: Value = serde_json::from_str(&referrer.descriptor).expect("JSON");
    assert_eq!((&descriptor["mediaType"], &descriptor["artifactType"]), (&json!("application/octet-stream"), &Value::Null));
    let pulled = world.installation.get_manifest(&world.key, &Reference::Digest(subject)).await.expect("a manifest");
    assert_eq!(pulled.media_type, "application/octet-stream");
}

#[tokio::test]
async fn images_with_many_tags_end_a_page_early_and_are_not_named_all_at_once() {
    if is_postgres("functions of SQLite write its rows") {
        return;
    }
    let world = World::new().await;
    let mut digests = BTreeSet::new();
    for number in 0..40 {
        digests.insert(world.push_image(&number.to_string(), &[]).await.to_string());
    }
    let world = with_old_rows(
        world,
        "INSERT INTO tag (repository_id, name, manifest_id, created_at)
            WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < 999)
            SELECT m.repository_id, printf('%.*c', 100, 't') || printf('%024d', m.id) || printf('%04d', n.n), m.id, 1 FROM manifest m, n",
    )
    .await;
    let (mut listed, mut lengths, mut after) = (Vec::new(), Vec::new(), None::<String>);
    loop {
        let page = world.installation.list_images(&world.key, after.as_deref(), PageSize::MAXIMUM).await.expect("a page");
        assert!(page.items.iter().all(|image| image.tags.len() == 1000));
        lengths.push(page.items.len());
        listed.extend(page.items.into_iter().map(|image| image.summary.digest));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(lengths, [31, 9], "of 131,000 bytes each");
    assert_eq!(listed.iter().map(Digest::to_string).collect::<BTreeSet<_>>(), digests);
    let ids: Vec<_> = listed.into_iter().map(|digest| ImageId { digest: Some(digest), tag: None }).collect();
    let describe = async |count: usize| world.installation.describe_images(&world.key, &ids[..count]).await;
    assert_eq!(describe(31).await.map(|images| images.len()).ok(), Some(31));
    assert!(matches!(describe(32).await, Err(Error::AnswerTooLarge { .. })));
}

#[tokio::test]
async fn every_layer_is_described_by_a_manifest_that_has_it() {
    let world = World::new().await;
    world.push_image("one", &[]).await;
    world.push_image("two", &[]).await;
    let unused = world.push_blob(b"unused").await;
    let digest = |text: &str| Digest::of(roadstead_model::Algorithm::Sha256, text.as_bytes());
    let asked = [digest("layer one"), digest("config two"), digest("config one"), unused, digest("layer two"), digest("absent")];
    let found = world.installation.find_layers(&world.key, &asked, Asker::Pusher).await.expect("an answer");
    let types: Vec<_> = found.iter().map(|layer| layer.as_ref().map(|layer| layer.media_type.as_deref())).collect();
    let (layer, config) = (Some(Some(OCI_LAYER)), Some(Some(OCI_CONFIG)));
    assert_eq!(types, [layer, config, config, Some(None), layer, None]);
}

#[tokio::test]
async fn an_image_is_described_with_all_its_tags_or_not_at_all() {
    if is_postgres("functions of SQLite write its rows") {
        return;
    }
    for (length, all) in [(10, true), (120, false)] {
        let world = World::new().await;
        let digest = world.push_image("1", &[]).await;
        let sql = format!(
            "INSERT INTO tag (repository_id, name, manifest_id, created_at)
                WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < 39999)
                SELECT m.repository_id, 't' || printf('%0{length}d', n.n), m.id, 1 FROM manifest m, n"
        );
        let world = with_old_rows(world, &sql).await;
        let ids = [ImageId { digest: Some(digest), tag: None }];
        match world.installation.describe_images(&world.key, &ids).await {
            Ok(images) => assert_eq!((images[0].tags.len(), all), (40_000, true)),
            Err(error) => assert!(matches!(error, Error::AnswerTooLarge { .. }) && !all, "{error}"),
        }
    }
}
