//! The tasks of HTTP/2 streams: each is dropped when its own data stalls, however busy its connection is with others.

use super::http2_frames::PendingStreams;
use crate::http::Stream;
use hyper::rt::Executor;
use std::future::Future;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Runs streams. Dropping the task of a stream resets it.
#[derive(Debug, Clone)]
pub(crate) struct StreamExecutor {
    /// How long a stream may stall.
    pub(super) patience: Duration,
    /// Those that have not run yet.
    pub(super) new: PendingStreams,
}

impl<F> Executor<F> for StreamExecutor
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        let stream = Stream::begin();
        // Boxed here, so that the task holds it only once.
        let mut running = Box::pin(stream.scope(future));
        let (patience, new) = (self.patience, self.new.add());
        tokio::spawn(async move {
            drop(new);
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
        let (begun, streams) = (Instant::now(), StreamExecutor { patience: Duration::from_secs(60), new: PendingStreams::default() });
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
