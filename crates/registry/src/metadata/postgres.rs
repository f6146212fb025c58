//! The engine for several servers: a PostgreSQL database.
//!
//! A runtime of its own drives the connections (`pool.rs`, `connection.rs`). Reads see one snapshot. Writes are serializable: one that
//! conflicts with others runs again, in the end while no other write does, so that it succeeds. `versions.rs` tells caches what changed.

mod blocking;
mod connection;
mod counters;
mod encryption;
mod failure;
mod lanes;
mod offset;
mod pool;
mod poolers;
#[cfg(test)]
mod tests;
mod transaction;
mod values;
mod versions;

use super::activity::{Activity, MetadataMetrics};
use super::arrival::Arrival;
use super::cache::Version;
use super::effect::Effect;
use super::transaction::Tx;
use crate::error::{Error, Result};
use crate::jitter;
use crate::places::PostgresOptions;
use blocking::finish;
use connection::{Connection, Connector, LOCKS, MIGRATING, SLOTS};
use counters::{Counters, count, read};
use failure::Kind;
use lanes::Lanes;
use parking_lot::Mutex;
use pool::{PAUSE, Pool, SHORT_PAUSE};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64};
use std::time::Instant;
use tokio::runtime::Runtime;
use transaction::Aborted;
use versions::Versions;

pub use counters::DatabaseMetrics;
pub(super) use transaction::Transaction;

/// How often a transaction is tried.
const ATTEMPTS: usize = 7;
/// How often a write is tried beside others. Then it runs alone, which must succeed, but for which all others wait.
const SIDE_BY_SIDE: usize = 4;

macro_rules! begin {
    ($settings:literal, $mode:literal) => {
        concat!("BEGIN ISOLATION LEVEL SERIALIZABLE;", $settings, " LOCK TABLE write_turn IN ", $mode, " MODE")
    };
}

const READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
/// Begins a write. The lock is taken before the first snapshot. Writes run side by side; of those that run again after a conflict, one at
/// a time runs beside them; and one that had no luck with that runs alone.
const WRITE: [&str; 3] = [begin!("", "ROW EXCLUSIVE"), begin!("", "SHARE UPDATE EXCLUSIVE"), begin!("", "EXCLUSIVE")];
const WRITE_LAZILY: [&str; 3] = [
    begin!("SET LOCAL synchronous_commit = off;", "ROW EXCLUSIVE"),
    begin!("SET LOCAL synchronous_commit = off;", "SHARE UPDATE EXCLUSIVE"),
    begin!("SET LOCAL synchronous_commit = off;", "EXCLUSIVE"),
];
/// Servers that start at the same time migrate one after the other. Each statement sees what the one before has committed.
const MIGRATE: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = 0;
    SET LOCAL idle_in_transaction_session_timeout = 0";
/// The engine's own tables: see `versions.rs` and [`WRITE`]. Pages have room for new versions of the few rows, so that no index changes.
const TABLES: &str = "CREATE TABLE IF NOT EXISTS write_turn ();
    CREATE TABLE IF NOT EXISTS change (slot BIGINT NOT NULL PRIMARY KEY, writes BIGINT NOT NULL) WITH (fillfactor = 10);
    INSERT INTO change (slot, writes) SELECT slot, 0 FROM generate_series(0, 2 * SLOTS - 1) slot ON CONFLICT (slot) DO NOTHING;";
const HAS_VERSION: &str = "SELECT to_regclass('schema_version') IS NOT NULL";
/// What a server must be able to do.
const CHECK_RIGHTS: &str =
    "SELECT 1 / CAST(has_table_privilege('change', 'UPDATE') AND has_table_privilege('write_turn', 'UPDATE') AS INT)";

pub(super) struct Postgres {
    pool: Arc<Pool>,
    connector: Arc<Connector>,
    versions: Versions,
    lanes: Lanes,
    counters: Arc<Counters>,
    activity: Activity,
    /// In microseconds.
    pub(super) clock_offset: Arc<AtomicI64>,
    runtime: Mutex<Option<Runtime>>,
}

