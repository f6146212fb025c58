//! A test that PostgreSQL can run all migrations and prepare all statements.

#[path = "../tests/servers/postgres.rs"]
pub(crate) mod postgres;

use crate::metadata::{Column, METADATA_TABLES, STATISTICS_TABLES, Sql, for_postgres, migrations};
use crate::{
    access_facts, access_key_row, access_keys, accounts, acme, aliases, backups, bulletins, catalog_data, checking, collection,
    download_volumes, gallery, image_deletion, images, inventory, leaders, manifest_push, manifests, opening, policy_binding,
    pull_statistics, referrers, registry_row, repositories, repository_blobs, repository_policies, repository_row, resource_tags,
    scrubbing, search, stale, tags, transfer, uploads, user_policies, users,
};
use postgres::Postgres;
use std::path::Path;
use tokio_postgres::Client;

/// The statements of all files.
const FILES: &[&[(&str, &Sql)]] = &[
    access_facts::STATEMENTS,
    access_key_row::STATEMENTS,
    access_keys::STATEMENTS,
    accounts::STATEMENTS,
    acme::STATEMENTS,
    aliases::STATEMENTS,
    backups::rows::STATEMENTS,
    backups::second_copy::STATEMENTS,
    bulletins::STATEMENTS,
    download_volumes::STATEMENTS,
    checking::blobs::STATEMENTS,
    checking::counters::STATEMENTS,
    checking::examining::STATEMENTS,
    checking::gaps::STATEMENTS,
    checking::manifests::STATEMENTS,
    checking::repairing::STATEMENTS,
    collection::abandoned_uploads::STATEMENTS,
    collection::orphans::STATEMENTS,
    collection::unlinked_blobs::STATEMENTS,
    collection::unused_links::STATEMENTS,
    repository_blobs::STATEMENTS,
    repository_blobs::availability::STATEMENTS,
    repository_blobs::layers::STATEMENTS,
    repository_blobs::rows::STATEMENTS,
    uploads::claim::STATEMENTS,
    uploads::completing::STATEMENTS,
    uploads::ending::STATEMENTS,
    uploads::session::STATEMENTS,
    uploads::starting::STATEMENTS,
    uploads::write_right::STATEMENTS,
    catalog_data::STATEMENTS,
    gallery::attachments::STATEMENTS,
    gallery::featured::STATEMENTS,
    gallery::hidden_tags::STATEMENTS,
    gallery::summary::STATEMENTS,
    gallery::upkeep::STATEMENTS,
    gallery::image::STATEMENTS,
    gallery::tags::STATEMENTS,
    gallery::publisher::STATEMENTS,
    gallery::readmes::STATEMENTS,
    gallery::repository::STATEMENTS,
    gallery::texts::STATEMENTS,
    gallery::newest::STATEMENTS,
    gallery::sitemap::STATEMENTS,
    image_deletion::STATEMENTS,
    inventory::STATEMENTS,
    images::STATEMENTS,
    leaders::STATEMENTS,
    manifest_push::STATEMENTS,
    manifests::STATEMENTS,
    opening::lost::STATEMENTS,
    opening::setting_up::STATEMENTS,
    policy_binding::STATEMENTS,
    pull_statistics::flush::STATEMENTS,
    pull_statistics::reports::STATEMENTS,
    pull_statistics::tidying::STATEMENTS,
    referrers::STATEMENTS,
    registry_row::STATEMENTS,
    repositories::STATEMENTS,
    repository_policies::STATEMENTS,
    repository_row::STATEMENTS,
    resource_tags::STATEMENTS,
    scrubbing::STATEMENTS,
    search::candidates::STATEMENTS,
    search::cards::STATEMENTS,
    search::facts::STATEMENTS,
    search::locating::STATEMENTS,
    search::popularity::STATEMENTS,
    search::postings::STATEMENTS,
    search::refreshing::STATEMENTS,
    search::searching::STATEMENTS,
    search::spelling::STATEMENTS,
    stale::STATEMENTS,
    migrations::STATEMENTS,
    migrations::gallery_tags::STATEMENTS,
    migrations::user_ids::STATEMENTS,
    tags::STATEMENTS,
    transfer::damage::STATEMENTS,
    transfer::stored_blobs::STATEMENTS,
    transfer::unfinished::STATEMENTS,
    user_policies::STATEMENTS,
    users::STATEMENTS,
];

