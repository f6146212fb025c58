//! The embedded engine: SQLite in WAL mode, durable at every commit.
//!
//! One thread owns the only writing connection. It takes whatever writes are waiting, runs each in a savepoint of its
//! own and commits them together. A second thread syncs the log, once for all that was committed since it did so last, and
//! only then are those answered that have to be durable; meanwhile the first one goes on. Readers run where they are called,
//! on pools of read-only connections, and see the last commit; WAL lets them never wait. A third thread copies the
//! write-ahead log back into the database, so that no request pays for that.
//!
//! Whether anything has been committed is read from where SQLite looks itself: the header of the log's index, in the file
//! whose name ends in `-shm` (SQLite documentation, "WAL-mode File Format", section 2.1).

use super::cache::Version;
use super::transaction::{Tx, failure};
use crate::durable::sync_folder;
use crate::error::{Error, Result};
use crate::mapping::SharedWords;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::fs::File;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
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
/// With more than this in the log (16 MiB) it is begun anew, even if that makes writers wait.
const LARGE_LOG: u64 = 16 << 20;
/// How many words the header of the log's index has.
const HEADER: usize = 12;
/// The size of SQLite's pages.
const PAGE: u64 = 4096;
/// A log smaller than this (1 MiB) is left alone.
const SMALL_LOG: u64 = 1 << 20;

/// A write on its way to the writer thread, to be run within a batch.
type Job = Box<dyn FnOnce(&mut Connection) -> Ran + Send>;

/// A write that has run.
struct Ran {
    /// Whether the caller is answered only when it is durable.
    durable: bool,
    answer: Answer,
}

/// Tells the caller how its write ended: called after the commit or the sync, with its failure if it failed.
type Answer = Box<dyn FnOnce(Result<()>) + Send>;

/// Read-only connections. Each is used by one read at a time and then waits for the next.
struct Readers {
    path: PathBuf,
    /// How many bytes of the database are mapped into memory.
    mapped: i64,
    idle: Mutex<Vec<Connection>>,
}

pub(super) struct Sqlite {
    /// For reads of a few rows. They read their pages into memory, since after each commit SQLite would map the whole file anew,
    /// which costs more.
    readers: Readers,
    /// For reads of many rows, from the mapped file.
    scanners: Readers,
    /// Set once the log could not be synced.
    unsynced: Arc<AtomicBool>,
    jobs: Mutex<Option<Sender<Job>>>,
    stop_checkpoints: Mutex<Option<Sender<()>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// The index of the write-ahead log. Closing a file ends every lock that this process has on it, so it stays open as long
    /// as any connection: the threads hold it too.
    _index: Arc<File>,
    /// The two copies of the header of that index.
    headers: SharedWords,
}

