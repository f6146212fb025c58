//! What the engine has done, for metrics.

use std::sync::atomic::{AtomicU64, Ordering};

/// Numbers since the engine was opened.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) statements: AtomicU64,
    pub(super) version_checks: AtomicU64,
    pub(super) versions_asked: AtomicU64,
    pub(super) writes: AtomicU64,
    pub(super) conflicts: AtomicU64,
    pub(super) retries: AtomicU64,
    pub(super) connects: AtomicU64,
    pub(super) lost_connections: AtomicU64,
    pub(super) timeouts: AtomicU64,
}

/// What an engine behind a network has done since it was opened, and what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DatabaseMetrics {
    /// The most connections for transactions.
    pub connections: u64,
    /// Those of them that are in use.
    pub connections_in_use: u64,
    /// Transactions that wait for one of them.
    pub waiting: u64,
    /// Connections that were opened.
    pub connects: u64,
    /// Those of them that broke.
    pub lost_connections: u64,
    /// Requests that got no connection in time.
    pub timeouts: u64,
    /// Statements of operations, without those that begin and end transactions.
    pub statements: u64,
    /// Committed writes.
    pub writes: u64,
    /// Writes that ran again because others came first.
    pub conflicts: u64,
    /// Transactions that ran again because of lost connections and changes of the schema.
    pub retries: u64,
    /// Statements that asked for the version of the metadata.
    pub version_checks: u64,
    /// The lookups that they answered.
    pub versions_asked: u64,
}

pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

pub(super) fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
