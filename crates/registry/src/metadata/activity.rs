//! What the engines measure of their writes, for metrics.

use crate::measuring::{Gauge, Histogram, Measured};

/// Bounds of the number of writes in a commit.
const WRITES: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128];
/// Bounds of times, in microseconds.
const TIMES: &[u64] =
    &[100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 10_000_000];

/// What an engine measures.
#[derive(Debug)]
pub(super) struct Activity {
    /// Writes that have not begun.
    pub(super) waiting: Gauge,
    pub(super) commit_writes: Histogram,
    pub(super) commit_durations: Histogram,
    pub(super) sync_durations: Histogram,
}

/// What an engine has measured since it was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataMetrics {
    /// Writes that have not begun.
    pub writes_waiting: u64,
    /// The number of writes that were committed together.
    pub commit_writes: Measured,
    /// From the begin of a transaction that writes to its commit, in microseconds.
    pub commit_durations: Measured,
    /// The syncs of the write-ahead log, in microseconds. `None` if the engine leaves them to a server, which syncs within its commits.
    pub sync_durations: Option<Measured>,
}

impl Default for Activity {
    fn default() -> Self {
        Self {
            waiting: Gauge::default(),
            commit_writes: Histogram::new(WRITES),
            commit_durations: Histogram::new(TIMES),
            sync_durations: Histogram::new(TIMES),
        }
    }
}