impl Postgres {
    /// Connects to a database. [`Error::Unavailable`] says that it cannot be reached (yet), and any other error that it cannot be used.
    pub(super) async fn open(options: &PostgresOptions) -> Result<Self> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).thread_name("metadata-postgres").enable_all().build()?;
        let runtime = scopeguard::guard(runtime, Runtime::shutdown_background);
        let (counters, generation) = (Arc::new(Counters::default()), Arc::new(AtomicU64::new(0)));
        let connector = Arc::new(Connector::new(options.clone(), counters.clone(), generation.clone())?);
        let pool = Arc::new(Pool::new(connector.clone(), runtime.handle().clone(), options.connections, counters.clone()));
        let first = pool.connect().await?;
        if poolers::share_backends(&first, &pool.connect().await?).await.map_err(|failure| failure.error)? {
            let why =
                "a pooler gives its connections away after each transaction or statement: connect without it, or let it pool sessions";
            return Err(Error::Internal(connector.of_place(why)));
        }
        let measured = offset::measure(&first).await.ok_or_else(|| Error::Unavailable(connector.of_place("it answers too slowly")))?;
        pool.give_back(first);
        let clock_offset = Arc::new(AtomicI64::new(measured));
        pool.spawn(offset::keep(clock_offset.clone(), Arc::downgrade(&pool)));
        let versions = Versions::start(connector.clone(), generation, options.stale_reads, counters.clone());
        let runtime = Mutex::new(Some(scopeguard::ScopeGuard::into_inner(runtime)));
        Ok(Self { pool, connector, versions, lanes: Lanes::default(), counters, activity: Activity::default(), clock_offset, runtime })
    }

    /// Runs `work` in a transaction that reads one snapshot.
    pub(super) async fn read<T, F>(&self, work: F) -> Result<T>
    where
        F: AsyncFn(&mut Tx<'_>) -> Result<T>,
    {
        self.read_in(Some(READ), work).await
    }

    /// Runs `work`, which is a single query. It needs no transaction around it to read one snapshot.
    pub(super) async fn read_once<T, F>(&self, work: F) -> Result<T>
    where
        F: AsyncFn(&mut Tx<'_>) -> Result<T>,
    {
        self.read_in(None, work).await
    }

    async fn read_in<T, F>(&self, begin: Option<&'static str>, work: F) -> Result<T>
    where
        F: AsyncFn(&mut Tx<'_>) -> Result<T>,
    {
        let mut attempt = 1;
        loop {
            let (connection, _permit) = self.pool.take().await?;
            let aborted = match self.read_on(connection, begin, &work) {
                Ok(value) => return Ok(value),
                Err(aborted) => aborted,
            };
            self.check_retry(aborted, attempt)?;
            attempt += 1;
        }
    }

    fn read_on<T, F>(&self, connection: Connection, begin: Option<&'static str>, work: &F) -> std::result::Result<T, Aborted>
    where
        F: AsyncFn(&mut Tx<'_>) -> Result<T>,
    {
        let mut transaction = Transaction::new(connection, begin, self.counters.clone());
        let result = finish(work(&mut Tx::Postgres(&mut transaction)));
        let (result, connection) = transaction.end_read(result);
        connection.into_iter().for_each(|connection| self.pool.give_back(connection));
        result
    }

    /// Runs `work`, which is so many writes, in a transaction and returns once its commit is durable, or if not `durable`, once it is
    /// visible.
    pub(super) async fn write<T, F>(&self, work: F, writes: usize, durable: bool, effect: Effect) -> Result<T>
    where
        F: AsyncFn(&mut Tx<'_>) -> Result<T>,
    {
        let (mut attempt, mut conflicts) = (1, 0);
        loop {
            let turn = usize::from(conflicts > 0) + usize::from(conflicts >= SIDE_BY_SIDE);
            let begin = if durable { WRITE[turn] } else { WRITE_LAZILY[turn] };
            let (connection, permit) = self.pool.take().await?;
            let begun = Instant::now();
            let aborted = match self.write_on(connection, begin, &work, effect) {
                Ok(value) => {
                    count(&self.counters.writes);
                    self.activity.commit_writes.observe(writes as u64);
                    self.activity.commit_durations.observe_time(begun.elapsed());
                    return Ok(value);
                }
                Err(aborted) => aborted,
            };
            drop(permit);
            conflicts += usize::from(aborted.kind == Kind::Conflict);
            let pause = jitter::up_to(if aborted.kind == Kind::Conflict { SHORT_PAUSE } else { PAUSE });
            self.check_retry(aborted, attempt)?;
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }

    fn write_on<T, F>(&self, connection: Connection, begin: &'static str, work: &F, effect: Effect) -> std::result::Result<T, Aborted>
    where
        F: AsyncFn(&mut Tx<'_>) -> Result<T>,
    {
        let mut transaction = Transaction::new(connection, Some(begin), self.counters.clone());
        let (result, connection) = finish(async {
            let result = work(&mut Tx::Postgres(&mut transaction)).await;
            transaction.end_write(result, effect).await
        });
        connection.into_iter().for_each(|connection| self.pool.give_back(connection));
        if effect != Effect::Uncached {
            self.versions.note_write();
        }
        result
    }

    /// Fails unless a transaction that ended so is worth another attempt.
    fn check_retry(&self, aborted: Aborted, attempt: usize) -> Result<()> {
        match aborted.kind {
            Kind::Final => return Err(aborted.error),
            _ if attempt >= ATTEMPTS => return Err(aborted.error),
            Kind::Conflict => count(&self.counters.conflicts),
            Kind::Outdated | Kind::Lost => count(&self.counters.retries),
        }
        Ok(())
    }

    /// Makes the engine's tables and runs the migrations in `work`, while no other server does.
    pub(super) async fn migrate<F>(&self, work: F) -> Result<()>
    where
        F: AsyncFn(&mut Tx<'_>) -> Result<()>,
    {
        let prepared = format!("SELECT pg_advisory_xact_lock({LOCKS}, {MIGRATING}); {}", TABLES.replace("SLOTS", &SLOTS.to_string()));
        let migrate = async |tx: &mut Tx<'_>| {
            tx.execute_script(&prepared).await?;
            work(tx).await
        };
        for attempt in 1.. {
            let (connection, _permit) = self.pool.take().await?;
            let Err(aborted) = self.write_on(connection, MIGRATE, &migrate, Effect::Any) else { break };
            self.check_retry(aborted, attempt).map_err(|error| self.named(error))?;
        }
        Ok(())
    }

    /// Whether a server has migrated the database at least once.
    pub(super) async fn is_migrated(&self) -> Result<bool> {
        let (connection, _permit) = self.pool.take().await?;
        let found = connection.answer(connection.client.query_one(HAS_VERSION, &[])).await.map(|row| row.get(0));
        self.pool.give_back(connection);
        found.map_err(|failure| self.named(failure.error))
    }

    /// Fails unless the database can be read and written. Its schema is checked by `work`.
    pub(super) async fn check_ready<F>(&self, work: F) -> Result<()>
    where
        F: AsyncFn(&mut Tx<'_>) -> Result<()>,
    {
        let (connection, permit) = self.pool.take().await?;
        let allowed = connection.answer(connection.client.batch_execute(CHECK_RIGHTS)).await;
        self.pool.give_back(connection);
        drop(permit);
        allowed.map_err(|failure| match failure.kind {
            Kind::Lost => self.named(failure.error),
            _ => Error::Internal(self.connector.of_place("it does not allow to write")),
        })?;
        self.read(work).await.map_err(|error| self.named(error))
    }

    /// Names the database in an error.
    fn named(&self, error: Error) -> Error {
        match error {
            Error::Internal(text) => Error::Internal(self.connector.of_place(&text)),
            Error::Unavailable(text) => Error::Unavailable(self.connector.of_place(&text)),
            other => other,
        }
    }

    /// The arrival of a request that arrives now.
    pub(super) fn arrival(&self) -> Arrival {
        self.versions.arrival()
    }

    /// Identifies a state that was current after this arrival. `None` if the database cannot be asked.
    pub(super) async fn version(&self, arrival: Arrival) -> Option<Version> {
        self.versions.current(arrival).await
    }

    pub(super) fn write_metrics(&self) -> MetadataMetrics {
        let Activity { waiting, commit_writes, commit_durations, sync_durations: _ } = &self.activity;
        MetadataMetrics {
            writes_waiting: waiting.read(),
            commit_writes: commit_writes.read(),
            commit_durations: commit_durations.read(),
            sync_durations: None,
        }
    }

    pub(super) fn metrics(&self) -> DatabaseMetrics {
        let Counters { connects, lost_connections, timeouts, statements, writes, conflicts, retries, version_checks, versions_asked } =
            &*self.counters;
        DatabaseMetrics {
            connections: self.pool.size as u64,
            connections_in_use: self.pool.in_use() as u64,
            waiting: self.pool.waiting.read(),
            connects: read(connects),
            lost_connections: read(lost_connections),
            timeouts: read(timeouts),
            statements: read(statements),
            writes: read(writes),
            conflicts: read(conflicts),
            retries: read(retries),
            version_checks: read(version_checks),
            versions_asked: read(versions_asked),
        }
    }

    /// Refuses further transactions and closes the connections.
    pub(super) fn close(&self) {
        self.pool.close();
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.pool.close();
        // Waiting for its thread is not allowed within another runtime.
        self.runtime.lock().take().into_iter().for_each(Runtime::shutdown_background);
    }
}
