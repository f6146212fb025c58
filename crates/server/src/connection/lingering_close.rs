//! Closing so that the client gets to read the last answer (RFC 9112 §9.6): a connection that is closed with bytes unread is
//! reset, and the reset can overtake the answer. So the sending half is shut first, and what still comes is thrown away for a
//! while.

use super::monitored_stream::MonitoredStream;
use crate::http::FAREWELL;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// How long it goes on at most.
const LONGEST: Duration = FAREWELL;
/// A client that sends nothing for so long has read its answer, or never will.
const SILENCE: Duration = Duration::from_millis(500);
/// How many bytes are thrown away at most.
const MOST: usize = 64 << 20;

/// The time after the sending half was shut.
#[derive(Debug)]
pub(super) struct Lingering {
    end: Instant,
    patience: Pin<Box<Sleep>>,
    received: usize,
}

impl Lingering {
    pub(super) fn begin() -> Self {
        let now = Instant::now();
        Self { end: now + LONGEST, patience: Box::pin(sleep_until(now + SILENCE)), received: 0 }
    }

    /// Reads and throws away until the client closes its end, or one of the bounds is reached.
    pub(super) fn poll(&mut self, stream: &mut MonitoredStream, context: &mut Context<'_>) -> Poll<()> {
        let mut scratch = [0; 16 * 1024];
        loop {
            let mut buffer = ReadBuf::new(&mut scratch);
            let Poll::Ready(read) = Pin::new(&mut *stream).poll_read(context, &mut buffer) else { break };
            self.received += buffer.filled().len();
            let now = Instant::now();
            if read.is_err() || buffer.filled().is_empty() || self.received > MOST || now >= self.end {
                return Poll::Ready(());
            }
            self.patience.as_mut().reset(self.end.min(now + SILENCE));
        }
        ready!(self.patience.as_mut().poll(context));
        Poll::Ready(())
    }
}
