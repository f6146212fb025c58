//! The mark of a target that is not complete yet.

use crate::error::{Error, Result};
use crate::metadata::{Metadata, Tx, params, statements};

statements! {
    SELECT = "SELECT source FROM unfinished_transfer";
    HAS_INSTALLATION = "SELECT EXISTS (SELECT 1 FROM installation)";
    BEGIN = "INSERT INTO unfinished_transfer (source) VALUES (?1) ON CONFLICT (source) DO NOTHING";
    END = "DELETE FROM unfinished_transfer";
}

/// What is being copied to this database: a `Side::copied_as`.
pub(super) async fn source(database: &Metadata) -> Result<Option<String>> {
    database.read(async |tx: &mut Tx<'_>| tx.query_one(&SELECT, params![]).await).await
}

/// Whether a database has an installation that is not the beginning of a copy. It may be of any version.
pub(super) async fn has_installation(database: &Metadata) -> Result<bool> {
    if !database.is_migrated().await? {
        return Ok(false);
    }
    // The first versions had no such copies.
    let begun = database.salvage(async |tx: &mut Tx<'_>| tx.query_one::<String>(&SELECT, params![]).await).await?;
    let is_there = database.read(async |tx: &mut Tx<'_>| tx.query_one(&HAS_INSTALLATION, params![]).await).await?;
    Ok(is_there == Some(true) && !matches!(begun, Ok(Some(_))))
}

/// Fails if a copy to this database is not complete.
pub(crate) async fn refuse(database: &Metadata) -> Result<()> {
    match source(database).await? {
        None => Ok(()),
        Some(source) => Err(Error::Refused(format!(
            "this is an unfinished copy of the {source}: run the command that makes it again, until it ends well"
        ))),
    }
}

pub(super) async fn begin(database: &Metadata, source: String) -> Result<()> {
    database.write(async move |tx: &mut Tx<'_>| tx.execute(&BEGIN, params![source]).await.map(drop)).await
}

/// Makes all rows durable, and lets servers use the database.
pub(super) async fn end(database: &Metadata) -> Result<()> {
    database.write(async |tx: &mut Tx<'_>| tx.execute(&END, params![]).await.map(drop)).await
}
