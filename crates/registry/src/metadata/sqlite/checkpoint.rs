//! The checkpoint thread, which copies the write-ahead log back into the database so that no request has to.

use rusqlite::Connection;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

/// The time between checkpoints.
const PERIOD: Duration = Duration::from_secs(1);
/// The size in bytes up to which a log is not checkpointed.
const SMALL_LOG: u64 = 1 << 20;
/// The size in bytes above which the log is restarted from its beginning, even if writers have to wait for that.
const LARGE_LOG: u64 = 16 << 20;
/// The size of SQLite's pages in bytes.
const PAGE: u64 = 4096;

/// Runs until `stopped` is disconnected, then checkpoints and truncates the log.
pub(super) fn run(connection: &Connection, log: &Path, stopped: &Receiver<()>) {
    while stopped.recv_timeout(PERIOD) == Err(RecvTimeoutError::Timeout) {
        let size = std::fs::metadata(log).map_or(0, |metadata| metadata.len());
        if size > SMALL_LOG && checkpoint(connection, "PASSIVE") > LARGE_LOG {
            // The file keeps its length, because syncing overwritten bytes is faster than syncing a longer file.
            checkpoint(connection, "RESTART");
        }
    }
    checkpoint(connection, "TRUNCATE");
}

/// Checkpoints the log and returns the number of bytes in use in it. A checkpoint that finds the database busy is retried in the next
/// period.
fn checkpoint(connection: &Connection, mode: &str) -> u64 {
    let pages = connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| row.get::<_, i64>(1));
    pages.map_or(0, |pages| pages.unsigned_abs().saturating_mul(PAGE))
}