impl Sqlite {
    /// Opens or makes the database file and starts its three threads.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let writer = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        writer.pragma_update(None, "journal_mode", "WAL").map_err(failure)?;
        // The index is made when the log is used for the first time.
        writer.query_row("PRAGMA data_version", [], |_| Ok(())).map_err(failure)?;
        let index = Arc::new(File::open(path.with_extension("db-shm"))?);
        let log = path.with_extension("db-wal");
        let synced_log = File::open(&log)?;
        // SQLite would make the log's name durable when it syncs the log for the first time, but here it does not.
        path.parent().map_or(Ok(()), sync_folder)?;
        let checkpointer = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let (jobs, waiting) = mpsc::channel();
        let (to_sync, committed) = mpsc::channel();
        let (stop_checkpoints, stopped) = mpsc::channel();
        let unsynced = Arc::new(AtomicBool::new(false));
        let seen_unsynced = unsynced.clone();
        let threads = vec![
            spawn("metadata-writer", index.clone(), move || write_batches(writer, &waiting, &to_sync))?,
            spawn("metadata-sync", index.clone(), move || sync_batches(&synced_log, &committed, &seen_unsynced))?,
            spawn("metadata-checkpoint", index.clone(), move || checkpoint_now_and_then(&checkpointer, &log, &stopped))?,
        ];
        Ok(Self {
            readers: Readers { path: path.to_owned(), mapped: 0, idle: Mutex::default() },
            scanners: Readers { path: path.to_owned(), mapped: 1 << 30, idle: Mutex::default() },
            unsynced,
            jobs: Mutex::new(Some(jobs)),
            stop_checkpoints: Mutex::new(Some(stop_checkpoints)),
            threads: Mutex::new(threads),
            headers: SharedWords::new(&index, 2 * HEADER)?,
            _index: index,
        })
    }

    /// Fails when writes are not accepted any more.
    pub(super) fn check_writable(&self) -> Result<()> {
        check_synced(&self.unsynced)
    }

    /// What tells the last commit from every other; none while one is being made. The header stands there twice, the second
    /// copy is written first and the first is read first: two that are alike are whole.
    pub(super) fn version(&self) -> Option<Version> {
        let mut words = self.headers.read();
        let [first, second]: [[u32; HEADER]; 2] = [(); 2].map(|()| std::array::from_fn(|_| words.next().unwrap_or_default()));
        (first == second).then_some(Version(first))
    }

    /// Runs a read of a few rows on this thread.
    pub(super) fn read<T, F>(&self, work: F) -> Result<T>
    where
        F: AsyncFn(&mut Tx<'_>) -> Result<T>,
    {
        self.readers.run(work)
    }

    /// Runs a read of many rows on this thread.
    pub(super) fn scan<T, F>(&self, work: F) -> Result<T>
    where
        F: AsyncFn(&mut Tx<'_>) -> Result<T>,
    {
        self.scanners.run(work)
    }

    /// Hands a write to the writer thread and waits until it is committed, and if asked for durable.
    pub(super) async fn write<T, F>(&self, work: F, durable: bool) -> Result<T>
    where
        T: Send + 'static,
        F: AsyncFn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        self.check_writable()?;
        let (reply, answer) = oneshot::channel::<Result<T>>();
        let job = Box::new(move |connection: &mut Connection| {
            let result = if reply.is_closed() { Err(gone()) } else { run_in_savepoint(connection, work) };
            let durable = durable && result.is_ok();
            let answer = move |ended: Result<()>| {
                // The caller may have gone meanwhile; its write stands all the same.
                let _ = reply.send(ended.and(result));
            };
            Ran { durable, answer: Box::new(answer) }
        });
        let sender = lock(&self.jobs).clone().ok_or_else(closed)?;
        sender.send(job).map_err(|_| closed())?;
        answer.await.map_err(|_| Error::Internal("a metadata write panicked".to_owned()))?
    }

    /// Ends the threads after what they have begun.
    pub(super) async fn close(&self) {
        lock(&self.jobs).take();
        lock(&self.stop_checkpoints).take();
        let threads = std::mem::take(&mut *lock(&self.threads));
        lock(&self.readers.idle).clear();
        lock(&self.scanners.idle).clear();
        // A thread that panicked has said so in the log already.
        let _ = tokio::task::spawn_blocking(move || threads.into_iter().for_each(|thread| drop(thread.join()))).await;
    }
}

