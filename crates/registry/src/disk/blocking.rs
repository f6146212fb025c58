//! Work on the threads that may block, away from those that serve requests.

use crate::error::{Error, Result};
use crate::measuring::Gauge;
use std::sync::LazyLock;
use tokio::task::JoinHandle;

static WAITING: LazyLock<Gauge> = LazyLock::new(Gauge::default);
static RUNNING: LazyLock<Gauge> = LazyLock::new(Gauge::default);

/// The work on the threads of this process that may block.
#[derive(Debug, Clone, Copy)]
pub struct BlockingTasks {
    /// What waits for a thread.
    pub waiting: u64,
    pub running: u64,
}

/// The work on the threads of this process that may block.
pub fn blocking_tasks() -> BlockingTasks {
    BlockingTasks { waiting: WAITING.read(), running: RUNNING.read() }
}

/// Starts `work` on a thread that may block.
pub(crate) fn spawn_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    let waiting = WAITING.enter();
    tokio::task::spawn_blocking(move || {
        drop(waiting);
        let _running = RUNNING.enter();
        work()
    })
}

/// Runs `work` on a thread that may block.
pub(crate) async fn blocking<T, E>(work: impl FnOnce() -> std::result::Result<T, E> + Send + 'static) -> Result<T>
where
    T: Send + 'static,
    E: Into<Error> + Send + 'static,
{
    spawn_blocking(work).await.map_err(|error| Error::Internal(error.to_string()))?.map_err(E::into)
}
