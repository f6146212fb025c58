//! The mark of a target that is not complete yet.

use crate::error::{Error, Result};
use crate::metadata::{Metadata, Tx, params, statements};

statements! {
    SELECT = "SELECT source FROM unfinished_transfer";
    BEGIN = "INSERT INTO unfinished_transfer (source) VALUES (?1) ON CONFLICT (source) DO NOTHING";
    END = "DELETE FROM unfinished_transfer";
}

/// The id of the installation that is being copied to this database.
pub(super) async fn source(database: &Metadata) -> Result<Option<String>> {
    database.read(async |tx: &mut Tx<'_>| tx.query_one(&SELECT, params![]).await).await
}

/// Fails if a copy to this database is not complete.
pub(crate) async fn refuse(database: &Metadata) -> Result<()> {
    match source(database).await? {
        None => Ok(()),
        Some(source) => Err(Error::Refused(format!(
            "this is an unfinished copy of the installation '{source}': run the command that makes it again, until it ends well"
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
