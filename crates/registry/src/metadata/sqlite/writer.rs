//! Group commit: one thread owns the only writing connection, runs each write in its own savepoint, and commits all waiting writes
//! together.

use super::connection::{finish, run_cached};
use crate::error::{Error, Result};
use crate::measuring::Gauge;
use crate::metadata::activity::Activity;
use crate::metadata::transaction::Tx;
use parking_lot::Mutex;
use rusqlite::Connection;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Instant;
use tokio::sync::oneshot;

/// The maximum number of writes per commit: enough to make a sync cheap, few enough to answer soon.
const BATCH: usize = 256;

/// A queued write. It receives the connection, in a transaction, or the error that prevented the transaction.
pub(super) type Job = Box<dyn FnOnce(Result<&mut Connection>) -> Ran + Send>;

/// Sends the result of a write to its caller. Called with the result of the commit or sync.
pub(super) type Answer = Box<dyn FnOnce(Result<()>) + Send>;

/// A write that has run but is not committed yet.
pub(super) struct Ran {
    /// Whether the caller is answered only after a sync.
    durable: bool,
    answer: Answer,
}

/// The queue of the writer thread.
pub(super) struct Writer {
    jobs: Mutex<Option<Sender<Job>>>,
    waiting: Gauge,
}

impl Writer {
    /// Creates a writer and the receiver of its jobs for [`run_batches`]. `waiting` counts the jobs that have not begun.
    pub(super) fn new(waiting: Gauge) -> (Self, Receiver<Job>) {
        let (jobs, queue) = mpsc::channel();
        (Self { jobs: Mutex::new(Some(jobs)), waiting }, queue)
    }

    /// Runs `work` in a savepoint and returns once it is committed and, if `durable`, synced.
    pub(super) async fn run<T, F>(&self, work: F, durable: bool) -> Result<T>
    where
        T: Send + 'static,
        F: AsyncFn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel::<Result<T>>();
        let waiting = self.waiting.enter();
        let job = Box::new(move |connection: Result<&mut Connection>| {
            drop(waiting);
            let result = match connection {
                _ if reply.is_closed() => Err(Error::Unavailable("the request was dropped".to_owned())),
                Ok(connection) => run_in_savepoint(connection, work),
                Err(error) => Err(error),
            };
            let durable = durable && result.is_ok();
            let answer = move |ended: Result<()>| {
                // The write stays committed even if the caller has been dropped.
                let _ = reply.send(ended.and(result));
            };
            Ran { durable, answer: Box::new(answer) }
        });
        let sender = self.jobs.lock().clone().ok_or_else(closed)?;
        sender.send(job).map_err(|_| closed())?;
        answer.await.map_err(|_| panicked())?
    }

    /// Refuses further writes. [`run_batches`] returns after the queued ones.
    pub(super) fn close(&self) {
        self.jobs.lock().take();
    }
}

/// Runs writes in batches of all that are waiting, and passes those that must be durable to the sync thread.
pub(super) fn run_batches(mut connection: Connection, waiting: &Receiver<Job>, to_sync: &Sender<Vec<Answer>>, activity: &Activity) {
    while let Ok(first) = waiting.recv() {
        let (ran, committed) = run_batch(&mut connection, first, waiting, activity);
        let (unsynced, answered): (Vec<Ran>, Vec<Ran>) = ran.into_iter().partition(|ran| ran.durable && committed.is_ok());
        for ran in answered {
            (ran.answer)(committed.clone());
        }
        if !unsynced.is_empty() {
            // The syncing thread outlives this one.
            let _ = to_sync.send(unsynced.into_iter().map(|ran| ran.answer).collect());
        }
    }
}

/// Runs `first` and the writes waiting after it in one transaction, and commits it.
fn run_batch(connection: &mut Connection, first: Job, waiting: &Receiver<Job>, activity: &Activity) -> (Vec<Ran>, Result<()>) {
    let begun = Instant::now();
    if let Err(error) = run_cached(connection, "BEGIN IMMEDIATE") {
        log(&error);
        return (vec![first(Err(error))], Ok(()));
    }
    let mut ran = vec![first(Ok(connection))];
    // A full disk can end the whole transaction. Further writes would then run outside of any transaction.
    while ran.len() < BATCH
        && !connection.is_autocommit()
        && let Ok(job) = waiting.try_recv()
    {
        ran.push(job(Ok(connection)));
    }
    let committed = run_cached(connection, "COMMIT");
    match &committed {
        Ok(()) => {
            activity.commit_writes.observe(ran.len() as u64);
            activity.commit_durations.observe_time(begun.elapsed());
        }
        Err(error) => {
            log(error);
            if !connection.is_autocommit() {
                let _ = run_cached(connection, "ROLLBACK");
            }
        }
    }
    (ran, committed)
}

/// Runs one write so that its failure or panic does not affect the rest of the batch.
fn run_in_savepoint<T, F>(connection: &mut Connection, work: F) -> Result<T>
where
    F: AsyncFn(&mut Tx<'_>) -> Result<T>,
{
    run_cached(connection, "SAVEPOINT one_write")?;
    let result = catch_unwind(AssertUnwindSafe(|| finish(work(&mut Tx::Sqlite(connection))))).unwrap_or_else(|_| Err(panicked()));
    if result.is_err() {
        run_cached(connection, "ROLLBACK TO one_write")?;
    }
    run_cached(connection, "RELEASE one_write")?;
    result
}

fn log(error: &Error) {
    tracing::error!(%error, "cannot commit the metadata");
}

fn closed() -> Error {
    Error::Unavailable("the metadata is closed".to_owned())
}

fn panicked() -> Error {
    Error::Internal("a metadata write panicked".to_owned())
}
