//! Work that blocks.

use crate::error::{Error, Result};

/// Runs `work` on a thread that may block, away from the threads that serve requests.
pub(crate) async fn blocking<T, E>(work: impl FnOnce() -> std::result::Result<T, E> + Send + 'static) -> Result<T>
where
    T: Send + 'static,
    E: Into<Error> + Send + 'static,
{
    let done = tokio::task::spawn_blocking(work).await.map_err(|error| Error::Internal(error.to_string()))?;
    done.map_err(E::into)
}
