//! BatchDeleteImage, and deletion through the OCI door.

use crate::support::{World, repository, tag};
use roadstead_model::{Digest, PageSize, Tag};
use roadstead_registry::{DeleteFailure, Error, ImageIdText};

fn by_digest(digest: &Digest) -> ImageIdText {
    ImageIdText { digest: Some(digest.to_string()), tag: None }
}

fn by_tag(tag: &str) -> ImageIdText {
    ImageIdText { digest: None, tag: Some(tag.to_owned()) }
}

async fn digests(world: &World) -> Vec<Digest> {
    let page = world.installation.list_images(&world.key, None, PageSize::MAXIMUM).await.expect("a page");
    page.items.into_iter().map(|image| image.summary.digest).collect()
}

async fn delete(world: &World, ids: Vec<ImageIdText>) -> (Vec<(Digest, Option<Tag>)>, Vec<DeleteFailure>) {
    let answer = world.installation.delete_images(&world.key, ids).await.expect("an answer");
    (answer.deleted, answer.failures.into_iter().map(|(_, failure)| failure).collect())
}

#[tokio::test]
async fn deleting_a_digest_deletes_all_its_tags() {
    let world = World::new().await;
    let image = world.push_image("one", &["a", "b"]).await;
    let (deleted, failures) = delete(&world, vec![by_digest(&image)]).await;
    assert_eq!(deleted, [(image.clone(), Some(tag("a"))), (image, Some(tag("b")))]);
    assert_eq!((failures.len(), digests(&world).await.len()), (0, 0));
}

#[tokio::test]
async fn deleting_the_last_tag_deletes_the_image() {
    let world = World::new().await;
    let image = world.push_image("one", &["a", "b"]).await;
    assert_eq!(delete(&world, vec![by_tag("a")]).await.0, [(image.clone(), Some(tag("a")))]);
    assert_eq!(digests(&world).await, std::slice::from_ref(&image));
    assert_eq!(delete(&world, vec![by_tag("b")]).await.0, [(image, Some(tag("b")))]);
    assert_eq!(digests(&world).await, []);
}

#[tokio::test]
async fn deleting_a_digest_with_one_of_its_tags_deletes_all_of_them() {
    let world = World::new().await;
    let image = world.push_image("one", &["a", "b", "c"]).await;
    let other = world.push_image("two", &["d"]).await;
    let both = |digest: &Digest, tag: &str| ImageIdText { digest: Some(digest.to_string()), tag: Some(tag.to_owned()) };
    // Each tag of an image with its digest, as in a listing.
    let (deleted, failures) = delete(&world, vec![both(&image, "b"), both(&image, "a"), both(&image, "c")]).await;
    assert_eq!(deleted, ["a", "b", "c"].map(|name| (image.clone(), Some(tag(name)))));
    assert_eq!((failures, digests(&world).await), (vec![], vec![other.clone()]));
    let (deleted, failures) = delete(&world, vec![both(&other, "a"), both(&image, "d")]).await;
    assert_eq!(failures, [DeleteFailure::NotFound, DeleteFailure::TagDoesNotMatchDigest]);
    assert_eq!((deleted, digests(&world).await), (vec![], vec![other]));
}

#[tokio::test]
async fn an_index_and_its_children_are_deleted_in_one_call_in_any_order() {
    let world = World::new().await;
    let child = world.push_image("one", &["child"]).await;
    let index = world.push_index(&[&child], &["index"]).await.expect("an index").digest;
    let outer = world.push_index(&[&index], &[]).await.expect("an index").digest;
    let (deleted, failures) = delete(&world, vec![by_tag("child"), by_digest(&index), by_digest(&outer)]).await;
    assert_eq!((deleted.len(), failures.len(), digests(&world).await.len()), (3, 0, 0));
}

#[tokio::test]
async fn a_child_of_an_index_stays_and_the_failure_names_the_index() {
    let world = World::new().await;
    let child = world.push_image("one", &["child"]).await;
    let index = world.push_index(&[&child], &["index"]).await.expect("an index").digest;
    let (deleted, failures) = delete(&world, vec![by_digest(&child), by_tag("child")]).await;
    assert_eq!(deleted, []);
    let expected = DeleteFailure::ReferencedByIndex(vec![index]);
    assert_eq!(failures, [expected.clone(), expected]);
    assert!(matches!(world.installation.delete_manifest(&world.key, &child).await, Err(Error::StillNeeded { .. })));
}

#[tokio::test]
async fn every_id_that_cannot_be_deleted_has_its_own_reason() {
    let world = World::new().await;
    let one = world.push_image("one", &["a"]).await;
    world.push_image("two", &["b"]).await;
    let id = |digest: Option<&str>, tag: Option<&str>| ImageIdText { digest: digest.map(str::to_owned), tag: tag.map(str::to_owned) };
    let ids = vec![
        id(None, None),
        id(Some("nonsense"), None),
        id(None, Some("not a tag")),
        id(Some(one.as_str()), Some("b")),
        id(None, Some("absent")),
    ];
    let (deleted, failures) = delete(&world, ids).await;
    assert_eq!(deleted, []);
    use DeleteFailure::{InvalidDigest, InvalidTag, MissingDigestAndTag, NotFound, TagDoesNotMatchDigest};
    assert_eq!(failures, [MissingDigestAndTag, InvalidDigest, InvalidTag, TagDoesNotMatchDigest, NotFound]);
}

#[tokio::test]
async fn a_repository_with_images_is_deleted_only_by_force() {
    let world = World::new().await;
    let child = world.push_image("one", &["a"]).await;
    world.push_index(&[&child], &["index"]).await.expect("an index");
    let refused = world.installation.delete_repository(&world.key, false).await;
    assert!(matches!(refused, Err(Error::RepositoryNotEmpty { .. })));
    world.installation.delete_repository(&world.key, true).await.expect("deleted");
    assert!(matches!(world.installation.delete_repository(&world.key, true).await, Err(Error::RepositoryNotFound { .. })));
    world.installation.create_repository(&repository("team/app")).await.expect("its name is free again");
    assert_eq!(digests(&world).await, []);
}
