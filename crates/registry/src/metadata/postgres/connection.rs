//! A connection: how it is made, its settings, its prepared statements and its end.

use super::counters::{Counters, count};
use super::encryption;
use super::failure::{Failure, describe, is_io};
use crate::error::{Error, Result};
use crate::metadata::sql::Sql;
use crate::places::{PostgresHost, PostgresOptions};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the server is waited for after a statement should have been ended by its timeout.
const GRACE: Duration = Duration::from_secs(5);
/// How often it is looked whether a server still answers.
const WATCH: Duration = Duration::from_secs(1);
/// The number of slots, whose rows count the writes.
pub(super) const SLOTS: i32 = 64;
/// The first key of this engine's advisory locks; the second one is a slot, or [`MIGRATING`].
pub(super) const LOCKS: i32 = 0x526f_6164;
/// The second key of the lock that migrations take.
pub(super) const MIGRATING: i32 = -1;

/// The settings of every connection. All statements are written for indexes and nested loops, as SQLite runs them. With these plans, no
/// statement locks more of an index than it reads, and the cost of a page does not depend on statistics of the tables. A client that is
/// gone or stuck must not hold locks for long.
const SETTINGS: &str = "SET jit = off; SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_hashjoin = off;
    SET enable_mergejoin = off; SET max_parallel_workers_per_gather = 0; SET plan_cache_mode = force_generic_plan;
    SET client_min_messages = warning; SET idle_in_transaction_session_timeout = '15s'; SET tcp_keepalives_idle = 15;
    SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3;";
/// What a new connection has to know: whether the server takes writes, and a slot of its own. With more connections than slots, some
/// share theirs, and conflict more often.
const FACTS: &str = "SELECT pg_is_in_recovery(), current_setting('server_encoding'), current_setting('server_version_num'), COALESCE(
    (SELECT slot FROM generate_series(0, SLOTS - 1) slot WHERE pg_try_advisory_lock(LOCKS, slot) LIMIT 1), pg_backend_pid() % SLOTS)";
/// The oldest version of PostgreSQL that is supported.
const OLDEST: i64 = 130_000;

/// Makes connections.
pub(super) struct Connector {
    options: PostgresOptions,
    tls: Option<MakeRustlsConnect>,
    counters: Arc<Counters>,
    /// Rises whenever a connection is lost, because another server may answer the next one.
    generation: Arc<AtomicU64>,
}

impl Connector {
    pub(super) fn new(options: PostgresOptions, counters: Arc<Counters>, generation: Arc<AtomicU64>) -> Result<Self> {
        Ok(Self { tls: encryption::connector(&options.encryption)?, options, counters, generation })
    }

    /// Connects. Must be called within the runtime that is to drive the connection. [`Error::Unavailable`] says that the server
    /// cannot be reached (yet), and any other error that it or this method refuses.
    pub(super) async fn connect(&self) -> Result<Connection> {
        let config = self.config()?;
        let connected = match &self.tls {
            None => tokio::time::timeout(CONNECT_TIMEOUT, config.connect(NoTls)).await.map(|made| made.map(|(c, d)| (c, self.drive(d)))),
            Some(tls) => {
                let made = tokio::time::timeout(CONNECT_TIMEOUT, config.connect(tls.clone())).await;
                made.map(|made| made.map(|(client, driver)| (client, self.drive(driver))))
            }
        };
        let (client, busy) = connected.map_err(|_| self.unreachable("it does not answer"))?.map_err(|error| self.refusal(&error))?;
        count(&self.counters.connects);
        self.introduce(&client).await.map(|slot| Connection { client: Arc::new(client), busy, slot, prepared: HashMap::new() })
    }

    fn config(&self) -> Result<Config> {
        let options = &self.options;
        let mut config = Config::new();
        match &options.host {
            PostgresHost::Name(name) => config.host(name),
            PostgresHost::Socket(folder) => config.host_path(folder),
        };
        config.port(options.port).user(&options.user).dbname(&options.database).application_name("roadstead");
        config.connect_timeout(CONNECT_TIMEOUT).tcp_user_timeout(self.limit().unwrap_or_default());
        config.keepalives_idle(Duration::from_secs(15)).keepalives_interval(Duration::from_secs(5)).keepalives_retries(3);
        config.ssl_mode(if self.tls.is_some() { SslMode::Require } else { SslMode::Disable });
        let password = options.password.read();
        if let Some(password) = password.map_err(|error| self.told(&format!("the file with the password cannot be read: {error}")))? {
            config.password(password);
        }
        Ok(config)
    }

    /// Runs the driver of a connection until it ends or the server stops answering.
    fn drive(&self, driver: impl Future<Output = std::result::Result<(), tokio_postgres::Error>> + Send + 'static) -> Arc<Busy> {
        let busy = Arc::new(Busy::default());
        let (watched, limit, generation, counters) = (busy.clone(), self.limit(), self.generation.clone(), self.counters.clone());
        tokio::spawn(async move {
            let ended = tokio::select! {
                ended = driver => ended.map_err(|error| describe(&error)),
                () = watched.stuck(limit) => Err("the server has stopped answering".to_owned()),
            };
            if let Err(reason) = ended {
                generation.fetch_add(1, Ordering::Release);
                count(&counters.lost_connections);
                tracing::warn!(%reason, "a connection to the database is lost");
            }
        });
        busy
    }

