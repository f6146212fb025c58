//! Opening connections and running work on them.

use super::statements::failure;
use crate::error::{Error, Result};
use rusqlite::ErrorCode::DatabaseBusy;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The number of prepared statements cached per connection: more than there are statements.
const STATEMENT_CACHE: usize = 256;
/// How long to wait for the locks of other connections.
const PATIENCE: Duration = Duration::from_secs(10);
/// The time between two attempts, where SQLite does not wait itself.
const PAUSE: Duration = Duration::from_millis(20);

pub(super) fn connect(path: &Path, flags: OpenFlags) -> Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(failure)?;
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    // Without the query planner stability guarantee, statements whose plan depends on bound values are prepared again for each value.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(failure)?;
    connection.busy_timeout(PATIENCE).map_err(failure)?;
    let settings = "PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; PRAGMA wal_autocheckpoint = 0;
                    PRAGMA temp_store = MEMORY; PRAGMA cache_size = -4096;";
    connection.execute_batch(settings).map_err(failure)?;
    Ok(connection)
}

/// Switches a database to write-ahead logging, unless it uses that already.
pub(super) fn use_log(connection: &Connection) -> Result<()> {
    while_busy(|| connection.pragma_update(None, "journal_mode", "WAL")).map_err(failure)
}

/// Tries again while another process has a lock. SQLite waits for most locks itself, but not when it switches to write-ahead logging: of a
/// server that starts for the first time and a command that runs at that moment, one would fail.
fn while_busy<T>(mut attempt: impl FnMut() -> rusqlite::Result<T>) -> rusqlite::Result<T> {
    let until = Instant::now() + PATIENCE;
    loop {
        match attempt() {
            Err(error) if error.sqlite_error_code() == Some(DatabaseBusy) && Instant::now() < until => sleep(PAUSE),
            outcome => return outcome,
        }
    }
}

/// Runs a statement without parameters.
pub(super) fn run_cached(connection: &Connection, sql: &str) -> Result<()> {
    connection.prepare_cached(sql).and_then(|mut statement| statement.execute([])).map(drop).map_err(failure)
}

/// Polls `work` once. SQLite answers synchronously, so work that is still pending has awaited something else, which is a bug.
pub(super) fn finish<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => Err(Error::Internal("a transaction awaited something other than itself".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_turned_to_a_log_once_the_transaction_of_another_process_has_ended() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("new.db");
        let [one, other] = [(); 2].map(|()| connect(&path, OpenFlags::default()).expect("a connection"));
        one.execute_batch("CREATE TABLE a (b); BEGIN IMMEDIATE").expect("a transaction");
        let mut attempts = 0;
        let turned = while_busy(|| {
            attempts += 1;
            other.pragma_update(None, "journal_mode", "WAL").inspect_err(|_| one.execute_batch("COMMIT").expect("its end"))
        });
        assert_eq!((turned, attempts), (Ok(()), 2));
        use_log(&one).expect("it has one");
    }
}
