//! The connections of transactions: a bounded number, opened when they are needed.

use super::connection::{Connection, Connector};
use super::counters::{Counters, count};
use crate::error::{Error, Result};
use crate::jitter;
use crate::measuring::Gauge;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a request waits until a connection is free.
const WAIT: Duration = Duration::from_secs(5);
/// How long it waits for a database that cannot be reached, as while it is restarted.
const PATIENCE: Duration = Duration::from_secs(3);
/// The longest pause between attempts after a lost connection, in milliseconds.
pub(super) const PAUSE: u32 = 200;
/// The longest pause after a conflict, in milliseconds: about as long as a write takes.
pub(super) const SHORT_PAUSE: u32 = 8;

pub(super) struct Pool {
    connector: Arc<Connector>,
    /// The engine's runtime, which drives the connections.
    runtime: Handle,
    permits: Arc<Semaphore>,
    pub(super) size: usize,
    /// Transactions that wait for a connection.
    pub(super) waiting: Gauge,
    idle: Mutex<Vec<Connection>>,
    /// Since when the database cannot be reached.
    down_since: Mutex<Option<Instant>>,
    counters: Arc<Counters>,
}

/// The right to use one connection.
pub(super) type Permit = OwnedSemaphorePermit;

impl Pool {
    pub(super) fn new(connector: Arc<Connector>, runtime: Handle, size: u32, counters: Arc<Counters>) -> Self {
        let size = usize::try_from(size.max(1)).unwrap_or(1);
        let permits = Arc::new(Semaphore::new(size));
        Self {
            connector,
            runtime,
            permits,
            size,
            waiting: Gauge::default(),
            idle: Mutex::default(),
            down_since: Mutex::default(),
            counters,
        }
    }

    /// Runs a task on the engine's runtime.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(task);
    }

    /// Takes a connection. It is closed unless it is given back.
    pub(super) async fn take(&self) -> Result<(Connection, Permit)> {
        let waiting = self.waiting.enter();
        let waited = tokio::time::timeout(WAIT, self.permits.clone().acquire_owned()).await;
        drop(waiting);
        let Ok(permit) = waited else {
            count(&self.counters.timeouts);
            return Err(Error::Unavailable("all connections to the database are in use".to_owned()));
        };
        let permit = permit.map_err(|_| Error::Unavailable("the metadata is closed".to_owned()))?;
        let idle = std::iter::from_fn(|| self.idle.lock().pop()).find(Connection::is_open);
        match idle {
            Some(connection) => Ok((connection, permit)),
            None => self.connect_patiently().await.map(|connection| (connection, permit)),
        }
    }

    /// Gives a connection back, in which no transaction is open.
    pub(super) fn give_back(&self, connection: Connection) {
        if connection.is_open() && !self.permits.is_closed() {
            self.idle.lock().push(connection);
        }
    }

    /// The number of connections in use.
    pub(super) fn in_use(&self) -> usize {
        self.size - self.permits.available_permits().min(self.size)
    }

    /// Closes the connections. Those in use are closed when their transactions end.
    pub(super) fn close(&self) {
        self.permits.close();
        self.idle.lock().clear();
    }

    /// Connects, and tries again for a while. Once the database has been away for longer, requests are not kept waiting.
    async fn connect_patiently(&self) -> Result<Connection> {
        loop {
            let error = match self.connect().await {
                Ok(connection) => {
                    *self.down_since.lock() = None;
                    return Ok(connection);
                }
                Err(error) => error,
            };
            let since = *self.down_since.lock().get_or_insert_with(Instant::now);
            if !matches!(error, Error::Unavailable(_)) || since.elapsed() > PATIENCE {
                // While a server is running, even a refusal is the operator's to end.
                return Err(match error {
                    Error::Unavailable(_) => error,
                    refusal => Error::Unavailable(refusal.to_string()),
                });
            }
            tokio::time::sleep(jitter::up_to(PAUSE)).await;
        }
    }

    /// Connects on the engine's runtime.
    pub(super) async fn connect(&self) -> Result<Connection> {
        let connector = self.connector.clone();
        let connecting = self.runtime.spawn(async move { connector.connect().await });
        connecting.await.map_err(|_| Error::Unavailable("the metadata is closed".to_owned()))?
    }
}
