//! The streams of HTTP/2 connections, each of which is given up when none of its data moves any more, however busy its
//! connection is with others.

use super::Activity;
use super::frames::NewStreams;
use hyper::rt::Executor;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

tokio::task_local! {
    /// The stream whose task this is.
    static STREAM: Arc<Stream>;
}

/// Runs streams. Dropping a stream's task resets the stream.
#[derive(Debug, Clone)]
pub(crate) struct Streams {
    /// For how long a stream may stand still.
    pub(super) patience: Duration,
    /// Those that have not run yet.
    pub(super) new: NewStreams,
}

/// When the data of a stream last moved, in milliseconds since it began.
#[derive(Debug)]
struct Stream {
    begun: Instant,
    last: AtomicU64,
    connection: OnceLock<Arc<Activity>>,
}

impl Stream {
    fn last(&self) -> Instant {
        self.begun + Duration::from_millis(self.last.load(Ordering::Relaxed))
    }
}

impl<F> Executor<F> for Streams
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        let stream = Arc::new(Stream { begun: Instant::now(), last: AtomicU64::new(0), connection: OnceLock::new() });
        // Boxed here, so that the task holds it once.
        let mut running = Box::pin(STREAM.scope(stream.clone(), future));
        let (patience, new) = (self.patience, self.new.one_more());
        tokio::spawn(async move {
            drop(new);
            while timeout_at(stream.last() + patience, &mut running).await.is_err() {
                if stream.last() + patience <= Instant::now() {
                    tracing::debug!("stream given up: nothing moved on it");
                    return;
                }
            }
        });
    }
}

/// Says on which connection the stream of this task runs, if it is one.
pub(super) fn runs_on(activity: &Arc<Activity>) {
    let _ = STREAM.try_with(|stream| stream.connection.set(activity.clone()));
}

/// Notes that data of this task's stream moves. In a task that is no stream it does nothing: there the connection sees it.
pub(crate) fn data_moved() {
    let _ = STREAM.try_with(|stream| {
        stream.last.store(stream.begun.elapsed().as_millis() as u64, Ordering::Relaxed);
        if let Some(activity) = stream.connection.get() {
            activity.touch();
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::oneshot;

    #[tokio::test(start_paused = true)]
    async fn a_stream_is_given_up_when_nothing_moves_on_it() {
        let (begun, streams) = (Instant::now(), Streams { patience: Duration::from_secs(60), new: NewStreams::default() });
        let (held, dropped) = oneshot::channel::<()>();
        streams.execute(async move {
            for _ in 0..5 {
                tokio::time::sleep(Duration::from_secs(50)).await;
                data_moved();
            }
            std::future::pending::<()>().await;
            drop(held);
        });
        assert!(dropped.await.is_err());
        assert_eq!(begun.elapsed().as_secs(), 5 * 50 + 60);
    }
}
