//! Counting what is stored.

use crate::support::World;
use futures_util::future::join_all;
use roadstead_registry::Inventory;

#[tokio::test]
async fn what_is_stored_is_counted_and_a_blob_of_two_images_once() {
    let world = World::new().await;
    assert_eq!(world.installation.inventory().await.unwrap(), Inventory { repositories: 1, ..Inventory::default() });
    for text in ["a", "b"] {
        world.try_push_image(text, b"shared layer", &[text]).await.unwrap();
    }
    let inventory = world.installation.inventory().await.unwrap();
    let bytes = ("config a".len() + "config b".len() + "shared layer".len()) as u64;
    assert_eq!(inventory, Inventory { repositories: 1, images: 2, blobs: 3, bytes, uploads: 0 });
}

/// Counts more rows than are read at a time.
#[tokio::test]
async fn every_part_of_a_table_is_counted_once() {
    let world = World::new().await;
    // At the same time, so that they share commits.
    for hundred in 0..21 {
        let texts: Vec<_> = (0..100).map(|number| format!("{hundred} {number}")).collect();
        join_all(texts.iter().map(|text| world.push_blob(text.as_bytes()))).await;
    }
    assert_eq!(world.installation.inventory().await.unwrap().blobs, 2_100);
}
