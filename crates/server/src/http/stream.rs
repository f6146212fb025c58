//! The HTTP/2 stream of the current task, and the time when its data last moved.

use super::activity::Activity;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::time::Instant;

tokio::task_local! {
    static STREAM: Arc<Stream>;
}

/// An HTTP/2 stream: when its data last moved.
#[derive(Debug)]
pub(crate) struct Stream {
    begun: Instant,
    /// Milliseconds since `begun`.
    last: AtomicU64,
    connection: OnceLock<Arc<Activity>>,
}

impl Stream {
    pub(crate) fn begin() -> Arc<Self> {
        Arc::new(Self { begun: Instant::now(), last: AtomicU64::new(0), connection: OnceLock::new() })
    }

    /// When data of the stream last moved.
    pub(crate) fn last(&self) -> Instant {
        self.begun + Duration::from_millis(self.last.load(Ordering::Relaxed))
    }

    /// Runs a future as the task of this stream.
    pub(crate) fn scope<F: Future>(self: &Arc<Self>, future: F) -> impl Future<Output = F::Output> + use<F> {
        STREAM.scope(self.clone(), future)
    }
}

/// Sets the connection of the current task's stream. A no-op outside of a stream.
pub(super) fn runs_on(activity: &Arc<Activity>) {
    let _ = STREAM.try_with(|stream| stream.connection.set(activity.clone()));
}

/// Records that data of the current stream moved. A no-op on HTTP/1.1, where the socket is watched instead.
pub(crate) fn data_moved() {
    let _ = STREAM.try_with(|stream| {
        stream.last.store(stream.begun.elapsed().as_millis() as u64, Ordering::Relaxed);
        if let Some(activity) = stream.connection.get() {
            activity.touch();
        }
    });
}