impl Readers {
    fn run<T, F>(&self, work: F) -> Result<T>
    where
        F: AsyncFn(&mut Tx<'_>) -> Result<T>,
    {
        let idle = lock(&self.idle).pop();
        let mut connection = idle.map_or_else(|| self.connect(), Ok)?;
        run_cached(&connection, "BEGIN DEFERRED")?;
        let result = finish(work(&mut Tx::Sqlite(&mut connection)));
        // A connection whose transaction does not end is closed instead of being used again.
        if run_cached(&connection, "COMMIT").is_ok() {
            lock(&self.idle).push(connection);
        }
        result
    }

    fn connect(&self) -> Result<Connection> {
        let connection = connect(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.pragma_update(None, "mmap_size", self.mapped).map_err(failure)?;
        Ok(connection)
    }
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(failure)?;
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    // A plan that depends on the values bound to it is made anew for each: every use would pay for the planner.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(failure)?;
    connection.busy_timeout(Duration::from_secs(10)).map_err(failure)?;
    let settings = "PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; PRAGMA wal_autocheckpoint = 0;
                    PRAGMA temp_store = MEMORY; PRAGMA cache_size = -4096;";
    connection.execute_batch(settings).map_err(failure)?;
    Ok(connection)
}

/// Starts a thread that holds the log's index until after its connection is closed.
fn spawn(name: &str, index: Arc<File>, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    let body = move || {
        body();
        drop(index);
    };
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

/// Runs writes, as many together as are waiting, and hands those that have to be durable on to be synced.
fn write_batches(mut connection: Connection, waiting: &Receiver<Job>, to_sync: &Sender<Vec<Answer>>) {
    while let Ok(first) = waiting.recv() {
        let mut ran = Vec::new();
        let begun = run_cached(&connection, "BEGIN IMMEDIATE");
        if begun.is_ok() {
            ran.push(first(&mut connection));
            // A full disk can end the whole transaction: nothing more may run then, or it would run outside of one.
            while ran.len() < BATCH
                && !connection.is_autocommit()
                && let Ok(job) = waiting.try_recv()
            {
                ran.push(job(&mut connection));
            }
        } else {
            // The job is dropped unrun by `refuse`, which answers it with the reason.
            refuse(first, &mut connection, &mut ran);
        }
        let committed = begun.and_then(|()| run_cached(&connection, "COMMIT"));
        if committed.is_err() && !connection.is_autocommit() {
            let _ = run_cached(&connection, "ROLLBACK");
        }
        if let Err(error) = &committed {
            tracing::error!(%error, "the metadata could not be committed");
        }
        let mut waits = Vec::new();
        for Ran { durable, answer } in ran {
            if durable && committed.is_ok() {
                waits.push(answer);
            } else {
                answer(committed.clone());
            }
        }
        if !waits.is_empty() {
            // The other thread lives until this one ends.
            let _ = to_sync.send(waits);
        }
    }
}

/// Makes what was committed durable, while the next writes are run, and answers those that wait for it. Once that has failed,
/// part of the log may be lost without a trace, and with it all that comes after: then `unsynced` is set, and nothing is
/// durable any more until the database is opened anew.
fn sync_batches(log: &File, committed: &Receiver<Vec<Answer>>, unsynced: &AtomicBool) {
    while let Ok(mut answers) = committed.recv() {
        committed.try_iter().for_each(|more| answers.extend(more));
        let synced = check_synced(unsynced).and_then(|()| {
            log.sync_data().map_err(|error| {
                unsynced.store(true, Ordering::Release);
                tracing::error!(%error, "the metadata could not be made durable: no write is accepted until the server is started anew");
                error.into()
            })
        });
        answers.into_iter().for_each(|answer| answer(synced.clone()));
    }
}

fn check_synced(unsynced: &AtomicBool) -> Result<()> {
    if unsynced.load(Ordering::Acquire) { Err(Error::Unavailable("the metadata could not be made durable".to_owned())) } else { Ok(()) }
}

/// Runs a write whose transaction could not begin inside one that is rolled back, only to obtain its answer channel.
fn refuse(job: Job, connection: &mut Connection, ran: &mut Vec<Ran>) {
    if run_cached(connection, "BEGIN DEFERRED").is_ok() {
        ran.push(job(connection));
        let _ = run_cached(connection, "ROLLBACK");
    }
}

fn checkpoint_now_and_then(connection: &Connection, log: &Path, stopped: &Receiver<()>) {
    loop {
        let last = stopped.recv_timeout(CHECKPOINT_PERIOD) != Err(RecvTimeoutError::Timeout);
        if last {
            checkpoint(connection, "TRUNCATE");
            return;
        }
        let size = std::fs::metadata(log).map_or(0, |metadata| metadata.len());
        if size > SMALL_LOG && checkpoint(connection, "PASSIVE") > LARGE_LOG {
            // The file stays as long as it is: writes into it are durable sooner than those that make a file longer.
            checkpoint(connection, "RESTART");
        }
    }
}

/// Copies the log back into the database, and gives the number of bytes in use in the log before. A busy checkpoint is tried
/// again at the next turn.
fn checkpoint(connection: &Connection, mode: &str) -> u64 {
    let pages = connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| row.get::<_, i64>(1));
    pages.map_or(0, |pages| pages.unsigned_abs().saturating_mul(PAGE))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Nothing can be synced that is not on a disk.
    #[test]
    fn after_a_sync_that_failed_nothing_is_taken_for_durable() {
        let (to_sync, committed) = mpsc::channel();
        let (told, ends) = mpsc::channel();
        for _ in 0..2 {
            let told = told.clone();
            let answer: Answer = Box::new(move |synced| told.send(synced).expect("the test listens"));
            to_sync.send(vec![answer]).expect("a queue");
        }
        drop((to_sync, told));
        let unsynced = AtomicBool::new(false);
        sync_batches(&File::open("/dev/null").expect("a device"), &committed, &unsynced);
        assert_eq!(ends.iter().filter(Result::is_err).count(), 2);
        assert!(check_synced(&unsynced).is_err());
        assert!(check_synced(&AtomicBool::new(false)).is_ok());
    }
}
