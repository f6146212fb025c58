//! Migrations of the schema, applied in order, once each.
//!
//! They are written for SQLite. For PostgreSQL a few words are replaced, which have no other use: `INTEGER` (SQLite's 64-bit row id)
//! by `BIGINT`, `BLOB` by `BYTEA`, `CTEXT` (text compared bytewise) by `TEXT COLLATE "C"`, and `json_quote` by `to_json`. `WITHOUT
//! ROWID` (SQLite's clustered tables) is left out.
//!
//! On PostgreSQL, servers of the version before serve on while the first one of a new version migrates, and after that until they are
//! replaced. So a migration may only add: tables, indexes, and columns that have a default or may be NULL. What it takes away must
//! already be unused by the version before. It must be brief, because no write runs beside it.
//!
//! A migration is never changed except in its comments, because it has been run already. A test compares the schema of data directories
//! that earlier versions wrote with that of a new one (`tests/clients/test_upgrading.py`).

pub(crate) mod gallery_tags;
pub(crate) mod user_ids;

use super::{Sql, Tx, params, statements};
use crate::error::{Error, Result};

/// The migrations of a database in order. The version of a schema is the number of migrations applied to it.
pub(crate) type Migrations = &'static [&'static str];

/// The migrations of the metadata.
pub(crate) const METADATA: Migrations = &[
    include_str!("../../migrations/0001_initial.sql"),
    include_str!("../../migrations/0002_catalog_policies_principals.sql"),
    include_str!("../../migrations/0003_small_blobs.sql"),
    include_str!("../../migrations/0004_referrer_descriptors.sql"),
    USER_IDS,
    include_str!("../../migrations/0006_search.sql"),
    GALLERY_TAGS,
    include_str!("../../migrations/0008_gallery_texts.sql"),
    include_str!("../../migrations/0009_uploads.sql"),
    include_str!("../../migrations/0010_key_check.sql"),
    include_str!("../../migrations/0011_leaders.sql"),
    include_str!("../../migrations/0012_acme.sql"),
    EARLY_DATA,
];

/// Code fills the columns that this migration adds: see [`user_ids`].
const USER_IDS: &str = include_str!("../../migrations/0005_user_ids.sql");

/// The migrations of the statistics.
pub(crate) const STATISTICS: Migrations = &[
    include_str!("../../migrations/statistics/0001_pulls.sql"),
    include_str!("../../migrations/statistics/0002_limits.sql"),
    include_str!("../../migrations/statistics/0003_scrub.sql"),
];

/// Code fills the columns that this migration adds: see [`gallery_tags`].
const GALLERY_TAGS: &str = include_str!("../../migrations/0007_gallery_tags.sql");

/// Not run on shared databases: none was made by migrations that lacked something, and completing rows would keep all servers from writing
/// for as long as it takes. One that was copied from an early data directory, before this migration, lacks rows: `upgrading.md` says what
/// helps. Code completes tags: see [`gallery_tags`].
const EARLY_DATA: &str = include_str!("../../migrations/0013_early_data.sql");

pub(crate) const CREATE_VERSION: &str = "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL PRIMARY KEY)";
pub(crate) const CREATE_STATISTICS_VERSION: &str = "CREATE TABLE IF NOT EXISTS statistics_version (version BIGINT NOT NULL PRIMARY KEY)";

statements! {
    SELECT_VERSION = "SELECT COALESCE(MAX(version), 0) FROM schema_version";
    INSERT_VERSION = "INSERT INTO schema_version (version) VALUES (?1)";
    SELECT_STATISTICS_VERSION = "SELECT COALESCE(MAX(version), 0) FROM statistics_version";
    INSERT_STATISTICS_VERSION = "INSERT INTO statistics_version (version) VALUES (?1)";
}

/// The table with the version of a schema.
struct VersionTable {
    create: &'static str,
    select: &'static Sql,
    insert: &'static Sql,
}

const OF_FILE: VersionTable = VersionTable { create: CREATE_VERSION, select: &SELECT_VERSION, insert: &INSERT_VERSION };
/// In a shared database, the statistics stand beside the metadata.
const OF_STATISTICS: VersionTable =
    VersionTable { create: CREATE_STATISTICS_VERSION, select: &SELECT_STATISTICS_VERSION, insert: &INSERT_STATISTICS_VERSION };

fn version_table(tx: &Tx<'_>, migrations: Migrations) -> VersionTable {
    if tx.is_shared() && migrations == STATISTICS { OF_STATISTICS } else { OF_FILE }
}

/// Migrates the schema to the current version. Fails if it is newer.
pub(super) async fn migrate(tx: &mut Tx<'_>, migrations: Migrations) -> Result<()> {
    let table = version_table(tx, migrations);
    tx.execute_script(table.create).await?;
    let found = tx.query_one(table.select, params![]).await?.unwrap_or(0);
    refuse_newer(tx, found, migrations)?;
    if found < migrations.len() as i64 {
        tx.run_alone().await?;
    }
    for (script, version) in migrations.iter().zip(1_i64..).skip(usize::try_from(found).unwrap_or(0)) {
        if *script != EARLY_DATA || !tx.is_shared() {
            run(tx, script).await?;
        }
        tx.execute(table.insert, params![version]).await?;
    }
    Ok(())
}

async fn run(tx: &mut Tx<'_>, script: &str) -> Result<()> {
    tx.execute_script(script).await?;
    match script {
        USER_IDS => user_ids::introduce(tx).await,
        GALLERY_TAGS => gallery_tags::introduce(tx).await,
        EARLY_DATA => gallery_tags::complete(tx).await,
        _ => Ok(()),
    }
}

/// Fails unless the schema has the current version. Commands call this, because they must not migrate the data of a running server.
pub(super) async fn check(tx: &mut Tx<'_>, migrations: Migrations) -> Result<()> {
    let found: Option<i64> = tx.query_one(version_table(tx, migrations).select, params![]).await?;
    let (found, known) = (found.unwrap_or(0), migrations.len());
    refuse_newer(tx, found, migrations)?;
    if found < known as i64 {
        return Err(Error::Internal(format!(
            "the data was written by an older Roadstead (schema version {found}, this version uses {known}): start a server of this version on it first"
        )));
    }
    Ok(())
}

/// A shared database may be one migration ahead: that of the version to which the servers are being upgraded.
fn refuse_newer(tx: &Tx<'_>, found: i64, migrations: Migrations) -> Result<()> {
    let known = migrations.len();
    if found <= known as i64 + i64::from(tx.is_shared()) {
        return Ok(());
    }
    let place = if tx.is_shared() { "database" } else { "data directory" };
    Err(Error::Internal(format!(
        "the data was written by a newer Roadstead (schema version {found}, this version supports up to {known}): use that version, or another {place}"
    )))
}

/// The steps in which SQLite runs a statement on the current schema.
#[cfg(test)]
pub(crate) fn plan(sql: &super::Sql) -> Vec<String> {
    let database = rusqlite::Connection::open_in_memory().expect("a database");
    for script in METADATA {
        database.execute_batch(script).expect("a migration");
    }
    let mut explain = database.prepare(&format!("EXPLAIN QUERY PLAN {}", sql.0)).expect("a statement");
    let parameters = rusqlite::params_from_iter(vec![1; explain.parameter_count()]);
    let steps = explain.query_map(parameters, |row| row.get(3)).expect("a plan");
    steps.map(|step| step.expect("a step")).collect()
}
