//! The cost of listing a million tags. Run with `cargo test --release -p roadstead-registry --test it lists_of_very_many_tags -- --ignored --nocapture`.

#![allow(clippy::print_stdout)]

use crate::support::World;
use roadstead_model::gallery::TagOrder;
use roadstead_model::gallery::version::{is_stable, version_key};
use roadstead_registry::{PageStart, TagPlace, TagQuery};
use rusqlite::{Connection, params};
use std::time::Instant;

/// How often each page is read. The second half is as warm as a server is.
const RUNS: usize = 20;

/// Adds tags of one image, every fifth of them a signature. `number` must be small enough for signatures to have names of their own.
fn fill(world: &World, number: i64) {
    let mut database = Connection::open(world.folder.path().join("roadstead.db")).expect("the database");
    let transaction = database.transaction().expect("a transaction");
    let (repository, manifest, now): (i64, i64, i64) = transaction
        .query_row("SELECT repository_id, manifest_id, created_at FROM tag", [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .expect("a tag");
    let mut insert = transaction
        .prepare("INSERT INTO tag (repository_id, name, manifest_id, created_at, visibility, version_key, is_stable) VALUES (?, ?, ?, ?, ?, ?, ?)")
        .expect("a statement");
    for at in 0..number {
        // A permutation, so that no order is that of insertion.
        let version = at * 7_919 % number;
        let (name, visibility) = match at % 5 {
            0 => (format!("sha256-{at:064x}.sig"), 1),
            1 => (format!("{}.{}.{}", version / 10_000, version / 100 % 100, version % 100), 0),
            2 => (format!("{}.{}.{}-alpine", version / 10_000, version / 100 % 100, version % 100), 0),
            _ => (format!("build-{version}"), 0),
        };
        let (key, stable) = (version_key(&name), is_stable(&name));
        insert.execute(params![repository, name, manifest, now + at, visibility, key, stable]).expect("a tag");
    }
    drop(insert);
    let count = "UPDATE repository SET listed_tags = (SELECT COUNT(*) FROM tag WHERE visibility = 0)";
    transaction.execute(count, []).expect("counts");
    transaction.execute_batch("INSERT INTO tags_to_mark (repository_id, after_name) SELECT id, '' FROM repository").expect("work");
    transaction.commit().expect("committed");
}

async fn measure(world: &World, what: &str, query: TagQuery) -> Option<TagPlace> {
    let (mut times, mut next) = (Vec::new(), None);
    for _ in 0..RUNS {
        let begun = Instant::now();
        let page = world.installation.tag_list(&world.key, &query).await.expect("a page");
        times.push(begun.elapsed().as_secs_f64() * 1e3);
        assert!(page.rows.len() <= 50);
        next = page.next;
    }
    times.sort_by(f64::total_cmp);
    println!("| {what} | {:.2} | {:.2} |", times[RUNS / 2], times[RUNS - 1]);
    next
}

async fn measure_featured(world: &World, what: &str) {
    let begun = Instant::now();
    for _ in 0..RUNS {
        assert!(world.installation.featured_tag(&world.key).await.expect("an answer").tag.is_some());
    }
    println!("| {what} | {:.2} | |", begun.elapsed().as_secs_f64() * 1e3 / RUNS as f64);
}

#[tokio::test]
#[ignore = "takes minutes: a measurement"]
async fn lists_of_very_many_tags() {
    let number = std::env::var("ROADSTEAD_TAGS").map_or(1_000_000, |text| text.parse().expect("a number"));
    let world = World::new().await;
    world.push_image("a", &["latest"]).await;
    fill(&world, number);
    println!("{number} tags, of which a fifth are signatures\n| page | median ms | maximum ms |\n|---|---|---|");
    for order in TagOrder::ALL {
        let query = TagQuery { order, limit: 50, ..TagQuery::default() };
        let name = order.name();
        measure(&world, &format!("first by {name}"), query.clone()).await;
        let middle =
            TagPlace { moved_at: roadstead_model::Timestamp::from_micros(1_700_000_000_000_000 + number / 2), name: "5.0.0".into() };
        measure(&world, &format!("deep by {name}"), TagQuery { from: PageStart::After(middle), ..query.clone() }).await;
        measure(&world, &format!("first by {name}, with hidden tags"), TagQuery { with_hidden: true, ..query.clone() }).await;
        for filter in ["alpine", "7.77.7", "nothing"] {
            measure(&world, &format!("by {name}, containing “{filter}”"), TagQuery { filter: filter.into(), ..query.clone() }).await;
        }
    }
    measure_featured(&world, "the featured tag").await;
    let database = Connection::open(world.folder.path().join("roadstead.db")).expect("the database");
    database.execute("UPDATE tag SET is_stable = FALSE WHERE is_stable", []).expect("unstable tags");
    measure_featured(&world, "the featured tag where no version is stable").await;
    let (begun, mut batches) = (Instant::now(), 0);
    while world.installation.tend_gallery().await.expect("a batch") {
        batches += 1;
    }
    println!("marking all tags again: {batches} batches, {:.1} ms each", begun.elapsed().as_secs_f64() * 1e3 / f64::from(batches));
}
