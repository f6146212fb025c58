//! The version of the metadata, which every commit of a meaningful write changes: the sum of the counters in the table `change`, each of
//! which belongs to one connection.
//!
//! One statement asks for it on a connection of its own, for all requests that arrived before the statement began. A request that arrives
//! later waits for the next one, so no request relies on anything older than itself.

use super::connection::Connection;
use super::counters::{Counters, count};
use super::pool::Pool;
use crate::metadata::cache::Version;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use tokio_postgres::{Row, Statement};

const CHECK: &str = "SELECT COALESCE(SUM(writes), 0)::BIGINT, pg_is_in_recovery() FROM change";
/// The statement reads the whole table, and its connection writes nothing, so it needs no slot.
const SETTINGS: &str = "SET enable_seqscan = on; SELECT pg_advisory_unlock_all()";
/// How long no connection is tried after one has failed.
const PAUSE: Duration = Duration::from_millis(200);

/// A request that waits for the version.
type Asker = oneshot::Sender<Option<Version>>;

pub(super) struct Versions {
    askers: mpsc::UnboundedSender<Asker>,
    stale_reads: Duration,
    /// The last version and when its check began. Used only with stale reads.
    last: Arc<Mutex<Last>>,
    counters: Arc<Counters>,
}

struct Last {
    known: Option<(Instant, Version)>,
    /// Checks that began before are of no use: this process has written since.
    not_before: Instant,
}

impl Versions {
    /// Starts the task that answers.
    pub(super) fn start(pool: Arc<Pool>, generation: Arc<AtomicU64>, stale_reads: Duration, counters: Arc<Counters>) -> Self {
        let (askers, waiting) = mpsc::unbounded_channel();
        let last = Arc::new(Mutex::new(Last { known: None, not_before: Instant::now() }));
        let checker = Checker { pool: pool.clone(), generation, connection: None, failed: None, counters: counters.clone() };
        pool.spawn(checker.answer_all(waiting, last.clone()));
        Self { askers, stale_reads, last, counters }
    }

    /// The version at a moment after this call began, or with stale reads not much before. `None` if it cannot be found out.
    pub(super) async fn current(&self) -> Option<Version> {
        count(&self.counters.versions_asked);
        if let Some((since, version)) = self.last.lock().known
            && since.elapsed() < self.stale_reads
        {
            return Some(version);
        }
        let (asker, answer) = oneshot::channel();
        self.askers.send(asker).ok()?;
        answer.await.ok().flatten()
    }

    /// Notes a write of this process, which it must see itself even with stale reads.
    pub(super) fn note_write(&self) {
        if !self.stale_reads.is_zero() {
            *self.last.lock() = Last { known: None, not_before: Instant::now() };
        }
    }
}

struct Checker {
    pool: Arc<Pool>,
    generation: Arc<AtomicU64>,
    connection: Option<(Connection, Statement)>,
    failed: Option<Instant>,
    counters: Arc<Counters>,
}

impl Checker {
    async fn answer_all(mut self, mut waiting: mpsc::UnboundedReceiver<Asker>, last: Arc<Mutex<Last>>) {
        while let Some(first) = waiting.recv().await {
            let began = Instant::now();
            let mut askers = vec![first];
            while let Ok(next) = waiting.try_recv() {
                askers.push(next);
            }
            let version = self.check().await;
            let mut last = last.lock();
            if let Some(version) = version.filter(|_| began >= last.not_before) {
                last.known = Some((began, version));
            }
            drop(last);
            for asker in askers {
                // A request that was dropped needs no answer.
                let _ = asker.send(version);
            }
        }
    }

    async fn check(&mut self) -> Option<Version> {
        if self.failed.is_some_and(|failed| failed.elapsed() < PAUSE) {
            return None;
        }
        // Read before the statement: if a connection is lost meanwhile, the answer is of the generation that has ended.
        let generation = self.generation.load(Ordering::Acquire);
        let row = self.row().await;
        let found = row.as_ref().and_then(|row| Some((row.try_get::<_, i64>(0).ok()?, row.try_get::<_, bool>(1).ok()?)));
        let Some((writes, false)) = found else {
            // A server that has become a standby is not used again.
            self.connection = None;
            self.failed = Some(Instant::now());
            self.generation.fetch_add(1, Ordering::Release);
            return None;
        };
        self.failed = None;
        Some(Version::of(generation, writes.cast_unsigned()))
    }

    async fn row(&mut self) -> Option<Row> {
        count(&self.counters.version_checks);
        if self.connection.as_ref().is_none_or(|(connection, _)| !connection.is_open()) {
            let connection = self.pool.connect().await.ok()?;
            connection.answer(connection.client.batch_execute(SETTINGS)).await.ok()?;
            let statement = connection.answer(connection.client.prepare(CHECK)).await.ok()?;
            self.connection = Some((connection, statement));
        }
        let (connection, statement) = self.connection.as_ref()?;
        connection.answer(connection.client.query_one(statement, &[])).await.ok()
    }
}
