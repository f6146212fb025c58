//! Access to local files, for the engines and stores that use them.

pub(crate) mod mapping;
pub(crate) mod permissions;

use crate::error::{Error, Result};
use std::fs::File;
use std::io;
use std::path::Path;

/// Runs `work` on a thread that may block, away from the threads that serve requests.
pub(crate) async fn blocking<T, E>(work: impl FnOnce() -> std::result::Result<T, E> + Send + 'static) -> Result<T>
where
    T: Send + 'static,
    E: Into<Error> + Send + 'static,
{
    let done = tokio::task::spawn_blocking(work).await.map_err(|error| Error::Internal(error.to_string()))?;
    done.map_err(E::into)
}

/// Makes the entries of a directory durable: files that were created, renamed or removed there. Blocks.
pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}
