//! Refusing to go on with half of an installation, while the other half is lost, elsewhere or on a disk that is not mounted.

use crate::blobs::BlobStore;
use crate::data_directory::{BLOBS, OpenError, has_database, in_directory};
use crate::metadata::{Metadata, Tx, params, statements};
use std::path::Path;

statements! {
    HAS_STORED_BLOBS = "SELECT EXISTS (SELECT 1 FROM blob WHERE storage_key <> '')";
}

/// Fails if there are blobs without the database that belongs beside them. With a new one, all of them would be garbage.
pub(super) fn refuse_without_database(data: &Path) -> Result<(), OpenError> {
    // A first start that is under way makes the database, and blobs after it.
    if has_database(data)? || !had_blobs(data)? || has_database(data)? { Ok(()) } else { Err(OpenError::LacksDatabase(data.to_owned())) }
}

/// Fails if the metadata name blobs whose directory has never had one.
pub(super) async fn refuse_without_blobs(data: &Path, metadata: &Metadata) -> Result<(), OpenError> {
    if had_blobs(data)? {
        return Ok(());
    }
    let has_stored = async |tx: &mut Tx<'_>| tx.query_one::<bool>(&HAS_STORED_BLOBS, params![]).await;
    match metadata.scan(has_stored).await? {
        Some(true) => Err(OpenError::LacksBlobs(data.join(BLOBS))),
        _ => Ok(()),
    }
}

fn had_blobs(data: &Path) -> Result<bool, OpenError> {
    let directory = data.join(BLOBS);
    BlobStore::had_blobs(&directory).map_err(in_directory(&directory))
}
