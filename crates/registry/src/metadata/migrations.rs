//! Migrations of the schema, applied in order, once each.
//!
//! They are written for SQLite. For PostgreSQL a few words are replaced, which have no other use: `INTEGER` (SQLite's 64-bit row id)
//! by `BIGINT`, `BLOB` by `BYTEA`, `CTEXT` (text compared bytewise) by `TEXT COLLATE "C"`, and `json_quote` by `to_json`. `WITHOUT
//! ROWID` (SQLite's clustered tables) is left out.

pub(crate) mod gallery_tags;
pub(crate) mod user_ids;

use super::{Tx, params, statements};
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
];

/// Code fills the columns that this migration adds: see [`user_ids`].
const USER_IDS: &str = include_str!("../../migrations/0005_user_ids.sql");

/// The migrations of the statistics.
pub(crate) const STATISTICS: Migrations =
    &[include_str!("../../migrations/statistics/0001_pulls.sql"), include_str!("../../migrations/statistics/0002_limits.sql")];

/// Code fills the columns that this migration adds: see [`gallery_tags`].
const GALLERY_TAGS: &str = include_str!("../../migrations/0007_gallery_tags.sql");

pub(crate) const CREATE_VERSION: &str = "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL PRIMARY KEY)";

statements! {
    SELECT_VERSION = "SELECT COALESCE(MAX(version), 0) FROM schema_version";
    INSERT_VERSION = "INSERT INTO schema_version (version) VALUES (?1)";
}

/// Migrates the schema to the current version. Fails if it is newer.
pub(super) async fn migrate(tx: &mut Tx<'_>, migrations: Migrations) -> Result<()> {
    tx.execute_script(CREATE_VERSION).await?;
    let found = version(tx).await?;
    refuse_newer(found, migrations)?;
    for (script, version) in migrations.iter().zip(1_i64..).skip(usize::try_from(found).unwrap_or(0)) {
        tx.execute_script(script).await?;
        if *script == USER_IDS {
            user_ids::introduce(tx).await?;
        }
        if *script == GALLERY_TAGS {
            gallery_tags::introduce(tx).await?;
        }
        tx.execute(&INSERT_VERSION, params![version]).await?;
    }
    Ok(())
}

/// Fails unless the schema has the current version. Commands call this, because they must not migrate the data of a running server.
pub(super) async fn check(tx: &mut Tx<'_>, migrations: Migrations) -> Result<()> {
    let (found, known) = (version(tx).await?, migrations.len());
    refuse_newer(found, migrations)?;
    if found < known as i64 {
        return Err(Error::Internal(format!(
            "the data was written by an older Roadstead (schema version {found}, this version uses {known}): start a server of this version on it first"
        )));
    }
    Ok(())
}

async fn version(tx: &mut Tx<'_>) -> Result<i64> {
    Ok(tx.query_one(&SELECT_VERSION, params![]).await?.unwrap_or(0))
}

fn refuse_newer(found: i64, migrations: Migrations) -> Result<()> {
    let known = migrations.len();
    if found <= known as i64 {
        return Ok(());
    }
    Err(Error::Internal(format!(
        "the data was written by a newer Roadstead (schema version {found}, this version supports up to {known}): use that version, or another data directory"
    )))
}

/// Translates a migration for PostgreSQL.
#[cfg(test)]
pub(crate) fn for_postgres(script: &str) -> String {
    let words =
        [("INTEGER", "BIGINT"), ("BLOB", "BYTEA"), ("CTEXT", "TEXT COLLATE \"C\""), ("json_quote(", "to_json("), (" WITHOUT ROWID", "")];
    words.iter().fold(script.to_owned(), |text, (ours, theirs)| text.replace(ours, theirs))
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
