//! The database engine of the metadata: transactions, typed rows, cached answers and migrations.
//!
//! An operation passes a function to [`Metadata::read`] or [`Metadata::write`], which runs it in one transaction. PostgreSQL can run
//! all SQL too (see [`migrations`]). Another engine needs a directory next to `sqlite/`, and a variant in each of [`Engine`], [`Tx`]
//! and `rows::EngineRow`.
//!
//! An engine must run such a function to its end on one thread. It cannot await it within a request: there is no way yet to require that
//! the future of an `AsyncFn` is `Send`, so the task of the request would not be either. `postgres/blocking.rs` blocks a thread meanwhile.

mod activity;
mod arrival;
mod cache;
mod effect;
mod ids;
pub(crate) mod migrations;
mod parameters;
mod postgres;
mod rows;
mod snapshots;
mod soundness;
mod sql;
mod sqlite;
mod tables;
mod transaction;

use crate::clock::Clock;
use crate::error::Result;
use crate::places::PostgresOptions;
use crate::span;
use cache::Asked;
use effect::Effect;
use migrations::Migrations;
use std::path::Path;
use std::sync::Arc;
use tracing::Instrument;

pub use activity::MetadataMetrics;
pub use arrival::Arrival;
pub use cache::Version;
pub(crate) use cache::{Cache, bytes_of};
pub(crate) use parameters::{Parameter, Value, params};
pub use postgres::DatabaseMetrics;
pub(crate) use rows::{FromColumn, FromRow, Row};
#[cfg(test)]
pub(crate) use sql::for_postgres;
pub(crate) use sql::{Sql, statements};
pub(crate) use tables::{Cell, Cells, Column, METADATA_TABLES, STATISTICS_TABLES, Table};
pub(crate) use transaction::Tx;

/// Whether a file has a schema, which a server gives it in one transaction.
const HAS_VERSION: Sql = Sql("SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'schema_version')");

#[derive(Clone)]
enum Engine {
    Sqlite(Arc<sqlite::Sqlite>),
    Postgres(Arc<postgres::Postgres>),
}

/// The metadata of an installation. Clones share one database.
#[derive(Clone)]
pub(crate) struct Metadata {
    engine: Engine,
    migrations: Migrations,
    effect: Effect,
}

impl Metadata {
    /// Opens the SQLite database at `path`, whose schema these migrations make, and creates it if it does not exist.
    pub(crate) fn open_sqlite(path: &Path, migrations: Migrations) -> Result<Self> {
        let engine = Engine::Sqlite(Arc::new(sqlite::Sqlite::open(path)?));
        Ok(Self { engine, migrations, effect: Effect::Any })
    }

    /// Connects to a PostgreSQL database. [`crate::Error::Unavailable`] says that it cannot be reached (yet), and any other error that it
    /// cannot be used. The text names it, for the operator.
    pub(crate) async fn open_postgres(options: &PostgresOptions, migrations: Migrations) -> Result<Self> {
        let engine = Engine::Postgres(Arc::new(postgres::Postgres::open(options).await?));
        Ok(Self { engine, migrations, effect: Effect::Any })
    }

    /// A handle on other tables in the same database, whose writes only count.
    pub(crate) fn with_tables_of(&self, migrations: Migrations) -> Self {
        Self { migrations, ..self.counting() }
    }