    /// How long an answer is waited for. `None`: for ever.
    fn limit(&self) -> Option<Duration> {
        let timeout = self.options.statement_timeout;
        (!timeout.is_zero()).then(|| timeout + GRACE)
    }

    /// Sets up a new connection and returns its slot.
    async fn introduce(&self, client: &Client) -> Result<i32> {
        let timeout = self.options.statement_timeout.as_millis();
        let facts = FACTS.replace("SLOTS", &SLOTS.to_string()).replace("LOCKS", &LOCKS.to_string());
        let set_up = format!("{SETTINGS} SET statement_timeout = {timeout}; {facts}");
        let answer = tokio::time::timeout(CONNECT_TIMEOUT, client.simple_query(&set_up))
            .await
            .map_err(|_| self.unreachable("it does not answer"))?;
        let answer = answer.map_err(|error| self.refusal(&error))?;
        let row = answer.iter().find_map(|message| if let SimpleQueryMessage::Row(row) = message { Some(row) } else { None });
        let column = |index| row.and_then(|row| row.get(index)).unwrap_or_default();
        if column(0) == "t" {
            return Err(self.told("it is a standby, which takes no writes: name the primary"));
        }
        if column(1) != "UTF8" {
            return Err(self.told(&format!("its encoding is {}, not UTF8: create it with ENCODING 'UTF8'", column(1))));
        }
        if column(2).parse::<i64>().unwrap_or(0) < OLDEST {
            return Err(self.told("its server is older than PostgreSQL 13"));
        }
        column(3).parse().map_err(|_| self.told("it gives no slot"))
    }

    /// The error of a server that cannot be reached, or that refuses the connection.
    fn refusal(&self, error: &tokio_postgres::Error) -> Error {
        let text = describe(error);
        let is_temporary = error.code().is_none_or(|code| {
            [SqlState::CANNOT_CONNECT_NOW, SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN, SqlState::TOO_MANY_CONNECTIONS]
                .contains(code)
        });
        if is_temporary && (error.code().is_some() || error.is_closed() || (is_io(error) && !encryption::is_refusal(error))) {
            self.unreachable(&text)
        } else {
            self.told(&text)
        }
    }

    fn unreachable(&self, why: &str) -> Error {
        Error::Unavailable(self.of_place(why))
    }

    fn told(&self, why: &str) -> Error {
        Error::Internal(self.of_place(why))
    }

    /// Names the database in a message.
    pub(super) fn of_place(&self, why: &str) -> String {
        let PostgresOptions { host, port, user, database, .. } = &self.options;
        let host = match host {
            PostgresHost::Name(name) => name.clone(),
            PostgresHost::Socket(folder) => folder.display().to_string(),
        };
        format!("the database '{database}' on {host}:{port} cannot be used as '{user}': {why}")
    }
}

/// A connection that is used by one transaction at a time.
pub(super) struct Connection {
    pub(super) client: Arc<Client>,
    busy: Arc<Busy>,
    /// The row that counts its writes.
    pub(super) slot: i32,
    /// Prepared statements by the addresses of their texts, which are static. There are no more of them than the program has.
    prepared: HashMap<usize, Statement>,
}

impl Connection {
    pub(super) fn is_open(&self) -> bool {
        !self.client.is_closed()
    }

    pub(super) fn has_prepared(&self, sql: &Sql) -> bool {
        self.prepared.contains_key(&sql.0.as_ptr().addr())
    }

    /// Returns a statement, which is prepared when the connection first runs it.
    pub(super) async fn prepared(&mut self, sql: &Sql) -> std::result::Result<Statement, Failure> {
        let address = sql.0.as_ptr().addr();
        if let Some(statement) = self.prepared.get(&address) {
            return Ok(statement.clone());
        }
        let statement = self.answer(self.client.prepare(&sql.0.replace('?', "$"))).await?;
        self.prepared.insert(address, statement.clone());
        Ok(statement)
    }

    /// Forgets the prepared statements, which may be of an older schema.
    pub(super) fn forget_statements(&mut self) {
        self.prepared.clear();
    }

    /// Waits for an answer. If the server stops answering, the connection is closed.
    pub(super) async fn answer<T>(
        &self,
        answer: impl Future<Output = std::result::Result<T, tokio_postgres::Error>>,
    ) -> std::result::Result<T, Failure> {
        let _busy = self.busy.begin();
        answer.await.map_err(Failure::from)
    }

    /// Sends a command whose answer nothing depends on.
    pub(super) fn send(&self, command: &str) {
        let command = std::pin::pin!(self.client.batch_execute(command));
        // A command is sent when its answer is first asked for.
        let _ = command.poll(&mut std::task::Context::from_waker(std::task::Waker::noop()));
    }
}

/// Since when a connection waits for an answer.
#[derive(Default)]
pub(super) struct Busy(Mutex<Option<Instant>>);

impl Busy {
    fn begin(&self) -> impl Drop + '_ {
        *self.0.lock() = Some(Instant::now());
        scopeguard::guard((), |()| *self.0.lock() = None)
    }

    /// Returns once an answer has been waited for longer than `limit`.
    async fn stuck(&self, limit: Option<Duration>) {
        let is_stuck = || limit.zip(*self.0.lock()).is_some_and(|(limit, since)| since.elapsed() > limit);
        while !is_stuck() {
            tokio::time::sleep(WATCH).await;
        }
    }
}
