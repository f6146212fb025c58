//! Measures searches over many repositories; see `docs/benchmarks.md`.
#![allow(clippy::print_stdout)]

use super::{search, search_with};
use crate::support::World;
use roadstead_model::gallery::search::answer::SearchOrder;
use roadstead_model::gallery::search::filter::Facet;
use rusqlite::{Connection, params};
use std::time::Instant;

const WORDS: f64 = 50_000.0;
const PUBLISHERS: u64 = 2000;
const RUNS: usize = 25;

/// Reproducible random numbers (Knuth's MMIX generator).
struct Random(u64);

impl Random {
    fn fraction(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A word, of which the nth most frequent is n times rarer than the most frequent (Zipf's law).
    fn word(&mut self) -> String {
        word((self.fraction() * WORDS.ln()).exp() as u64)
    }

    fn text(&mut self, words: usize) -> String {
        (0..words).map(|_| self.word()).collect::<Vec<_>>().join(" ")
    }
}

/// The word of a rank, of syllables.
fn word(rank: u64) -> String {
    let (consonants, vowels) = (b"bdfgklmnprstvz", b"aeiou");
    let (mut number, mut text) = (rank + 500, String::new());
    while number > 0 {
        text.push(consonants[(number % 14) as usize] as char);
        text.push(vowels[(number / 14 % 5) as usize] as char);
        number /= 70;
    }
    text
}

/// Fills the tables that pushes and the AWS API fill, except the index.
fn fill(world: &World, count: i64) {
    let open = |name| Connection::open(world.folder.path().join(name)).expect("a database");
    let (mut metadata, mut statistics) = (open("roadstead.db"), open("statistics.db"));
    let (metadata, statistics) = (metadata.transaction().expect("a transaction"), statistics.transaction().expect("a transaction"));
    let run = |sql: &str, row: &[&dyn rusqlite::ToSql]| metadata.prepare_cached(sql).expect("a statement").execute(row).expect("a row");
    for publisher in 0..PUBLISHERS {
        let (id, alias) = (format!("{:012}", publisher + 1), format!("p{}{publisher}", word(publisher)));
        let verified = publisher % 10 == 0;
        run("INSERT INTO registry (id, verified, repository_count, created_at) VALUES (?1, ?2, 100, 0)", params![id, verified]);
        run("INSERT INTO registry_alias VALUES (?1, ?2, 'ACTIVE', TRUE, TRUE, 0)", params![alias, id]);
    }
    let (mut random, today) = (Random(1), world.installation.now().seconds() / 86_400);
    let now = world.installation.now().micros();
    for id in 1..=count {
        let registry = format!("{:012}", (random.fraction() * PUBLISHERS as f64) as u64 + 1);
        let name = format!("{}-{}-{id}", random.word(), random.word());
        run(
            "INSERT INTO repository (id, registry_id, name, image_count, created_at, listed_tags) VALUES (?1, ?2, ?3, 1, ?4, 1)",
            params![id, registry, name, now],
        );
        let systems = if id % 20 == 0 { r#"["Linux","Windows"]"# } else { r#"["Linux"]"# };
        let machines = if id % 3 == 0 { r#"["x86-64","ARM 64"]"# } else { r#"["x86-64"]"# };
        run(
            "INSERT INTO repository_catalog_data (repository_id, description, about_text, architectures, operating_systems,
                marketplace_certified) VALUES (?1, ?2, ?3, ?4, ?5, FALSE)",
            params![id, random.text(8), random.text(25), machines, systems],
        );
        let (digest, kind) = (format!("sha256:{id:064}"), if id % 8 == 0 { "chart" } else { "image" });
        run(
            "INSERT INTO manifest VALUES (?1, ?1, ?2, 'application/vnd.oci.image.manifest.v1+json', NULL, 1, 1, ?3)",
            params![id, digest, now],
        );
        run(
            "INSERT INTO manifest_summary (manifest_id, kind, platforms, annotations, attaches) VALUES (?1, ?2, '', '', '')",
            params![id, kind],
        );
        run("INSERT INTO tag (repository_id, name, manifest_id, created_at) VALUES (?1, 'latest', ?1, ?2)", params![id, now - id]);
        let pulls = (1.0 / random.fraction().max(1e-7)) as i64;
        let count =
            |sql: &str, row: &[&dyn rusqlite::ToSql]| statistics.prepare_cached(sql).expect("a statement").execute(row).expect("a row");
        count("INSERT INTO pull_day VALUES (?1, ?2, FALSE, ?3)", params![id, today, pulls]);
        count("INSERT INTO repository_pulls VALUES (?1, ?2, 0, ?3)", params![id, pulls, today]);
    }
    metadata.commit().expect("the metadata");
    statistics.commit().expect("the statistics");
}

/// The word that about `share` of the repositories have.
fn word_of_share(world: &World, share: f64, count: i64) -> (String, i64) {
    let database = Connection::open(world.folder.path().join("roadstead.db")).expect("the database");
    let sql = "SELECT term, documents FROM search_term WHERE term > char(3) AND documents <= ?1 ORDER BY documents DESC LIMIT 1";
    database.query_row(sql, [(share * count as f64) as i64], |row| Ok((row.get(0)?, row.get(1)?))).expect("a word")
}

/// The time that this thread has run, in milliseconds, whatever else the machine does.
fn cpu_time() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("the statistics of this thread");
    text.split(' ').next().and_then(|text| text.parse::<f64>().ok()).expect("nanoseconds") / 1e6
}

async fn measure(world: &World, class: &str, text: &str, filters: &[(Facet, &str)], order: SearchOrder) {
    let (mut times, mut total) = (Vec::new(), 0);
    for _ in 0..RUNS {
        let begun = cpu_time();
        total = search_with(world, text, filters, order).await.total.count;
        times.push(cpu_time() - begun);
    }
    times.sort_by(f64::total_cmp);
    println!("| {class} | {:.2} | {:.2} | {total} |", times[RUNS / 2], times[RUNS - 1]);
}

#[tokio::test]
#[ignore = "takes minutes: a measurement"]
async fn searches_over_many_repositories() {
    let count: i64 = std::env::var("ROADSTEAD_REPOSITORIES").map_or(200_000, |text| text.parse().expect("a number"));
    let world = World::new().await;
    fill(&world, count);
    world.installation.reindex_gallery().await.expect("all are marked");
    let begun = Instant::now();
    while world.installation.refresh_gallery(16).await.expect("an index") > 0 {}
    let (seconds, database) =
        (begun.elapsed().as_secs_f64(), Connection::open(world.folder.path().join("roadstead.db")).expect("the database"));
    let number = |sql: &str| database.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("a number");
    let (postings, terms) = (number("SELECT COUNT(*) FROM search_posting"), number("SELECT COUNT(*) FROM search_term"));
    println!("{count} repositories, {postings} postings, {terms} terms, indexed in {seconds:.0} s, {:.0} a second", count as f64 / seconds);
    let pages = number("PRAGMA page_count") * number("PRAGMA page_size");
    println!("database: {} MB", pages / 1_000_000);
    println!("| search | median ms | maximum ms | results |\n|---|---|---|---|");
    let words = [0.42, 0.17, 0.03, 78.0 / count as f64].map(|share| word_of_share(&world, share, count));
    for (word, documents) in &words {
        measure(&world, &format!("a word of {documents} repositories"), &format!("{word} "), &[], SearchOrder::Relevance).await;
    }
    let [most, many, some, few] = words.map(|(word, _)| word);
    let relevance = SearchOrder::Relevance;
    measure(&world, "two frequent words", &format!("{most} {many}"), &[], relevance).await;
    measure(&world, "two middling words", &format!("{many} {some}"), &[], relevance).await;
    measure(&world, "a frequent and a rare word", &format!("{most} {few}"), &[], relevance).await;
    measure(&world, "four words", &format!("{most} {many} {some} {}", word(3)), &[], relevance).await;
    measure(&world, "the beginning of two letters", &most[..2], &[], relevance).await;
    measure(&world, "a frequent word, verified charts", &most, &[(Facet::Kind, "chart"), (Facet::Verified, "")], relevance).await;
    measure(
        &world,
        "verified charts on ARM 64",
        "",
        &[(Facet::Kind, "chart"), (Facet::Verified, ""), (Facet::Architecture, "ARM 64")],
        relevance,
    )
    .await;
    measure(&world, "the front page", "", &[], relevance).await;
    measure(&world, "everything by name", "", &[], SearchOrder::Name).await;
    measure(&world, "a typing error", &format!("{}x", few), &[], relevance).await;
    measure(&world, "nothing", "zzzzqqqqxx", &[], relevance).await;
    assert!(!search(&world, &most).await.cards.is_empty());
}
