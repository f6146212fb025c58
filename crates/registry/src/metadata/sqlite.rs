//! The embedded engine: SQLite in WAL mode, durable at every commit.
//!
//! One thread owns the only writing connection. It takes whatever writes are waiting, runs each in a savepoint of its
//! own, commits them together (one fsync for all) and only then answers each. Readers run where they are called, on a
//! pool of read-only connections, and see the last commit; WAL lets them never wait. A second thread copies the
//! write-ahead log back into the database, so that no request pays for that.

use super::transaction::{Tx, failure};
use crate::error::{Error, Result};
use rusqlite::{Connection, OpenFlags};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// How many writes share a commit at most: enough to make fsync cheap, few enough to answer soon.
const BATCH: usize = 256;
/// Prepared statements kept for each connection: more than there are statements.
const STATEMENT_CACHE: usize = 256;
/// How often the log is copied back into the database.
const CHECKPOINT_PERIOD: Duration = Duration::from_secs(1);
/// A log larger than this (64 MiB) is cut back to nothing, even if that makes writers wait.
const LARGE_LOG: u64 = 64 << 20;
/// A log smaller than this (1 MiB) is left alone.
const SMALL_LOG: u64 = 1 << 20;

/// A write on its way to the writer thread. It runs within the batch and gives back what answers the caller.
type Job = Box<dyn FnOnce(&mut Connection) -> Answer + Send>;
/// Tells the caller how its write ended: called after the commit, with the commit's failure if it failed.
type Answer = Box<dyn FnOnce(Result<()>) + Send>;

pub(super) struct Sqlite {
    path: PathBuf,
    readers: Mutex<Vec<Connection>>,
    jobs: Mutex<Option<Sender<Job>>>,
    stop_checkpoints: Mutex<Option<Sender<()>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Sqlite {
    /// Opens or makes the database file and starts its two threads.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let writer = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        writer.pragma_update(None, "journal_mode", "WAL").map_err(failure)?;
        let checkpointer = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let (jobs, waiting) = mpsc::channel();
        let (stop_checkpoints, stopped) = mpsc::channel();
        let log = path.with_extension("db-wal");
        let threads = vec![
            spawn("metadata-writer", move || write_batches(writer, &waiting))?,
            spawn("metadata-checkpoint", move || checkpoint_now_and_then(&checkpointer, &log, &stopped))?,
        ];
        Ok(Self {
            path: path.to_owned(),
            readers: Mutex::default(),
            jobs: Mutex::new(Some(jobs)),
            stop_checkpoints: Mutex::new(Some(stop_checkpoints)),
            threads: Mutex::new(threads),
        })
    }

    /// Runs a read on this thread.
    pub(super) fn read<T, F>(&self, work: F) -> Result<T>
    where
        F: AsyncFn(&mut Tx<'_>) -> Result<T>,
    {
        let pooled = lock(&self.readers).pop();
        let mut connection = match pooled {
            Some(connection) => connection,
            None => connect(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY)?,
        };
        run_cached(&connection, "BEGIN DEFERRED")?;
        let result = finish(work(&mut Tx::Sqlite(&mut connection)));
        // A connection whose transaction does not end is closed instead of going back to the pool.
        if run_cached(&connection, "COMMIT").is_ok() {
            lock(&self.readers).push(connection);
        }
        result
    }

    /// Hands a write to the writer thread and waits until it is durable.
    pub(super) async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: AsyncFn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel::<Result<T>>();
        let job: Job = Box::new(move |connection| {
            let result = if reply.is_closed() { Err(gone()) } else { run_in_savepoint(connection, work) };
            Box::new(move |committed| {
                // The caller may have gone meanwhile; its write stands all the same.
                let _ = reply.send(committed.and(result));
            })
        });
        let sender = lock(&self.jobs).clone().ok_or_else(closed)?;
        sender.send(job).map_err(|_| closed())?;
        answer.await.map_err(|_| Error::Internal("a metadata write panicked".to_owned()))?
    }

