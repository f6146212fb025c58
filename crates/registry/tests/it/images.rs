//! Pushing, pulling and describing images.

use crate::support::{OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST, World, tag};
use bytes::Bytes;
use proptest::prelude::*;
use roadstead_model::media_type::DOCKER_MANIFEST;
use roadstead_model::{Algorithm, Digest, ImageId, PageSize, Reference, Tag};
use roadstead_registry::{Condition, Error, ManifestPush};
use serde_json::json;

async fn size_of(world: &World, digest: &Digest) -> u64 {
    let id = ImageId { digest: Some(digest.clone()), tag: None };
    world.installation.describe_images(&world.key, &[id]).await.expect("an image")[0].summary.size_bytes
}

#[tokio::test]
async fn an_index_is_as_large_as_the_largest_of_its_manifests_nested_ones_included() {
    let world = World::new().await;
    let small = world.push_image("a", &[]).await;
    let large = world.push_image("a longer seed", &[]).await;
    let index = world.push_index(&[&small, &large], &["index"]).await.expect("an index").digest;
    let outer = world.push_index(&[&small, &index], &["outer"]).await.expect("an index of an index").digest;
    let expected = size_of(&world, &large).await;
    assert_eq!(expected, 100 + 1000 + "a longer seed".len() as u64);
    assert_eq!((size_of(&world, &index).await, size_of(&world, &outer).await), (expected, expected));
}

#[tokio::test]
async fn the_artifact_media_type_is_absent_for_an_index_without_one() {
    let world = World::new().await;
    let image = world.push_image("a", &["image"]).await;
    world.push_index(&[&image], &["index"]).await.expect("an index");
    let artifact = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "artifactType": "application/x.bundle", "manifests": []});
    world.push(&artifact, &["bundle"]).await.expect("an artifact");
    let page = world.installation.list_image_tags(&world.key, None, PageSize::DEFAULT).await.expect("a page");
    let types: Vec<_> = page.items.iter().map(|row| (row.tag.as_str(), row.image.artifact_media_type.as_deref())).collect();
    assert_eq!(types, [("bundle", Some("application/x.bundle")), ("image", Some(OCI_CONFIG)), ("index", None)]);
}

#[tokio::test]
async fn a_manifest_whose_parts_are_missing_is_refused_and_names_them() {
    let world = World::new().await;
    let absent = Digest::of(Algorithm::Sha256, b"absent");
    let image = json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST,
        "config": {"mediaType": OCI_CONFIG, "digest": absent.as_str(), "size": 1}, "layers": [],
    });
    let error = world.push(&image, &["a"]).await.expect_err("an error");
    assert!(matches!(&error, Error::LayersNotFound { digests, .. } if *digests == [absent.clone()]), "{error}");
    let error = world.push_index(&[&absent], &["a"]).await.expect_err("an error");
    assert!(matches!(&error, Error::ReferencedImagesNotFound { digests, .. } if *digests == [absent]), "{error}");
    assert!(world.installation.list_images(&world.key, None, PageSize::DEFAULT).await.expect("a page").items.is_empty());
}

#[tokio::test]
async fn an_index_may_list_a_blob_of_the_repository() {
    let world = World::new().await;
    let layer = world.push_blob(b"a cache layer").await;
    let entry = json!({"mediaType": OCI_LAYER, "digest": layer.as_str(), "size": 13});
    world.push(&json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}), &["cache"]).await.expect("a cache index");
    let refused = world.installation.delete_blob(&world.key, &layer).await;
    assert!(matches!(refused, Err(Error::StillNeeded { .. })), "the index needs the blob");
}

#[tokio::test]
async fn a_conditional_push_happens_only_when_its_condition_holds() {
    let world = World::new().await;
    let first = world.push_image("one", &["latest"]).await;
    let empty = |n: u32| json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [], "annotations": {"n": n.to_string()}});
    let refused = |result: Result<_, Error>| matches!(result, Err(Error::PreconditionFailed));
    assert!(refused(world.push_if(&empty(1), &["latest"], Condition::Absent).await));
    assert!(refused(world.push_if(&empty(1), &["new"], Condition::Present).await));
    let second = world.push_if(&empty(1), &["latest"], Condition::Is(vec![first.clone()])).await.expect("the condition holds");
    assert!(refused(world.push_if(&empty(2), &["latest"], Condition::Is(vec![first])).await), "the tag has moved");
    assert!(refused(world.push_if(&empty(2), &["latest"], Condition::IsNot(vec![second.digest])).await));
    assert!(world.push_if(&empty(2), &["new"], Condition::Absent).await.is_ok());
}

#[tokio::test]
async fn the_first_push_says_what_a_manifest_is_and_no_later_one_says_otherwise() {
    let world = World::new().await;
    let config = world.push_blob(b"{}").await;
    let manifest = json!({ "schemaVersion": 2, "config": {"digest": config.as_str(), "size": 2}, "layers": [] }).to_string();
    let push = async |media_type: Option<&str>, tags: Vec<Tag>| {
        let (bytes, media_type) = (manifest.clone().into(), media_type.map(str::to_owned));
        let push = ManifestPush { bytes, media_type, digest: None, tags, condition: Condition::None, create_repository: false };
        world.installation.put_manifest(&world.key, push).await
    };
    assert_eq!(push(Some(DOCKER_MANIFEST), vec![tag("a")]).await.map(|put| put.media_type).ok().as_deref(), Some(DOCKER_MANIFEST));
    match push(Some(OCI_MANIFEST), vec![tag("b")]).await {
        Err(Error::MediaTypeFixed { media_type, .. }) => assert_eq!(media_type, DOCKER_MANIFEST),
        other => panic!("{other:?}"),
    }
    let tags = world.installation.list_tags(&world.key, None, PageSize::MAXIMUM).await.expect("a page");
    assert_eq!(tags.items, [tag("a")], "a refused push sets no tag");
    for media_type in [Some(DOCKER_MANIFEST), None] {
        assert_eq!(push(media_type, vec![tag("b")]).await.map(|put| put.media_type).ok().as_deref(), Some(DOCKER_MANIFEST));
    }
}