/// The columns of a table: the name, the type, and the place in the primary key, or 0.
const COLUMNS: &str =
    "SELECT a.attname::TEXT, format_type(a.atttypid, NULL), COALESCE(array_position(i.indkey::INT2[], a.attnum), -1)::BIGINT + 1
    FROM pg_attribute a LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
    WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attname::TEXT COLLATE \"C\"";

fn statements() -> impl Iterator<Item = &'static (&'static str, &'static Sql)> {
    FILES.iter().copied().flatten()
}

/// Connects to a database that has both schemas. `None` if PostgreSQL is not installed.
async fn migrated(name: &str) -> Option<Client> {
    let url = Postgres::shared()?.create_database(name);
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.expect("a connection");
    tokio::spawn(connection);
    for table in [migrations::CREATE_VERSION, migrations::CREATE_STATISTICS_VERSION] {
        client.batch_execute(table).await.expect("a table of versions");
    }
    for script in migrations::METADATA.iter().chain(migrations::STATISTICS) {
        client.batch_execute(&for_postgres(script)).await.expect("a migration");
    }
    Some(client)
}

#[tokio::test]
async fn the_tables_to_copy_have_the_columns_that_postgresql_has() {
    let Some(client) = migrated("columns").await else { return };
    for table in METADATA_TABLES.iter().chain(STATISTICS_TABLES.iter()) {
        let found = client.query(COLUMNS, &[&table.name]).await.expect("columns");
        let found: Vec<(String, String, i64)> = found.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect();
        let mut described: Vec<_> = table.columns.iter().zip(1_i64..).map(|(column, place)| described(*column, place, table.key)).collect();
        described.sort();
        assert_eq!(described, found, "{}", table.name);
    }
}

/// A column as [`COLUMNS`] finds it.
fn described(column: Column, place: i64, key: usize) -> (String, String, i64) {
    let kind = match column {
        Column::Integer(_) => "bigint",
        Column::Boolean(_) => "boolean",
        Column::Text(_) => "text",
        Column::Bytes(_) => "bytea",
    };
    (column.name().to_owned(), kind.to_owned(), if place <= key as i64 { place } else { 0 })
}

#[tokio::test]
async fn postgresql_understands_every_migration_and_every_statement() {
    let Some(client) = migrated("portability").await else { return };
    for (name, Sql(text)) in statements() {
        let prepared = client.prepare(&text.replace('?', "$")).await;
        assert!(prepared.is_ok(), "{name}: {:?}", prepared.err());
    }
    for table in METADATA_TABLES.iter().chain(STATISTICS_TABLES.iter()) {
        for Sql(text) in table.statements() {
            let prepared = client.prepare(&text.replace('?', "$")).await;
            assert!(prepared.is_ok(), "{text}: {:?}", prepared.err());
        }
    }
}

/// Statements of an unlisted file would not be tested.
#[test]
fn every_file_with_statements_is_listed() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut folders, mut files) = (vec![sources], 0);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            match entry.extension() {
                _ if entry.is_dir() => folders.push(entry),
                Some(extension) if extension == "rs" => {
                    files += usize::from(std::fs::read_to_string(entry).expect("a source").lines().any(|line| line == "statements! {"));
                }
                _ => {}
            }
        }
    }
    assert_eq!(files, FILES.len());
}

#[test]
fn no_two_statements_are_the_same() {
    let mut texts: Vec<_> = statements().map(|(_, sql)| sql.0).collect();
    let all = texts.len();
    texts.sort_unstable();
    texts.dedup();
    assert_eq!(texts.len(), all);
}
