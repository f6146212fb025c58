//! Lingering close (RFC 9112 §9.6). Closing a socket with unread bytes resets the connection, and the reset can destroy the last
//! response before the client has read it. Therefore only the write half is shut down, and input is discarded for a while.

use super::monitored_stream::MonitoredStream;
use crate::http::DRAIN_TIMEOUT;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// A client that is silent for this long has read its response, or never will.
const SILENCE: Duration = Duration::from_millis(500);
/// The maximum number of bytes to discard.
const MAX_DISCARDED: usize = 64 << 20;

/// Starts after the write half was shut down. Lasts at most [`DRAIN_TIMEOUT`].
#[derive(Debug)]
pub(super) struct LingeringClose {
    end: Instant,
    patience: Pin<Box<Sleep>>,
    received: usize,
}

impl LingeringClose {
    pub(super) fn begin() -> Self {
        let now = Instant::now();
        Self { end: now + DRAIN_TIMEOUT, patience: Box::pin(sleep_until(now + SILENCE)), received: 0 }
    }

    /// Discards input until the client closes its half or a limit is reached.
    pub(super) fn poll(&mut self, stream: &mut MonitoredStream, context: &mut Context<'_>) -> Poll<()> {
        let mut scratch = [0; 16 * 1024];
        loop {
            let mut buffer = ReadBuf::new(&mut scratch);
            let Poll::Ready(read) = Pin::new(&mut *stream).poll_read(context, &mut buffer) else { break };
            self.received += buffer.filled().len();
            let now = Instant::now();
            if read.is_err() || buffer.filled().is_empty() || self.received > MAX_DISCARDED || now >= self.end {
                return Poll::Ready(());
            }
            self.patience.as_mut().reset(self.end.min(now + SILENCE));
        }
        ready!(self.patience.as_mut().poll(context));
        Poll::Ready(())
    }
}
