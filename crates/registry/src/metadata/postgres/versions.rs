//! The version of the metadata, which every commit of a meaningful write changes: the sum of the counters in the table `change`, each of
//! which belongs to one connection. A connection has two, and raises the second one, whose slot is [`SLOTS`] higher, for writes of mere
//! content; so the sum of the first ones tells whether anything else has changed.
//!
//! A *check* is one statement that asks for it, on a connection of its own, for all requests that wait. While it is running, further
//! requests gather for the next one. Checks are numbered, and a request knows the number of the last one that had begun when it arrived
//! ([`Arrival`]). So it relies on nothing older than itself, and one check suffices for all that it looks up.
//!
//! A read with this version sees
//! - what was committed, by any process, before its request arrived;
//! - what this process has written before the read, be it for the same request;
//! - what was committed more than [`REUSE`] before the read, however long ago its request arrived.

use super::connection::{Connection, Connector, SLOTS};
use super::counters::{Counters, count};
use crate::metadata::arrival::Arrival;
use crate::metadata::cache::{State, Version};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use tokio_postgres::{Row, Statement};

const CHECK: &str = "SELECT COALESCE(SUM(writes), 0)::BIGINT, COALESCE(SUM(writes) FILTER (WHERE slot < SLOTS), 0)::BIGINT,
    pg_is_in_recovery() FROM change";
/// The statement reads the whole table, and its connection writes nothing, so it needs no slot.
const SETTINGS: &str = "SET enable_seqscan = on; SELECT pg_advisory_unlock_all()";
/// How long no connection is tried after one has failed.
const PAUSE: Duration = Duration::from_millis(200);
/// How long after its begin a check can be used. A request that takes longer, such as an upload, checks again.
const REUSE: Duration = Duration::from_millis(100);

/// A request that waits for the version.
type Asker = oneshot::Sender<Option<Version>>;

pub(super) struct Versions {
    askers: mpsc::UnboundedSender<Asker>,
    checks: Arc<Checks>,
    counters: Arc<Counters>,
}

impl Versions {
    /// Starts the task that checks. It runs where requests do, so that neither a request nor an answer has to wake another thread. Once
    /// the caller's runtime has ended, the version is unknown.
    pub(super) fn start(connector: Arc<Connector>, generation: Arc<AtomicU64>, stale_reads: Duration, counters: Arc<Counters>) -> Self {
        let (askers, waiting) = mpsc::unbounded_channel();
        let checks = Arc::new(Checks::new(generation, stale_reads));
        let checker = Checker { connector, checks: checks.clone(), connection: None, failed: None, counters: counters.clone() };
        tokio::spawn(checker.answer_all(waiting));
        Self { askers, checks, counters }
    }

    /// The arrival of a request that arrives now.
    pub(super) fn arrival(&self) -> Arrival {
        Arrival(self.checks.begun.load(Ordering::SeqCst))
    }

    /// The version at a moment after this arrival, or with stale reads not much before. `None` if it cannot be found out.
    pub(super) async fn current(&self, arrival: Arrival) -> Option<Version> {
        count(&self.counters.versions_asked);
        if let Some(version) = self.checks.find(arrival) {
            return Some(version);
        }
        let (asker, answer) = oneshot::channel();
        self.askers.send(asker).ok()?;
        answer.await.ok().flatten()
    }

    /// Notes a write of this process, which all of its later reads must see.
    pub(super) fn note_write(&self) {
        self.checks.written.fetch_max(self.checks.begun.load(Ordering::SeqCst), Ordering::SeqCst);
    }
}

/// What requests know of the checks.
struct Checks {
    /// The number of the last check that has begun.
    begun: AtomicU64,
    /// The number of the last check that had begun before the last write of this process: it may not have seen the write.
    written: AtomicU64,
    /// The last check, if it succeeded.
    last: Mutex<Option<Check>>,
    /// Rises whenever a connection is lost.
    generation: Arc<AtomicU64>,
    stale_reads: Duration,
}

#[derive(Clone, Copy)]
struct Check {
    number: u64,
    began: Instant,
    generation: u64,
    version: Version,
}

impl Checks {
    fn new(generation: Arc<AtomicU64>, stale_reads: Duration) -> Self {
        Self { begun: AtomicU64::new(0), written: AtomicU64::new(0), last: Mutex::new(None), generation, stale_reads }
    }

    /// Begins a check. Returns its number.
    fn begin(&self) -> u64 {
        self.begun.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// The version of the last check, if a request that arrived then may use it.
    fn find(&self, arrival: Arrival) -> Option<Version> {
        let Check { number, began, generation, version } = (*self.last.lock())?;
        let age = began.elapsed();
        let is_recent = age < self.stale_reads || (number > arrival.0 && age < REUSE);
        let is_valid = number > self.written.load(Ordering::SeqCst) && generation == self.generation.load(Ordering::Acquire);
        (is_recent && is_valid).then_some(version)
    }
}

struct Checker {
    connector: Arc<Connector>,
    checks: Arc<Checks>,
    connection: Option<(Connection, Statement)>,
    failed: Option<Instant>,
    counters: Arc<Counters>,
}

impl Checker {
    async fn answer_all(mut self, mut waiting: mpsc::UnboundedReceiver<Asker>) {
        // Whether several requests shared the last check.
        let mut is_busy = false;
        while let Some(first) = waiting.recv().await {
            let mut askers = vec![first];
            if is_busy {
                // Those that are about to ask come first and share this check. A lone request does not wait for others.
                tokio::task::yield_now().await;
            }
            while let Ok(next) = waiting.try_recv() {
                askers.push(next);
            }
            is_busy = askers.len() > 1;
            let check = self.check().await;
            *self.checks.last.lock() = check;
            for asker in askers {
                // A request that was dropped needs no answer.
                let _ = asker.send(check.map(|check| check.version));
            }
        }
    }

