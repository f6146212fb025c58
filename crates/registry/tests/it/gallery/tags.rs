//! What the gallery lists of a repository's tags, which of them is featured, and what is attached to their images.

use crate::support::{OCI_INDEX, OCI_MANIFEST, World, tag};
use proptest::prelude::*;
use roadstead_model::gallery::featured::Candidacy;
use roadstead_model::gallery::{ArtifactKind, AttachedKinds, TagOrder, TagRow, Visibility};
use roadstead_model::{Digest, ResourceTag};
use roadstead_registry::{FILTERED_TAGS, PageStart, TagPage, TagPlace, TagQuery};
use serde_json::{Value, json};

async fn list(world: &World, query: &TagQuery) -> TagPage {
    world.installation.tag_list(&world.key, query).await.expect("a page")
}

fn names(rows: &[TagRow]) -> Vec<&str> {
    rows.iter().map(|row| row.name.as_str()).collect()
}

async fn all(world: &World, order: TagOrder) -> Vec<String> {
    let page = list(world, &TagQuery { order, limit: 100, ..TagQuery::default() }).await;
    names(&page.rows).into_iter().map(str::to_owned).collect()
}

async fn row(world: &World, name: &str) -> TagRow {
    let query = TagQuery { filter: name.to_owned(), with_hidden: true, limit: 100, ..TagQuery::default() };
    list(world, &query).await.rows.into_iter().find(|row| row.name.as_str() == name).expect("the tag is listed")
}

async fn set(world: &World, key: &str, value: &str) {
    let tag = ResourceTag { key: key.to_owned(), value: value.to_owned() };
    world.installation.tag_resource(&world.key, vec![tag]).await.expect("a resource tag");
    world.tend().await;
}

/// Pushes a manifest with an empty config, and these members.
async fn push_artifact(world: &World, members: Value, tags: &[&str]) -> Digest {
    let config = world.push_blob(b"{}").await;
    let mut manifest = json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST, "layers": [],
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": config.as_str(), "size": 2},
    });
    manifest.as_object_mut().expect("an object").append(&mut members.as_object().expect("members").clone());
    world.push(&manifest, tags).await.expect("an artifact").digest
}

/// Pushes an image with a layer of a media type and a predicate type, as cosign and BuildKit push signatures and attestations.
async fn push_attestation(world: &World, media_type: &str, predicate: &str, tags: &[&str]) -> Digest {
    let layer = world.push_blob(format!("{media_type} {predicate} {tags:?}").as_bytes()).await;
    let layers = json!([{"mediaType": media_type, "digest": layer.as_str(), "size": 9, "annotations": {"predicateType": predicate}}]);
    push_artifact(world, json!({"layers": layers}), tags).await
}

async fn push_index(world: &World, entries: &[(&Digest, Value)], tags: &[&str]) -> Digest {
    let entry = |(digest, more): &(&Digest, Value)| {
        let mut entry = json!({"mediaType": OCI_MANIFEST, "digest": digest.as_str(), "size": 5});
        entry.as_object_mut().expect("an object").append(&mut more.as_object().expect("members").clone());
        entry
    };
    let manifests: Vec<_> = entries.iter().map(entry).collect();
    world.push(&json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}), tags).await.expect("an index").digest
}

fn platform(architecture: &str) -> Value {
    json!({"platform": {"os": "linux", "architecture": architecture}})
}

#[tokio::test]
async fn tags_are_listed_newest_first_by_version_and_by_name() {
    let world = World::new().await;
    for name in ["1.9.0", "1.10.0", "latest", "1.10.0-rc1", "1.10.0-alpine"] {
        world.push_image(name, &[name]).await;
        world.pass_seconds(1);
    }
    assert_eq!(all(&world, TagOrder::Newest).await, ["1.10.0-alpine", "1.10.0-rc1", "latest", "1.10.0", "1.9.0"]);
    assert_eq!(all(&world, TagOrder::Version).await, ["1.10.0-alpine", "1.10.0", "1.10.0-rc1", "1.9.0", "latest"]);
    assert_eq!(all(&world, TagOrder::Name).await, ["1.10.0", "1.10.0-alpine", "1.10.0-rc1", "1.9.0", "latest"]);
    world.push_image("1.9.0 again", &["1.9.0"]).await;
    assert_eq!(all(&world, TagOrder::Newest).await.first().map(String::as_str), Some("1.9.0"));
}

