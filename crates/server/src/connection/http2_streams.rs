//! The streams of HTTP/2 connections, each of which is given up when none of its data moves any more, however busy its
//! connection is with others.

use super::http2_frames::NewStreams;
use crate::http::Stream;
use hyper::rt::Executor;
use std::future::Future;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Runs streams. Dropping a stream's task resets the stream.
#[derive(Debug, Clone)]
pub(crate) struct Streams {
    /// For how long a stream may stand still.
    pub(super) patience: Duration,
    /// Those that have not run yet.
    pub(super) new: NewStreams,
}

impl<F> Executor<F> for Streams
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        let stream = Stream::begin();
        // Boxed here, so that the task holds it once.
        let mut running = Box::pin(stream.scope(future));
        let (patience, new) = (self.patience, self.new.one_more());
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
