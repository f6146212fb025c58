//! The embedded engine: SQLite in WAL mode, durable at every commit.
//!
//! Three threads share the work: `writer.rs` runs writes and commits them in groups, `sync.rs` syncs the write-ahead log, and
//! `checkpoint.rs` copies the log back into the database. Reads (`readers.rs`) run on the caller's thread and see the last commit. In
//! WAL mode they never wait for a writer.

mod checkpoint;
mod connection;
mod readers;
pub(super) mod statements;
mod sync;
mod wal_index;
mod writer;

use super::activity::{Activity, MetadataMetrics};
use super::cache::Version;
use super::transaction::Tx;
use crate::disk::{blocking, permissions, sync_directory};
use crate::error::Result;
use connection::{connect, use_log};
use parking_lot::Mutex;
use readers::Readers;
use rusqlite::{Connection, OpenFlags};
use statements::failure;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread::JoinHandle;
use sync::LogHealth;
use wal_index::WalIndex;
use writer::Writer;

/// The number of bytes of the database mapped into memory for scans.
const MAPPED: i64 = 1 << 30;

pub(super) struct Sqlite {
    path: PathBuf,
    /// Connections for reads of few rows. They map nothing, because after each commit SQLite would map the whole file again.
    readers: Readers,
    /// Connections for reads of many rows, from the mapped file.
    scanners: Readers,
    writer: Writer,
    log: Arc<LogHealth>,
    stop_checkpoints: Mutex<Option<Sender<()>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    index: Arc<WalIndex>,
    activity: Arc<Activity>,
}

impl Sqlite {
    /// Opens or creates the database file and starts the three threads.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        use_log(&connection)?;
        // SQLite creates the index when the log is used for the first time.
        connection.query_row("PRAGMA data_version", [], |_| Ok(())).map_err(failure)?;
        let index = Arc::new(WalIndex::open(path)?);
        let log_path = path.with_extension("db-wal");
        let log_file = File::open(&log_path)?;
        // SQLite would sync the directory when it first syncs the log, but here `sync.rs` syncs the log.
        path.parent().map_or(Ok(()), sync_directory)?;
        let checkpointer = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let log = Arc::new(LogHealth::default());
        let activity = Arc::new(Activity::default());
        let (writer, jobs) = Writer::new(activity.waiting.clone());
        let (to_sync, committed) = mpsc::channel();
        let (stop_checkpoints, stopped) = mpsc::channel();
        let (health, commits, syncs) = (log.clone(), activity.clone(), activity.clone());
        let threads = vec![
            spawn("metadata-writer", index.clone(), move || writer::run_batches(connection, &jobs, &to_sync, &commits))?,
            spawn("metadata-sync", index.clone(), move || sync::sync_batches(&log_file, &committed, &health, &syncs))?,
            spawn("metadata-checkpoint", index.clone(), move || checkpoint::run(&checkpointer, &log_path, &stopped))?,
        ];
        Ok(Self {
            path: path.to_owned(),
            readers: Readers::new(path, 0),
            scanners: Readers::new(path, MAPPED),
            writer,
            log,
            stop_checkpoints: Mutex::new(Some(stop_checkpoints)),
            threads: Mutex::new(threads),
            index,
            activity,
        })
    }

    /// Fails after a sync of the log has failed, when writes are no longer accepted.
    pub(super) fn check_writable(&self) -> Result<()> {
        self.log.check()
    }

    pub(super) fn metrics(&self) -> MetadataMetrics {
        let Activity { waiting, commit_writes, commit_durations, sync_durations } = &*self.activity;
        MetadataMetrics {
            writes_waiting: waiting.read(),
            commit_writes: commit_writes.read(),
            commit_durations: commit_durations.read(),
            sync_durations: Some(sync_durations.read()),
        }
    }

    /// Identifies the last commit. `None` while a commit is being published.
    pub(super) fn version(&self) -> Option<Version> {
        self.index.version()
    }

    /// Reads few rows, on the calling thread.
    pub(super) fn read<T, F>(&self, work: F) -> Result<T>
    where
        F: AsyncFn(&mut Tx<'_>) -> Result<T>,
    {
        self.readers.run(work)
    }

    /// Reads many rows, on the calling thread.
    pub(super) fn scan<T, F>(&self, work: F) -> Result<T>
    where
        F: AsyncFn(&mut Tx<'_>) -> Result<T>,
    {
        self.scanners.run(work)
    }

    /// Runs a write on the writer thread and returns once it is committed and, if `durable`, synced.
    pub(super) async fn write<T, F>(&self, work: F, durable: bool) -> Result<T>
    where
        T: Send + 'static,
        F: AsyncFn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        self.check_writable()?;
        self.writer.run(work, durable).await
    }

    /// Writes a compact copy, as one transaction sees the database, to a new file.
    pub(super) async fn copy_to(&self, to: PathBuf) -> Result<()> {
        let from = self.path.clone();
        blocking(move || {
            remove(&to)?;
            let connection = connect(&from, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
            connection.execute("VACUUM INTO ?1", [to.to_string_lossy()]).map(drop).map_err(failure)
        })
        .await
    }

    /// Stops the threads and waits until they have finished pending work. The thread of checkpoints is the last one: SQLite deletes the log
    /// only when a connection is closed while there is no other, and of two that are closed at once, each finds the other.
    pub(super) async fn close(&self) {
        self.writer.close();
        let mut threads = std::mem::take(&mut *self.threads.lock());
        let (stop_checkpoints, checkpoints) = (self.stop_checkpoints.lock().take(), threads.pop());
        self.readers.close_idle();
        self.scanners.close_idle();
        let stop = move || {
            // A panic of a thread has been logged already.
            threads.into_iter().for_each(|thread| drop(thread.join()));
            drop(stop_checkpoints);
            checkpoints.map(JoinHandle::join).map(drop)
        };
        let _ = tokio::task::spawn_blocking(stop).await;
    }
}

/// Creates a database that is not durable, and that nothing else uses. Replaces a file of this name.
pub(super) fn create_draft(path: &Path) -> Result<Connection> {
    remove(path)?;
    permissions::create_file(path)?;
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.execute_batch("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF").map_err(failure)?;
    Ok(connection)
}

fn remove(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Starts a thread that holds the WAL index until its connection is closed.
fn spawn(name: &str, index: Arc<WalIndex>, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    let body = move || {
        body();
        drop(index);
    };
    Ok(std::thread::Builder::new().name(name.to_owned()).spawn(body)?)
}
