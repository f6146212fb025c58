//! The database engine behind the metadata: transactions, typed rows, cached answers and migrations.
//!
//! An operation runs its statements in one transaction, which it passes to [`Metadata::read`] or [`Metadata::write`]. SQL is written
//! so that PostgreSQL can run it too (see [`migrations`]). A second engine is a folder beside `sqlite/`, and a variant each of
//! [`Engine`], [`Tx`] and `rows::EngineRow`.

mod cache;
pub(crate) mod migrations;
mod parameters;
mod rows;
mod sqlite;
mod transaction;

use crate::error::Result;
use cache::Version;
use roadstead_model::Timestamp;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

pub(crate) use cache::{Cache, bytes_of};
pub(crate) use parameters::{Parameter, params};
pub(crate) use rows::{FromRow, Row};
pub(crate) use transaction::{Sql, Tx, statements};

#[derive(Clone)]
enum Engine {
    Sqlite(Arc<sqlite::Sqlite>),
}

/// All metadata of an installation.
#[derive(Clone)]
pub(crate) struct Metadata {
    engine: Engine,
    ids: Arc<Ids>,
}

impl Metadata {
    /// Opens the SQLite database at `path`, which is made if it is not there.
    pub(crate) fn open_sqlite(path: &Path) -> Result<Self> {
        let engine = Engine::Sqlite(Arc::new(sqlite::Sqlite::open(path)?));
        Ok(Self { engine, ids: Arc::new(Ids::default()) })
    }

    /// Brings the schema up to date.
    pub(crate) async fn migrate(&self) -> Result<()> {
        self.write(async |tx: &mut Tx<'_>| migrations::migrate(tx).await).await
    }

    /// Fails when the schema is of another version than this one.
    pub(crate) async fn check_schema(&self) -> Result<()> {
        self.read(async |tx: &mut Tx<'_>| migrations::check(tx).await).await
    }

    /// Lets the engine's threads finish what they have begun, and checkpoints the log.
    pub(crate) async fn close(&self) {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.close().await,
        }
    }

    /// Fails when the metadata cannot be read, or can no longer be written.
    pub(crate) async fn check_ready(&self) -> Result<()> {
        let Engine::Sqlite(sqlite) = &self.engine;
        sqlite.check_writable()?;
        self.check_schema().await
    }

    /// A row id that no other row has. Ids grow with time, so rows are stored in the order of their creation.
    pub(crate) fn next_id(&self, now: Timestamp) -> i64 {
        self.ids.next(now)
    }

    /// Runs `work`, which reads a few rows, in a transaction. Readers never wait for writers.
    pub(crate) async fn read<T, F>(&self, work: F) -> Result<T>
    where
        F: AsyncFn(&mut Tx<'_>) -> Result<T>,
    {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.read(work),
        }
    }

    /// The same for `work` that reads as many rows as a page has.
    pub(crate) async fn scan<T, F>(&self, work: F) -> Result<T>
    where
        F: AsyncFn(&mut Tx<'_>) -> Result<T>,
    {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.scan(work),
        }
    }

    /// Answers `question` from `cache` if nothing has been committed since its answer was read; else reads it as [`Self::read`] does,
    /// and caches it unless it is `None`.
    pub(crate) async fn read_through<T, F>(&self, cache: &Cache<T>, question: &[&str], work: F) -> Result<Option<T>>
    where
        T: Clone,
        F: AsyncFn(&mut Tx<'_>) -> Result<Option<T>>,
    {
        let asked = cache.ask(self.version(), question);
        if let Some(answer) = asked.answer() {
            return Ok(Some(answer));
        }
        let answer = self.read(work).await?;
        if let Some(answer) = &answer {
            asked.keep(answer);
        }
        Ok(answer)
    }

    /// The same for a page, which is read as [`Self::scan`] does.
    pub(crate) async fn scan_through<T, F>(&self, cache: &Cache<Arc<T>>, question: &[&str], work: F) -> Result<Arc<T>>
    where
        F: AsyncFn(&mut Tx<'_>) -> Result<T>,
    {
        let asked = cache.ask(self.version(), question);
        if let Some(page) = asked.answer() {
            return Ok(page);
        }
        let page = Arc::new(self.scan(work).await?);
        asked.keep(&page);
        Ok(page)
    }

    /// Identifies the last commit; `None` while one is being published.
    fn version(&self) -> Option<Version> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.version(),
        }
    }

    /// Runs `work` in a transaction, and returns once it is durable. An error of `work` rolls it back.
    ///
    /// `work` may be run again after a conflict, so it must change nothing but the database. It must await nothing but the
    /// transaction's own methods.
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: AsyncFn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.write(work, true).await,
        }
    }

    /// Runs `work` as [`Self::write`] does, but returns as soon as it is committed: visible to everybody and safe from a crash of the
    /// process, but not from a power cut. No later write becomes durable without it.
    pub(crate) async fn write_lazily<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: AsyncFn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.write(work, false).await,
        }
    }
}

/// Generates row ids: milliseconds since the epoch, and 20 bits that start at random and count up, so that the ids of several
/// processes do not collide.
#[derive(Default)]
struct Ids(AtomicI64);

impl Ids {
    fn next(&self, now: Timestamp) -> i64 {
        let fresh = (now.millis() << 20) | i64::from(random_u32() >> 13);
        let next = |last: i64| fresh.max(last + 1);
        let step = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(next(last)));
        step.map_or(fresh, next)
    }
}

fn random_u32() -> u32 {
    // Without random numbers, the counter still keeps the ids of this process apart.
    getrandom::u32().unwrap_or(0)
}
