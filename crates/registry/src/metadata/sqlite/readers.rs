//! A pool of read-only connections. Reads run on the caller's thread.

use super::connection::{connect, finish, run_cached};
use super::statements::failure;
use crate::error::Result;
use crate::metadata::transaction::Tx;
use parking_lot::Mutex;
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};

pub(super) struct Readers {
    path: PathBuf,
    /// The number of bytes of the database mapped into memory.
    mapped: i64,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(super) fn new(path: &Path, mapped: i64) -> Self {
        Self { path: path.to_owned(), mapped, idle: Mutex::default() }
    }

    /// Runs `work` in a read transaction.
    pub(super) fn run<T, F>(&self, work: F) -> Result<T>
    where
        F: AsyncFn(&mut Tx<'_>) -> Result<T>,
    {
        let idle = self.idle.lock().pop();
        let mut connection = idle.map_or_else(|| self.connect(), Ok)?;
        run_cached(&connection, "BEGIN DEFERRED")?;
        let result = finish(work(&mut Tx::Sqlite(&mut connection)));
        // A connection whose transaction could not be ended is closed instead of reused.
        if run_cached(&connection, "COMMIT").is_ok() {
            self.idle.lock().push(connection);
        }
        result
    }

    pub(super) fn close_idle(&self) {
        self.idle.lock().clear();
    }

    fn connect(&self) -> Result<Connection> {
        let connection = connect(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.pragma_update(None, "mmap_size", self.mapped).map_err(failure)?;
        Ok(connection)
    }
}
