//! Which failed handshakes are logged: one a minute for each reason, because any client can cause any number of them.

use super::HandshakeFailure;
use parking_lot::Mutex;
use std::time::{Duration, Instant};

const INTERVAL: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(crate) struct FailureLog(Mutex<[Option<Line>; HandshakeFailure::ALL.len()]>);

/// The last line about a reason.
#[derive(Debug, Clone, Copy)]
struct Line {
    logged: Instant,
    /// The number of failures since then.
    unlogged: u64,
}

impl FailureLog {
    /// Returns the number of failures that were not logged before this one, or `None` if this one is not to be logged either.
    pub(crate) fn admit(&self, failure: HandshakeFailure, now: Instant) -> Option<u64> {
        let line = &mut self.0.lock()[failure as usize];
        match line {
            Some(last) if now.saturating_duration_since(last.logged) < INTERVAL => {
                last.unlogged += 1;
                None
            }
            last => {
                let unlogged = last.map_or(0, |last| last.unlogged);
                *last = Some(Line { logged: now, unlogged: 0 });
                Some(unlogged)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_has_one_line_a_minute_which_counts_the_failures_before_it() {
        let (log, begun) = (FailureLog::default(), Instant::now());
        let at = |seconds| begun + Duration::from_secs(seconds);
        assert_eq!(log.admit(HandshakeFailure::Untrusted, at(0)), Some(0));
        assert_eq!(log.admit(HandshakeFailure::Untrusted, at(1)), None);
        assert_eq!(log.admit(HandshakeFailure::Untrusted, at(59)), None);
        assert_eq!(log.admit(HandshakeFailure::Other, at(59)), Some(0), "each reason is apart");
        assert_eq!(log.admit(HandshakeFailure::Untrusted, at(60)), Some(2));
        assert_eq!(log.admit(HandshakeFailure::Untrusted, at(120)), Some(0));
    }
}
