//! Listings and deletion of tags.

use crate::support::{World, tag};
use proptest::prelude::*;
use roadstead_model::{ImageTag, PageSize, Timestamp};
use roadstead_registry::Error;
use std::collections::{BTreeMap, BTreeSet};

async fn all(world: &World, size: u64) -> Vec<ImageTag> {
    let (mut found, mut after) = (Vec::new(), None::<String>);
    loop {
        let page = world.installation.list_image_tags(&world.key, after.as_deref(), PageSize::clamped(size)).await.expect("a page");
        found.extend(page.items.clone());
        after = page.next.clone();
        if after.is_none() {
            return found;
        }
    }
}

fn time(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_700_000_000 + seconds)
}

#[tokio::test]
async fn an_empty_repository_has_no_tags_and_a_missing_one_is_an_error() {
    let world = World::new().await;
    assert_eq!(all(&world, 100).await, Vec::new());
    let missing = crate::support::repository("no/such");
    let answer = world.installation.list_image_tags(&missing, None, PageSize::DEFAULT).await;
    let message = answer.expect_err("an error").to_string();
    assert_eq!(message, "The repository with name 'no/such' does not exist in the registry with id '000000000000'");
}

#[tokio::test]
async fn moving_a_tag_renews_its_time_and_pushing_the_same_again_does_not() {
    let world = World::new().await;
    let first = world.push_image("one", &["latest"]).await;
    world.pass_seconds(10);
    world.push_image("one", &["latest"]).await;
    let tags = all(&world, 100).await;
    assert_eq!((tags[0].created_at, tags[0].image.pushed_at, &tags[0].image.digest), (time(0), time(0), &first));

    world.pass_seconds(10);
    let second = world.push_image("two", &["latest"]).await;
    let tags = all(&world, 100).await;
    assert_eq!((tags.len(), tags[0].created_at, tags[0].image.pushed_at, &tags[0].image.digest), (1, time(20), time(20), &second));

    world.pass_seconds(10);
    world.push_image("one", &["latest"]).await;
    let tags = all(&world, 100).await;
    assert_eq!((tags[0].created_at, tags[0].image.pushed_at), (time(30), time(0)), "the time of the first push");
}

#[tokio::test]
async fn tags_come_in_byte_order_and_untagged_images_do_not_appear() {
    let world = World::new().await;
    world.push_image("one", &["b", "B", "_", "1.10", "1.9", "a-", "a.", "a"]).await;
    world.push_image("untagged", &[]).await;
    let names: Vec<_> = all(&world, 3).await.into_iter().map(|row| row.tag.to_string()).collect();
    assert_eq!(names, ["1.10", "1.9", "B", "_", "a", "a-", "a.", "b"]);
}

#[tokio::test]
async fn tags_survive_a_restart() {
    let world = World::new().await;
    world.push_image("one", &["a", "b"]).await;
    let before = all(&world, 100).await;
    let world = world.restart().await;
    assert_eq!(all(&world, 100).await, before);
}

#[tokio::test]
async fn deleting_a_tag_leaves_the_manifest() {
    let world = World::new().await;
    let digest = world.push_image("one", &["a"]).await;
    world.installation.delete_tag(&world.key, &tag("a")).await.expect("deleted");
    assert!(matches!(world.installation.delete_tag(&world.key, &tag("a")).await, Err(Error::ImageNotFound { .. })));
    assert!(world.installation.get_manifest(&world.key, &roadstead_model::Reference::Digest(digest)).await.is_ok());
}

/// A change between two pages of a walk.
#[derive(Debug, Clone)]
enum Change {
    Push(String),
    Delete(String),
}

fn changes() -> impl Strategy<Value = Vec<Vec<Change>>> {
    let name = "[a-c_.][a-c0-9._-]{0,2}".prop_filter("a tag", |text| roadstead_model::Tag::parse(text).is_ok());
    let change = (name, any::<bool>()).prop_map(|(name, push)| if push { Change::Push(name) } else { Change::Delete(name) });
    proptest::collection::vec(proptest::collection::vec(change, 0..6), 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_walk_sees_every_tag_that_exists_throughout_exactly_once(
        first in proptest::collection::btree_set("[a-c][a-c0-9]{0,2}", 0..20), between in changes(), size in 1_u64..6
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let world = World::new().await;
            let initial: Vec<_> = first.iter().map(String::as_str).collect();
            world.push_image("one", &initial).await;
            let mut steady: BTreeSet<String> = first.clone();
            let mut seen: BTreeMap<String, usize> = BTreeMap::new();
            let (mut after, mut between) = (None::<String>, between.into_iter());
            loop {
                let page = world.installation.list_image_tags(&world.key, after.as_deref(), PageSize::clamped(size)).await.expect("a page");
                for row in &page.items {
                    *seen.entry(row.tag.to_string()).or_default() += 1;
                }
                after = page.next.clone();
                if after.is_none() { break; }
                for change in between.next().unwrap_or_default() {
                    match change {
                        Change::Push(name) => { world.push_image("two", &[&name]).await; }
                        Change::Delete(name) => {
                            steady.remove(&name);
                            let _ = world.installation.delete_tag(&world.key, &tag(&name)).await;
                        }
                    }
                }
            }
            for name in &steady {
                assert_eq!(seen.get(name), Some(&1), "{name}");
            }
            assert!(seen.values().all(|times| *times == 1), "a tag was listed twice: {seen:?}");
        });
    }
}