#[tokio::test]
async fn several_tags_are_set_together_or_not_at_all() {
    let world = World::new().await;
    world.push_image("one", &["taken"]).await;
    let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []});
    assert!(world.push_if(&index, &["free", "taken"], Condition::Absent).await.is_err());
    let tags = world.installation.list_tags(&world.key, None, PageSize::DEFAULT).await.expect("a page").items.clone();
    assert_eq!(tags, [tag("taken")]);
}

#[tokio::test]
async fn images_are_described_by_digest_by_tag_or_by_both_if_they_agree() {
    let world = World::new().await;
    let one = world.push_image("one", &["a", "b"]).await;
    let two = world.push_image("two", &["c"]).await;
    let id = |digest: Option<&Digest>, name: Option<&str>| ImageId { digest: digest.cloned(), tag: name.map(tag) };
    let images = world.installation.describe_images(&world.key, &[id(None, Some("c")), id(Some(&one), Some("a"))]).await.expect("both");
    assert_eq!((&images[0].summary.digest, &images[1].summary.digest), (&two, &one));
    assert_eq!(images[1].tags, [tag("a"), tag("b")]);
    let error = world.installation.describe_images(&world.key, &[id(Some(&one), Some("c"))]).await.expect_err("they disagree");
    assert_eq!(
        error.to_string(),
        format!(
            "The image with imageId {{imageDigest:'{one}', imageTag:'c'}} does not exist within the repository with name 'team/app' in the registry with id '000000000000'"
        )
    );
}

#[tokio::test]
async fn a_manifest_pushed_under_sha512_is_found_under_it() {
    let world = World::new().await;
    let bytes = Bytes::from(json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}).to_string());
    let digest = Digest::of(Algorithm::Sha512, &bytes);
    let push = ManifestPush {
        bytes,
        media_type: None,
        digest: Some(digest.clone()),
        tags: vec![],
        condition: Condition::None,
        create_repository: false,
    };
    world.installation.put_manifest(&world.key, push).await.expect("stored");
    assert!(world.installation.get_manifest(&world.key, &Reference::Digest(digest)).await.is_ok());
}

#[tokio::test]
async fn the_bytes_of_a_large_manifest_are_read_when_they_are_asked_for_and_not_before() {
    let world = World::new().await;
    for (note, given) in [(64 * 1024 - 200, true), (64 * 1024, false)] {
        let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [], "note": "x".repeat(note)});
        let bytes = Bytes::from(index.to_string());
        let digest = Digest::of(Algorithm::Sha256, &bytes);
        let push = ManifestPush {
            bytes: bytes.clone(),
            media_type: None,
            digest: None,
            tags: vec![tag("a")],
            condition: Condition::None,
            create_repository: false,
        };
        world.installation.put_manifest(&world.key, push).await.expect("stored");
        for reference in [Reference::Tag(tag("a")), Reference::Digest(digest.clone())] {
            let found = world.installation.get_manifest(&world.key, &reference).await.expect("a manifest");
            assert_eq!((found.size, found.bytes), (bytes.len() as u64, given.then(|| bytes.clone())));
        }
        assert_eq!(world.installation.manifest_bytes(&world.key, &digest).await.expect("its bytes"), bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn stored_manifest_bytes_are_exactly_the_pushed_bytes(blanks in "[ \n\t]{0,30}", note in "\\PC{0,40}") {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let world = World::new().await;
            let bytes = Bytes::from(format!("{blanks}{}{blanks}", json!({"manifests": [], "schemaVersion": 2, "note": note})));
            let push = ManifestPush {
                bytes: bytes.clone(), media_type: Some(OCI_INDEX.to_owned()), digest: None, tags: vec![tag("a")],
                condition: Condition::None, create_repository: false,
            };
            world.installation.put_manifest(&world.key, push).await.expect("stored");
            let stored = world.installation.get_manifest(&world.key, &Reference::Tag(tag("a"))).await.expect("found");
            assert_eq!((stored.size, stored.bytes, stored.media_type.as_str()), (bytes.len() as u64, Some(bytes), OCI_INDEX));
        });
    }
}

#[tokio::test]
async fn what_is_pulled_again_is_what_was_pushed_last_whoever_pushed_it() {
    let world = World::new().await;
    let beside = world.beside().await;
    let latest = Reference::Tag(tag("latest"));
    let mut pushed = Vec::new();
    for seed in ["a", "b", "c", "d"] {
        let digest = world.push_image(seed, &[]).await;
        let manifest = world.installation.get_manifest(&world.key, &Reference::Digest(digest.clone())).await.expect("a manifest");
        let tags = vec![tag("latest")];
        let bytes = world.installation.manifest_bytes(&world.key, &manifest.digest).await.expect("its bytes");
        let push = ManifestPush { bytes, media_type: None, digest: None, tags, condition: Condition::None, create_repository: false };
        let pusher = if pushed.len() % 2 == 0 { &world.installation } else { &beside };
        pusher.put_manifest(&world.key, push).await.expect("a push");
        for installation in [&world.installation, &beside, &world.installation] {
            assert_eq!(installation.get_manifest(&world.key, &latest).await.expect("a manifest").digest, digest);
        }
        pushed.push(digest);
    }
    beside.delete_tag(&world.key, &tag("latest")).await.expect("a deletion");
    assert!(matches!(world.installation.get_manifest(&world.key, &latest).await, Err(Error::ImageNotFound { .. })));
}