    /// Ends both threads after what they have begun.
    pub(super) async fn close(&self) {
        lock(&self.jobs).take();
        lock(&self.stop_checkpoints).take();
        let threads = std::mem::take(&mut *lock(&self.threads));
        lock(&self.readers).clear();
        // A thread that panicked has said so in the log already.
        let _ = tokio::task::spawn_blocking(move || threads.into_iter().for_each(|thread| drop(thread.join()))).await;
    }
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(failure)?;
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    connection.busy_timeout(Duration::from_secs(10)).map_err(failure)?;
    let settings = "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA wal_autocheckpoint = 0;
                    PRAGMA temp_store = MEMORY; PRAGMA cache_size = -4096; PRAGMA mmap_size = 1073741824;";
    connection.execute_batch(settings).map_err(failure)?;
    Ok(connection)
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    Ok(std::thread::Builder::new().name(name.to_owned()).spawn(body)?)
}

fn run_cached(connection: &Connection, sql: &str) -> Result<()> {
    connection.prepare_cached(sql).and_then(|mut statement| statement.execute([])).map(drop).map_err(failure)
}

/// Polls work to its end. SQLite answers at once, so work that is not ready has awaited something foreign: a defect.
fn finish<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => Err(Error::Internal("a metadata method awaited something other than its transaction".to_owned())),
    }
}

/// Runs one write so that its failure, or its panic, leaves the rest of the batch untouched.
fn run_in_savepoint<T, F>(connection: &mut Connection, work: F) -> Result<T>
where
    F: AsyncFn(&mut Tx<'_>) -> Result<T>,
{
    run_cached(connection, "SAVEPOINT one_write")?;
    let result = catch_unwind(AssertUnwindSafe(|| finish(work(&mut Tx::Sqlite(connection)))))
        .unwrap_or_else(|_| Err(Error::Internal("a metadata write panicked".to_owned())));
    if result.is_err() {
        run_cached(connection, "ROLLBACK TO one_write")?;
    }
    run_cached(connection, "RELEASE one_write")?;
    result
}

fn write_batches(mut connection: Connection, waiting: &Receiver<Job>) {
    while let Ok(first) = waiting.recv() {
        let mut answers = Vec::new();
        let begun = run_cached(&connection, "BEGIN IMMEDIATE");
        if begun.is_ok() {
            answers.push(first(&mut connection));
            // A full disk can end the whole transaction: nothing more may run then, or it would run outside of one.
            while answers.len() < BATCH
                && !connection.is_autocommit()
                && let Ok(next) = waiting.try_recv()
            {
                answers.push(next(&mut connection));
            }
        } else {
            // The jobs are dropped unrun by `refuse`, which answers them with the reason.
            refuse(first, &mut connection, &mut answers);
        }
        let committed = begun.and_then(|()| run_cached(&connection, "COMMIT"));
        if committed.is_err() && !connection.is_autocommit() {
            let _ = run_cached(&connection, "ROLLBACK");
        }
        if let Err(error) = &committed {
            tracing::error!(%error, "the metadata could not be committed");
        }
        answers.into_iter().for_each(|answer| answer(committed.clone()));
    }
}

/// Runs a write whose transaction could not begin inside one that is rolled back, only to obtain its answer channel.
fn refuse(job: Job, connection: &mut Connection, answers: &mut Vec<Answer>) {
    if run_cached(connection, "BEGIN DEFERRED").is_ok() {
        answers.push(job(connection));
        let _ = run_cached(connection, "ROLLBACK");
    }
}

fn checkpoint_now_and_then(connection: &Connection, log: &Path, stopped: &Receiver<()>) {
    loop {
        let last = stopped.recv_timeout(CHECKPOINT_PERIOD) != Err(RecvTimeoutError::Timeout);
        let size = std::fs::metadata(log).map_or(0, |metadata| metadata.len());
        let mode = if last || size > LARGE_LOG { "TRUNCATE" } else { "PASSIVE" };
        if last || size > SMALL_LOG {
            // A busy checkpoint is tried again at the next turn.
            let _ = connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(()));
        }
        if last {
            return;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn closed() -> Error {
    Error::Unavailable("the metadata is closed".to_owned())
}

fn gone() -> Error {
    Error::Unavailable("the request was dropped".to_owned())
}