#[tokio::test]
async fn signatures_and_what_the_owner_hides_are_not_listed_and_both_are_counted_right() {
    let world = World::new().await;
    let image = world.push_image("a", &["1.0", "nightly-1"]).await;
    world.push_image("b", &["nightly-2", "1.0-dev"]).await;
    push_attestation(&world, "application/vnd.dev.cosign.simplesigning.v1+json", "", &[&format!("sha256-{}.sig", image.hex())]).await;
    push_artifact(&world, json!({"artifactType": "text/markdown"}), &["readme"]).await;
    push_artifact(
        &world,
        json!({"artifactType": "application/spdx+json", "subject": {"mediaType": OCI_MANIFEST, "digest": image.as_str(), "size": 1}}),
        &["1.0-sbom"],
    )
    .await;
    let counts = |page: &TagPage| (page.rows.len(), page.listed, page.hidden);
    let query = TagQuery { limit: 50, ..TagQuery::default() };
    assert_eq!(counts(&list(&world, &query).await), (4, 4, 0));

    set(&world, "roadstead:hidden-tags", "nightly- -dev").await;
    let page = list(&world, &query).await;
    assert_eq!((names(&page.rows), counts(&page)), (vec!["1.0"], (1, 1, 3)));
    world.push_image("c", &["nightly-3"]).await;
    let with_hidden = list(&world, &TagQuery { with_hidden: true, ..query.clone() }).await;
    assert_eq!(counts(&with_hidden), (5, 1, 4));
    assert_eq!(with_hidden.rows.iter().filter(|row| row.visibility == Visibility::Hidden).count(), 4);

    world.installation.delete_tag(&world.key, &tag("nightly-1")).await.expect("deleted");
    assert_eq!(counts(&list(&world, &query).await), (1, 1, 3));
    world.installation.untag_resource(&world.key, vec!["roadstead:hidden-tags".to_owned()]).await.expect("untagged");
    world.tend().await;
    assert_eq!(counts(&list(&world, &query).await), (4, 4, 0));
    world.installation.delete_manifest(&world.key, &image).await.expect("deleted");
    assert_eq!(counts(&list(&world, &query).await), (3, 3, 0));
}

