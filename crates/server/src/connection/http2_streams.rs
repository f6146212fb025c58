//! The tasks of HTTP/2 streams. A stalled stream is reset even if other streams keep its connection busy.

use super::http2_frames::PendingStreams;
use crate::http::Stream;
use hyper::rt::Executor;
use std::future::Future;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Spawns a task per stream. Dropping the task resets the stream.
#[derive(Debug, Clone)]
pub(super) struct StreamExecutor {
    /// How long a stream may stall.
    pub(super) patience: Duration,
    pub(super) pending_streams: PendingStreams,
}

impl<F> Executor<F> for StreamExecutor
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        let stream = Stream::begin();
        // Boxed before it moves into the task, which would otherwise reserve space for the future twice.
        let mut running = Box::pin(stream.scope(future));
        let (patience, pending) = (self.patience, self.pending_streams.add());
        tokio::spawn(async move {
            drop(pending);
            while timeout_at(stream.last() + patience, &mut running).await.is_err() {
                if stream.last() + patience <= Instant::now() {
                    tracing::debug!("stream reset: stalled");
                    return;
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::data_moved;
    use tokio::sync::oneshot;

    #[tokio::test(start_paused = true)]
    async fn a_stream_is_given_up_when_nothing_moves_on_it() {
        let (begun, streams) =
            (Instant::now(), StreamExecutor { patience: Duration::from_secs(60), pending_streams: PendingStreams::default() });
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