    async fn check(&mut self) -> Option<Check> {
        if self.failed.is_some_and(|failed| failed.elapsed() < PAUSE) {
            return None;
        }
        // Read before the statement: if a connection is lost meanwhile, the answer is of the generation that has ended.
        let generation = self.checks.generation.load(Ordering::Acquire);
        let (began, number) = (Instant::now(), self.checks.begin());
        let row = self.row().await;
        let found = row.as_ref().and_then(|row| {
            let (writes, grants): (i64, i64) = (row.try_get(0).ok()?, row.try_get(1).ok()?);
            Some((writes.cast_unsigned(), grants.cast_unsigned(), row.try_get::<_, bool>(2).ok()?))
        });
        let Some((writes, grants, false)) = found else {
            // A server that has become a standby is not used again.
            self.connection = None;
            self.failed = Some(Instant::now());
            self.checks.generation.fetch_add(1, Ordering::Release);
            return None;
        };
        self.failed = None;
        Some(Check { number, began, generation, version: Version(State::Counted { generation, writes, grants }) })
    }

    async fn row(&mut self) -> Option<Row> {
        count(&self.counters.version_checks);
        if self.connection.as_ref().is_none_or(|(connection, _)| !connection.is_open()) {
            let connection = self.connector.connect().await.ok()?;
            connection.answer(connection.client.batch_execute(SETTINGS)).await.ok()?;
            let statement = connection.answer(connection.client.prepare(&CHECK.replace("SLOTS", &SLOTS.to_string()))).await.ok()?;
            self.connection = Some((connection, statement));
        }
        let (connection, statement) = self.connection.as_ref()?;
        connection.answer(connection.client.query_one(statement, &[])).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALWAYS: Duration = Duration::from_secs(3600);

    fn checks(stale_reads: Duration) -> Checks {
        Checks::new(Arc::default(), stale_reads)
    }

    /// Ends a check that began just now.
    fn end(checks: &Checks, number: u64) -> Version {
        let version = Version(State::Counted { generation: 0, writes: number, grants: 0 });
        *checks.last.lock() = Some(Check { number, began: Instant::now(), generation: 0, version });
        version
    }

    #[test]
    fn a_request_uses_every_check_that_began_after_it_arrived_and_no_other() {
        let checks = checks(Duration::ZERO);
        let before = Arrival(checks.begun.load(Ordering::SeqCst));
        let number = checks.begin();
        let during = Arrival(checks.begun.load(Ordering::SeqCst));
        let version = end(&checks, number);
        assert_eq!((checks.find(before), checks.find(during), checks.find(Arrival::default())), (Some(version), None, None));
        let later = checks.begin();
        let version = end(&checks, later);
        assert_eq!((checks.find(before), checks.find(during)), (Some(version), Some(version)));
    }

    #[test]
    fn a_check_that_began_before_a_write_of_this_process_is_not_used_after_it() {
        for stale_reads in [Duration::ZERO, ALWAYS] {
            let checks = checks(stale_reads);
            let number = checks.begin();
            checks.written.fetch_max(checks.begun.load(Ordering::SeqCst), Ordering::SeqCst);
            end(&checks, number);
            assert_eq!(checks.find(Arrival(0)), None);
            let later = checks.begin();
            let version = end(&checks, later);
            assert_eq!(checks.find(Arrival(0)), Some(version));
        }
    }

    #[test]
    fn a_check_is_not_used_after_a_connection_was_lost() {
        let checks = checks(ALWAYS);
        let number = checks.begin();
        let version = end(&checks, number);
        assert_eq!(checks.find(Arrival(0)), Some(version));
        checks.generation.fetch_add(1, Ordering::Release);
        assert_eq!(checks.find(Arrival(0)), None);
    }

    #[test]
    fn a_request_that_takes_long_checks_again() {
        let checks = checks(Duration::ZERO);
        let number = checks.begin();
        end(&checks, number);
        let old = Instant::now().checked_sub(REUSE).expect("a machine that has run for a while");
        checks.last.lock().as_mut().expect("a check").began = old;
        assert_eq!(checks.find(Arrival(0)), None);
    }

    #[test]
    fn stale_reads_use_checks_that_began_before_they_arrived() {
        let checks = checks(ALWAYS);
        let number = checks.begin();
        let version = end(&checks, number);
        assert_eq!(checks.find(Arrival::default()), Some(version));
    }
}