    /// Migrates the schema to the current version.
    pub(crate) async fn migrate(&self) -> Result<()> {
        let migrations = self.migrations;
        let migrate = async move |tx: &mut Tx<'_>| migrations::migrate(tx, migrations).await;
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.write(migrate, true).await,
            Engine::Postgres(postgres) => postgres.migrate(migrate).await,
        }
    }

    /// Whether a server has migrated the database at least once.
    pub(crate) async fn is_migrated(&self) -> Result<bool> {
        match &self.engine {
            Engine::Sqlite(sqlite) => {
                let is_there = async |tx: &mut Tx<'_>| tx.query_one(&HAS_VERSION, params![]).await;
                Ok(sqlite.read(is_there)? == Some(true))
            }
            Engine::Postgres(postgres) => postgres.is_migrated().await,
        }
    }

    /// Fails unless the schema has the current version.
    pub(crate) async fn check_schema(&self) -> Result<()> {
        self.read(async |tx: &mut Tx<'_>| migrations::check(tx, self.migrations).await).await
    }

    /// Waits until the engine's threads have finished pending writes and checkpointed the log, or closes its connections.
    pub(crate) async fn close(&self) {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.close().await,
            Engine::Postgres(postgres) => postgres.close(),
        }
    }

    /// Fails if the metadata cannot be read or written.
    pub(crate) async fn check_ready(&self) -> Result<()> {
        match &self.engine {
            Engine::Sqlite(sqlite) => {
                sqlite.check_writable()?;
                self.check_schema().await
            }
            Engine::Postgres(postgres) => postgres.check_ready(async |tx: &mut Tx<'_>| migrations::check(tx, self.migrations).await).await,
        }
    }

    /// Runs `work` in a transaction that reads few rows. Readers never wait for writers.
    pub(crate) async fn read<T, F>(&self, work: F) -> Result<T>
    where
        F: AsyncFn(&mut Tx<'_>) -> Result<T>,
    {
        match &self.engine {
            Engine::Sqlite(sqlite) => span!("metadata read").in_scope(|| sqlite.read(work)),
            Engine::Postgres(postgres) => postgres.read(work).instrument(span!("metadata read")).await,
        }
    }

    /// Runs a query that reads few rows, and reads the first row, if any.
    pub(crate) async fn query_one<T: FromRow>(&self, sql: &Sql, parameters: &[Value<'_>]) -> Result<Option<T>> {
        let work = async |tx: &mut Tx<'_>| tx.query_one(sql, parameters).await;
        match &self.engine {
            Engine::Sqlite(sqlite) => span!("metadata read").in_scope(|| sqlite.read(work)),
            Engine::Postgres(postgres) => postgres.read_once(work).instrument(span!("metadata read")).await,
        }
    }

    /// Runs `work` in a transaction that reads many rows, such as those of a page.
    pub(crate) async fn scan<T, F>(&self, work: F) -> Result<T>
    where
        F: AsyncFn(&mut Tx<'_>) -> Result<T>,
    {
        match &self.engine {
            Engine::Sqlite(sqlite) => span!("metadata scan").in_scope(|| sqlite.scan(work)),
            Engine::Postgres(postgres) => postgres.read(work).instrument(span!("metadata scan")).await,
        }
    }

    /// Returns the cached answer to `question` unless it may be older than `arrival`. Otherwise runs `work` as [`Self::read`] does, and caches its answer
    /// unless it is `None`.
    pub(crate) async fn read_through<T, F>(&self, arrival: Arrival, cache: &Cache<T>, question: &[&str], work: F) -> Result<Option<T>>
    where
        T: Clone,
        F: AsyncFn(&mut Tx<'_>) -> Result<Option<T>>,
    {
        let question = match cache.ask(self.version(arrival).await, question).await {
            Asked::Known(answer) => return Ok(Some(answer)),
            Asked::Open(question) => question,
        };
        let answer = self.read(work).await?;
        if let Some(answer) = &answer {
            question.keep(answer);
        }
        Ok(answer)
    }

    /// Returns the cached page for `question` unless it may be older than `arrival`. Otherwise runs `work` as [`Self::scan`] does, and caches the page.
    pub(crate) async fn scan_through<T, F>(&self, arrival: Arrival, cache: &Cache<Arc<T>>, question: &[&str], work: F) -> Result<Arc<T>>
    where
        F: AsyncFn(&mut Tx<'_>) -> Result<T>,
    {
        let question = match cache.ask(self.version(arrival).await, question).await {
            Asked::Known(page) => return Ok(page),
            Asked::Open(question) => question,
        };
        let page = Arc::new(self.scan(work).await?);
        question.keep(&page);
        Ok(page)
    }

    /// A handle on the same database for writes that only count, such as those of leases: they do not empty the caches, so what they
    /// change must not be cached. SQLite's index shows every commit, so there it is a handle like any other.
    pub(crate) fn counting(&self) -> Self {
        Self { effect: Effect::Uncached, ..self.clone() }
    }

    /// A handle on the same database for writes that only add or remove content: blobs, manifests, tags, what the gallery derives from
    /// them, and new repositories. They leave the caches of keys, aliases, policies and row ids of repositories, which therefore must not
    /// say that something is missing. On SQLite, it is a handle like any other.
    pub(crate) fn content(&self) -> Self {
        Self { effect: Effect::Content, ..self.clone() }
    }

    /// The clock that all servers on this database agree on, if `clock` is the system's.
    pub(crate) fn clock(&self, clock: Clock) -> Clock {
        match (&self.engine, clock) {
            (Engine::Postgres(postgres), Clock::System) => Clock::Corrected(postgres.clock_offset.clone()),
            (_, clock) => clock,
        }
    }

    /// What the engine has measured of its writes.
    pub(crate) fn metrics(&self) -> MetadataMetrics {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.metrics(),
            Engine::Postgres(postgres) => postgres.write_metrics(),
        }
    }

    /// What an engine behind a network has done.
    pub(crate) fn database_metrics(&self) -> Option<DatabaseMetrics> {
        match &self.engine {
            Engine::Sqlite(_) => None,
            Engine::Postgres(postgres) => Some(postgres.metrics()),
        }
    }

    /// Whether other servers write to the database.
    pub(crate) fn is_shared(&self) -> bool {
        match &self.engine {
            Engine::Sqlite(_) => false,
            Engine::Postgres(_) => true,
        }
    }

    /// The arrival of a request that arrives now.
    pub(crate) fn arrival(&self) -> Arrival {
        match &self.engine {
            // The version can be read at any time.
            Engine::Sqlite(_) => Arrival::default(),
            Engine::Postgres(postgres) => postgres.arrival(),
        }
    }

    /// Identifies the last commit at a moment after `arrival`. `None` if it is not known, as while a commit is being published.
    pub(crate) async fn version(&self, arrival: Arrival) -> Option<Version> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.version(),
            Engine::Postgres(postgres) => postgres.version(arrival).await,
        }
    }

    /// Runs `work` in a transaction and returns once its commit is durable. An error of `work` rolls it back.
    ///
    /// `work` must change only the database, because it may be retried after a conflict. It must await only methods of the
    /// transaction.
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: AsyncFn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.write(work, true).instrument(span!("metadata write")).await,
            Engine::Postgres(postgres) => postgres.write(work, 1, true, self.effect).instrument(span!("metadata write")).await,
        }
    }

    /// Runs `work` as [`Self::write`] does. Writes of one lane run one after the other, because they would conflict; their order is that in
    /// which they were called.
    pub(crate) async fn write_in_lane<T, F>(&self, lane: String, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: AsyncFn(&mut Tx<'_>) -> Result<T> + Send + Sync + 'static,
    {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.write(work, true).instrument(span!("metadata write")).await,
            Engine::Postgres(postgres) => postgres.write_in_lane(lane, work, self.effect).instrument(span!("metadata write")).await,
        }
    }

    /// Runs `work` as [`Self::write`] does, but returns as soon as it is committed: visible to all readers and safe from a crash of
    /// the process, but not from a power failure. No later write becomes durable without it.
    pub(crate) async fn write_lazily<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: AsyncFn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.write(work, false).instrument(span!("metadata write")).await,
            Engine::Postgres(postgres) => postgres.write(work, 1, false, self.effect).instrument(span!("metadata write")).await,
        }
    }
}
