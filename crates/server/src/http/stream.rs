//! The HTTP/2 stream of the current task, and when its data last moved.

use super::activity::Activity;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::time::Instant;

tokio::task_local! {
    /// The stream of the current task.
    static STREAM: Arc<Stream>;
}

/// When the data of a stream last moved, in milliseconds since it began.
#[derive(Debug)]
pub(crate) struct Stream {
    begun: Instant,
    last: AtomicU64,
    connection: OnceLock<Arc<Activity>>,
}

impl Stream {
    pub(crate) fn begin() -> Arc<Self> {
        Arc::new(Self { begun: Instant::now(), last: AtomicU64::new(0), connection: OnceLock::new() })
    }

    /// When its data last moved.
    pub(crate) fn last(&self) -> Instant {
        self.begun + Duration::from_millis(self.last.load(Ordering::Relaxed))
    }

    /// Runs a future as the task of this stream.
    pub(crate) fn scope<F: Future>(self: &Arc<Self>, future: F) -> impl Future<Output = F::Output> + use<F> {
        STREAM.scope(self.clone(), future)
    }
}

/// Notes the connection of the current task's stream, if there is one.
pub(super) fn runs_on(activity: &Arc<Activity>) {
    let _ = STREAM.try_with(|stream| stream.connection.set(activity.clone()));
}

/// Notes that data of the current stream moves. Outside of a stream it does nothing: there, the socket is watched.
pub(crate) fn data_moved() {
    let _ = STREAM.try_with(|stream| {
        stream.last.store(stream.begun.elapsed().as_millis() as u64, Ordering::Relaxed);
        if let Some(activity) = stream.connection.get() {
            activity.touch();
        }
    });
}
