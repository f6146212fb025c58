//! The index follows the changes of repositories.

use super::{paths, search};
use crate::support::{World, repository};
use roadstead_model::catalog_data::CatalogData;
use roadstead_model::gallery::card::CardOrder;
use roadstead_model::{RegistryAlias, ResourceTag};
use roadstead_registry::NewCatalogData;

async fn index(world: &World) {
    while world.installation.refresh_gallery(8).await.expect("an index") > 0 {}
}

/// The number of rows of each table of the index.
fn rows(world: &World) -> [i64; 5] {
    let tables = world.metadata();
    ["gallery_stale", "gallery_entry", "search_posting", "search_term", "search_trigram"]
        .map(|table| tables.number(&format!("SELECT COUNT(*) FROM {table}")))
}

/// Fails unless the counts of the index are those of its postings, and exactly the words of names are suggested.
fn check_counts(world: &World) {
    let tables = world.metadata();
    let wrong = "SELECT COUNT(*) FROM search_term t WHERE
        documents <> (SELECT COUNT(*) FROM search_posting p WHERE p.term = t.term)
        OR (t.term >= '\u{3}' AND names <> (SELECT COUNT(*) FROM search_posting p WHERE p.term = t.term AND p.weight >= 20))
        OR (names > 0) <> EXISTS (SELECT 1 FROM search_trigram g WHERE g.term = t.term)";
    let uncounted = "SELECT COUNT(*) FROM search_posting WHERE term NOT IN (SELECT term FROM search_term)";
    for sql in [wrong, uncounted] {
        assert_eq!(tables.number(sql), 0, "{sql}");
    }
}

async fn describe(world: &World, description: &str) {
    let data = CatalogData { description: Some(description.to_owned()), ..CatalogData::default() };
    world.installation.put_catalog_data(&world.key, NewCatalogData { data, logo: None }).await.expect("catalog data");
    index(world).await;
}

fn tag(key: &str, value: &str) -> ResourceTag {
    ResourceTag { key: key.to_owned(), value: value.to_owned() }
}

#[tokio::test]
async fn a_change_of_words_replaces_only_the_words_that_changed() {
    let world = World::new().await;
    describe(&world, "a quiet lighthouse").await;
    let before = rows(&world);
    assert_eq!(search(&world, "lighthouse").await.cards.len(), 1);
    describe(&world, "a quiet harbour").await;
    assert_eq!((search(&world, "lighthouse").await.cards.len(), search(&world, "quiet harbour").await.cards.len()), (0, 1));
    assert_eq!(rows(&world), before);
    check_counts(&world);
}

#[tokio::test]
async fn an_unlisted_repository_is_in_no_list_and_no_search() {
    let world = World::new().await;
    index(&world).await;
    assert_eq!(search(&world, "team").await.cards.len(), 1);
    world.installation.tag_resource(&world.key, vec![tag("roadstead:unlisted", "true")]).await.expect("a tag");
    index(&world).await;
    assert_eq!((search(&world, "team").await.cards.len(), search(&world, "").await.cards.len()), (0, 0));
    for order in [CardOrder::Created, CardOrder::Pulls, CardOrder::Updated] {
        assert_eq!(world.installation.list_cards(order, None, 9).await.expect("a list"), []);
    }
    assert_eq!(world.installation.card(&world.key).await.expect("its own page remains").key, world.key);
    world.installation.untag_resource(&world.key, vec!["roadstead:unlisted".to_owned()]).await.expect("no tag");
    index(&world).await;
    assert_eq!(search(&world, "team").await.cards.len(), 1);
    check_counts(&world);
}

#[tokio::test]
async fn a_deleted_repository_vanishes_at_once_and_leaves_nothing_behind() {
    let world = World::new().await;
    describe(&world, "a quiet lighthouse").await;
    world.installation.delete_repository(&world.key, true).await.expect("a deletion");
    assert_eq!((search(&world, "lighthouse").await.cards.len(), search(&world, "").await.cards.len()), (0, 0));
    index(&world).await;
    assert_eq!(rows(&world), [0; 5]);
}

#[tokio::test]
async fn only_a_verified_publisher_is_found_by_its_display_name() {
    let world = World::new().await;
    world.installation.set_display_name(&world.id, Some("Harbour Masters".to_owned())).await.expect("a name");
    index(&world).await;
    assert_eq!(search(&world, "masters").await.cards.len(), 0);
    assert_eq!(search(&world, "app").await.cards[0].display_name, None);
    world.installation.set_verified(&world.id, true).await.expect("an account");
    index(&world).await;
    assert_eq!(search(&world, "masters").await.cards[0].display_name.as_deref(), Some("Harbour Masters"));
    check_counts(&world);
}

#[tokio::test]
async fn a_new_primary_alias_is_the_one_that_is_found_and_shown() {
    let world = World::new().await;
    index(&world).await;
    let alias = RegistryAlias::parse("lighthouse").expect("an alias");
    let description =
        roadstead_model::AliasDescription { name: alias, status: roadstead_model::AliasStatus::Active, primary: true, default: false };
    world.installation.put_alias(&world.id, description).await.expect("an alias");
    index(&world).await;
    assert_eq!(paths(&search(&world, "lighthouse").await), ["lighthouse/team/app"]);
    check_counts(&world);
}

#[tokio::test]
async fn computing_the_index_anew_changes_nothing() {
    let world = World::new().await;
    for name in ["charts/anchor", "charts/sail", "tide"] {
        world.installation.create_repository(&repository(name)).await.expect("a repository");
    }
    index(&world).await;
    let before = (rows(&world), paths(&search(&world, "charts").await));
    assert_eq!(world.beside().await.reindex_gallery().await.expect("a mark for each"), 4);
    assert_eq!(rows(&world)[0], 4);
    index(&world).await;
    assert_eq!((rows(&world), paths(&search(&world, "charts").await)), before);
    check_counts(&world);
}

#[tokio::test]
async fn lists_are_read_page_by_page_to_their_end() {
    let world = World::new().await;
    for number in 0..10 {
        world.installation.create_repository(&repository(&format!("app-{number}"))).await.expect("a repository");
        world.pass_seconds(1);
    }
    index(&world).await;
    for order in [CardOrder::Created, CardOrder::Pulls, CardOrder::Updated] {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let cards = world.installation.list_cards(order, after, 3).await.expect("a page");
            let Some(last) = cards.last() else { break };
            after = Some(last.cursor(order));
            seen.extend(cards.into_iter().map(|card| card.id));
        }
        assert!(seen.len() == 11 && seen.is_sorted_by(|one, other| one > other), "{order:?}: {seen:?}");
    }
    let names: Vec<_> = world.installation.list_cards_of_by_name(&world.id, "app-7", 9).await.expect("a page");
    assert_eq!(names.iter().map(|card| card.name().as_str()).collect::<Vec<_>>(), ["app-8", "app-9", "team/app"]);
    assert_eq!(world.installation.list_cards_of(&world.id, None, 4).await.expect("a page").len(), 4);
}