#[tokio::test]
async fn tags_are_marked_again_in_batches_when_their_owner_changes_which_are_hidden() {
    let world = World::new().await;
    let names: Vec<_> = (0..2500).map(|number| format!("t{number}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    for some in names.chunks(500) {
        world.push_image(some[0], some).await;
    }
    let hide = ResourceTag { key: "roadstead:hidden-tags".to_owned(), value: "t1 t24".to_owned() };
    world.installation.tag_resource(&world.key, vec![hide]).await.expect("a resource tag");
    assert!(world.installation.tend_gallery().await.expect("a batch"));
    let query = TagQuery { limit: 1, ..TagQuery::default() };
    let after_one = list(&world, &query).await;
    assert!(after_one.hidden > 0 && after_one.listed + after_one.hidden == 2500, "{} {}", after_one.listed, after_one.hidden);
    world.tend().await;
    let page = list(&world, &query).await;
    assert_eq!((page.listed, page.hidden), (2500 - 1111 - 111, 1111 + 111));
}

#[tokio::test]
async fn an_image_shows_its_platforms_sizes_and_other_tags() {
    let world = World::new().await;
    let (small, large) =
        (r#"{"os":"linux","architecture":"amd64"}"#, r#"{"os":"linux","architecture":"arm64","created":"2026-01-01T00:00:00Z"}"#);
    let sizes = (small.len() as u64, large.len() as u64);
    let amd = world.push_configured_image(small.as_bytes(), &[]).await;
    let arm = world.push_configured_image(large.as_bytes(), &["arm"]).await;
    let unknown = json!({"platform": {"os": "unknown", "architecture": "unknown"}});
    let attestation = push_attestation(&world, "application/vnd.in-toto+json", "https://slsa.dev/provenance/v1", &[]).await;
    push_index(&world, &[(&amd, platform("amd64")), (&arm, platform("arm64")), (&attestation, unknown)], &["1.0", "latest"]).await;
    let index = row(&world, "1.0").await;
    let platforms: Vec<_> = index.platforms.iter().map(|entry| (entry.platform.to_string(), entry.size)).collect();
    assert_eq!(platforms, [("linux/amd64".to_owned(), sizes.0), ("linux/arm64".to_owned(), sizes.1)]);
    assert_eq!((index.kind, index.sizes()), (ArtifactKind::Image, sizes));
    assert_eq!(index.same_as, [tag("latest")]);
    let single = row(&world, "arm").await;
    assert_eq!(
        (single.platforms.len(), single.platforms[0].digest.clone(), single.platforms[0].size),
        (1, single.digest.clone(), single.size)
    );
}

#[tokio::test]
async fn the_platform_of_a_config_in_a_file_is_found_in_the_background() {
    let world = World::of_files().await;
    let amd = world.push_configured_image(br#"{"os":"linux","architecture":"amd64"}"#, &["1.0"]).await;
    push_index(&world, &[(&amd, platform("amd64"))], &["index"]).await;
    assert_eq!(row(&world, "1.0").await.platforms, []);
    world.tend().await;
    assert_eq!(row(&world, "1.0").await.platforms.len(), 1);
    assert_eq!(row(&world, "index").await.kind, ArtifactKind::Image);
}

#[tokio::test]
async fn an_index_is_signed_if_it_is_itself_or_all_its_platforms_are() {
    let world = World::new().await;
    let (amd, arm) = (world.push_image("amd", &[]).await, world.push_image("arm", &[]).await);
    let attests = |subject: &Digest| json!({"annotations": {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": subject.as_str()}});
    let sbom = push_attestation(&world, "application/vnd.in-toto+json", "https://spdx.dev/Document", &[]).await;
    push_index(&world, &[(&amd, platform("amd64")), (&arm, platform("arm64")), (&sbom, attests(&amd))], &["1.0"]).await;
    assert_eq!(row(&world, "1.0").await.attached, AttachedKinds::default(), "one of two platforms has an SBOM");
    let another = push_attestation(&world, "application/vnd.in-toto+json", "https://spdx.dev/Document/v2", &[]).await;
    push_index(
        &world,
        &[(&amd, platform("amd64")), (&arm, platform("arm64")), (&sbom, attests(&amd)), (&another, attests(&arm))],
        &["1.0"],
    )
    .await;
    let index = row(&world, "1.0").await;
    assert_eq!(index.attached, AttachedKinds { sboms: true, ..AttachedKinds::default() });

    let signature = format!("sha256-{}.sig", index.digest.hex());
    let simple_signing = "application/vnd.dev.cosign.simplesigning.v1+json";
    push_attestation(&world, simple_signing, "1", &[&signature]).await;
    assert!(row(&world, "1.0").await.attached.signatures);
    world.installation.delete_tag(&world.key, &tag(&signature)).await.expect("deleted");
    assert!(!row(&world, "1.0").await.attached.signatures);
    push_attestation(&world, simple_signing, "1", &[&signature]).await;
    push_attestation(&world, simple_signing, "2", &[&signature]).await;
    assert!(row(&world, "1.0").await.attached.signatures, "cosign moves the tag with every signature");
}

#[tokio::test]
async fn a_referrer_stays_attached_without_its_tag_until_it_is_deleted() {
    let world = World::new().await;
    let image = world.push_image("a", &["1.0"]).await;
    let members = json!({"artifactType": "application/vnd.cncf.notary.signature", "subject": {"mediaType": OCI_MANIFEST, "digest": image.as_str(), "size": 1}});
    let name = format!("sha256-{}.sig", image.hex());
    let signature = push_artifact(&world, members, &[&name]).await;
    world.installation.delete_tag(&world.key, &tag(&name)).await.expect("deleted");
    assert!(row(&world, "1.0").await.attached.signatures);
    world.installation.delete_manifest(&world.key, &signature).await.expect("deleted");
    assert!(!row(&world, "1.0").await.attached.signatures);
}

#[tokio::test]
async fn the_owner_s_tag_is_featured_else_a_current_latest_else_the_highest_stable_version() {
    let world = World::new().await;
    let featured = async || {
        let found = world.installation.featured_tag(&world.key).await.expect("an answer").tag;
        found.map(|tag| (tag.row.name.to_string(), tag.candidacy))
    };
    assert_eq!(featured().await, None);
    let image = world.push_image("nightly", &["nightly-1"]).await;
    push_attestation(&world, "application/vnd.dev.cosign.simplesigning.v1+json", "", &[&format!("sha256-{}.sig", image.hex())]).await;
    assert_eq!(featured().await, Some(("nightly-1".to_owned(), Candidacy::Newest)));
    world.push_image("1", &["1.9.0", "latest"]).await;
    assert_eq!(featured().await, Some(("latest".to_owned(), Candidacy::Latest)));
    world.pass_seconds(100_000);
    world.push_image("2", &["1.10.0"]).await;
    world.push_image("3", &["1.11.0-rc1"]).await;
    assert_eq!(featured().await, Some(("1.10.0".to_owned(), Candidacy::HighestStable)));
    set(&world, "roadstead:featured-tag", "missing").await;
    assert_eq!(featured().await, Some(("1.10.0".to_owned(), Candidacy::HighestStable)));
    set(&world, "roadstead:featured-tag", "nightly-1").await;
    set(&world, "roadstead:hidden-tags", "nightly-").await;
    assert_eq!(featured().await, Some(("nightly-1".to_owned(), Candidacy::Owner)));
}

#[tokio::test]
async fn annotations_of_the_index_win_over_those_of_its_images_and_their_labels() {
    let world = World::new().await;
    let config = br#"{"os":"linux","architecture":"amd64","config":{"Labels":{"org.opencontainers.image.vendor":"label"}}}"#;
    let image = world.push_configured_image(config, &[]).await;
    let index = json!({
        "schemaVersion": 2, "mediaType": OCI_INDEX, "annotations": {"org.opencontainers.image.title": "index"},
        "manifests": [{"mediaType": OCI_MANIFEST, "digest": image.as_str(), "size": 5, "platform": {"os": "linux", "architecture": "amd64"}}],
    });
    world.push(&index, &["1.0"]).await.expect("an index");
    let annotations = world.installation.featured_tag(&world.key).await.expect("an answer").tag.expect("a tag").annotations;
    assert_eq!(annotations.values().map(String::as_str).collect::<Vec<_>>(), ["index", "label"]);
}

#[tokio::test]
async fn a_malformed_platform_or_annotation_is_no_reason_to_refuse_an_index() {
    let world = World::new().await;
    let image = world.push_image("a", &[]).await;
    let hostile = json!({"platform": [{"os": 1}], "annotations": {"a": {"b": [1]}}, "artifactType": 7});
    push_index(&world, &[(&image, hostile)], &["1.0"]).await;
    assert_eq!(row(&world, "1.0").await.platforms, []);
}

#[tokio::test]
async fn a_filter_finds_parts_of_names_whatever_their_case_and_takes_nothing_for_a_pattern() {
    let world = World::new().await;
    world.push_image("a", &["1.0-Alpine", "1.0_alpine", "2.0", "a-b"]).await;
    let found = async |filter: &str| {
        let query = TagQuery { filter: filter.to_owned(), order: TagOrder::Name, limit: 10, ..TagQuery::default() };
        names(&list(&world, &query).await.rows).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(found("ALPINE").await, ["1.0-Alpine", "1.0_alpine"]);
    assert_eq!(found("0_a").await, ["1.0_alpine"]);
    for none in ["%", "1%0", "\\", "3", "ä", "1.0-alpine-and-more"] {
        assert_eq!(found(none).await, Vec::<String>::new(), "{none}");
    }
}

/// Walks all pages forwards, then back from the last one.
async fn walk(world: &World, query: &TagQuery) -> (Vec<Vec<String>>, Vec<Vec<String>>) {
    let owned = |page: &TagPage| names(&page.rows).into_iter().map(str::to_owned).collect::<Vec<_>>();
    let (mut forwards, mut backwards, mut from) = (Vec::new(), Vec::new(), PageStart::Start);
    let last = loop {
        let page = list(world, &TagQuery { from, ..query.clone() }).await;
        forwards.push(owned(&page));
        assert!(forwards.len() < 100, "the walk ends");
        match page.next.clone() {
            Some(next) => from = PageStart::After(next),
            None => break page,
        }
    };
    let mut previous = last.previous;
    while let Some(place) = previous {
        let page = list(world, &TagQuery { from: PageStart::Before(place), ..query.clone() }).await;
        backwards.push(owned(&page));
        assert!(page.next.is_some(), "a page that was walked follows");
        previous = page.previous;
    }
    (forwards, backwards)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn the_pages_of_every_order_have_each_tag_once_in_both_directions(
        tags in prop::collection::btree_set("[0-3v]\\.?[0-9]?(-rc[0-9]|x)?|hid-[0-9]", 1..30),
        limit in 1usize..6,
        with_hidden in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let world = World::new().await;
            set(&world, "roadstead:hidden-tags", "hid-").await;
            for name in tags.iter().filter(|name| roadstead_model::Tag::parse(name).is_ok()) {
                world.push_image(name, &[name]).await;
                world.pass_seconds(i64::from(name.len() % 2 == 0));
            }
            for order in TagOrder::ALL {
                let query = TagQuery { order, limit, with_hidden, ..TagQuery::default() };
                let whole = list(&world, &TagQuery { limit: 1000, ..query.clone() }).await;
                let expected: Vec<_> = names(&whole.rows).into_iter().map(str::to_owned).collect();
                let (forwards, mut backwards) = walk(&world, &query).await;
                assert_eq!(forwards.concat(), expected, "{order:?}");
                assert!(forwards.iter().rev().skip(1).all(|page| page.len() == limit), "{order:?}");
                backwards.reverse();
                assert_eq!(backwards.concat(), forwards[..forwards.len() - 1].concat(), "{order:?}");
            }
        });
    }
}

#[tokio::test]
async fn a_filter_of_very_many_tags_looks_at_some_and_says_where_to_go_on() {
    let world = World::new().await;
    world.push_image("a", &["old-needle", "needle-1"]).await;
    world.fill_with_tags(2 * FILTERED_TAGS as u32);
    world.pass_seconds(1_000_000);
    world.push_image("b", &["new-needle"]).await;
    let query = TagQuery { filter: "needle".to_owned(), limit: 50, ..TagQuery::default() };
    let first = list(&world, &query).await;
    assert_eq!((names(&first.rows), names(&first.beginning), first.is_cut), (vec!["new-needle"], vec!["needle-1"], true));
    let (mut found, mut pages, mut next) = (Vec::new(), 1, first.next);
    while let Some(place) = next {
        let page = list(&world, &TagQuery { from: PageStart::After(place), ..query.clone() }).await;
        found.extend(names(&page.rows).into_iter().map(str::to_owned));
        assert_eq!(page.is_cut, page.next.is_some());
        (pages, next) = (pages + 1, page.next);
    }
    assert_eq!((found, pages), (vec!["old-needle".to_owned(), "needle-1".to_owned()], 3));
}

#[tokio::test]
async fn a_place_in_a_list_need_not_exist_any_more() {
    let world = World::new().await;
    for name in ["1.0", "1.1", "1.2"] {
        world.push_image(name, &[name]).await;
        world.pass_seconds(1);
    }
    let middle = row(&world, "1.1").await;
    world.installation.delete_tag(&world.key, &tag("1.1")).await.expect("deleted");
    let place = TagPlace { moved_at: middle.moved_at, name: "1.1".to_owned() };
    for order in [TagOrder::Newest, TagOrder::Version] {
        let query = TagQuery { order, from: PageStart::After(place.clone()), limit: 9, ..TagQuery::default() };
        assert_eq!(names(&list(&world, &query).await.rows), ["1.0"], "{order:?}");
    }
}
