//! One transaction on a connection.

use super::connection::{Connection, SLOTS};
use super::counters::{Counters, count};
use super::failure::{Failure, Kind};
use crate::error::{Error, Result};
use crate::metadata::effect::Effect;
use crate::metadata::parameters::{Parameter, Value};
use crate::metadata::sql::{Bound, Sql, for_postgres};
use crate::metadata::{Cell, FromColumn};
use futures_util::TryStreamExt;
use futures_util::future::join_all;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use tokio_postgres::{Client, Row, RowStream, Statement};

/// How many statements are sent before the first of them is answered.
const AT_A_TIME: usize = 16;

pub(crate) struct Transaction {
    connection: Connection,
    counters: Arc<Counters>,
    /// What begins the transaction: sent together with the first statement. `None` for a transaction of a single statement.
    begin: Option<&'static str>,
    is_begun: bool,
    /// The statements that are not answered yet.
    sent: Vec<Sent>,
    /// The first failure of a statement. Nothing can be committed after it, whatever the work makes of it.
    failed: Option<Kind>,
    /// Whether a row may have been changed.
    has_changed: bool,
}

/// The number of rows that a statement will have changed.
type Sent = Pin<Box<dyn Future<Output = std::result::Result<u64, tokio_postgres::Error>>>>;

/// How a transaction ended that is not committed.
pub(super) struct Aborted {
    pub(super) kind: Kind,
    pub(super) error: Error,
}

impl Transaction {
    /// A transaction that `begin` begins or, without it, a single statement.
    pub(super) fn new(connection: Connection, begin: Option<&'static str>, counters: Arc<Counters>) -> Self {
        Self { connection, counters, begin, is_begun: false, sent: Vec::new(), failed: None, has_changed: false }
    }

    /// Runs a statement and returns the number of changed rows.
    pub(in crate::metadata) async fn execute(&mut self, sql: &Sql, parameters: &[Value<'_>]) -> Result<usize> {
        let rows = self.run(sql, parameters, |_| Ok(false)).await?;
        Ok(usize::try_from(rows).unwrap_or(usize::MAX))
    }

    /// Runs a query and calls `visit` for each row while it returns `true`.
    pub(in crate::metadata) async fn each_row(
        &mut self,
        sql: &Sql,
        parameters: &[Value<'_>],
        visit: impl FnMut(&Row) -> Result<bool>,
    ) -> Result<()> {
        self.run(sql, parameters, visit).await.map(drop)
    }

    /// Runs the script of a migration.
    pub(in crate::metadata) async fn execute_script(&mut self, script: &str) -> Result<()> {
        let script = format!("{}; {}", self.take_begin().unwrap_or_default(), for_postgres(script));
        self.has_changed = true;
        // Migrations may take longer than a statement may.
        let ran = self.connection.client.batch_execute(&script).await;
        ran.map_err(|error| self.fail(error.into()))
    }

    /// Sends a statement. If it fails, so does the next one that is waited for, or the commit.
    pub(in crate::metadata) async fn send(&mut self, sql: &Sql, parameters: &[Value<'_>]) -> Result<()> {
        count(&self.counters.statements);
        let prepared = self.prepared(sql).await;
        let statement = prepared.map_err(|failure| self.fail(failure))?;
        if self.sent.len() >= AT_A_TIME {
            let earlier = self.earlier();
            if let Err(failure) = self.connection.answer(earlier).await {
                return Err(self.fail(failure));
            }
        }
        if let Some(begin) = self.take_begin() {
            let client = self.connection.client.clone();
            self.push(Box::pin(async move { client.batch_execute(begin).await.map(|()| 0) }));
        }
        let parameters: Vec<Cell> = parameters.iter().map(|value| Cell::from_column(*value)).collect::<Result<_>>()?;
        let client = self.connection.client.clone();
        self.push(Box::pin(async move { client.execute_raw(&statement, parameters.iter().map(Cell::value)).await }));
        self.has_changed |= !is_query(sql);
        Ok(())
    }

    fn push(&mut self, statement: Sent) {
        let mut statement = statement;
        // A statement is sent when its answer is first asked for.
        let early = statement.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        self.sent.push(match early {
            Poll::Pending => statement,
            Poll::Ready(answer) => Box::pin(std::future::ready(answer)),
        });
    }

    /// Runs statements without waiting in between. Returns of each the rows, and the number of rows that it returned or changed.
    pub(in crate::metadata) async fn run_all(&mut self, statements: &[Bound<'_>]) -> Result<Vec<(Vec<Row>, usize)>> {
        let mut answers = Vec::with_capacity(statements.len());
        for statements in statements.chunks(AT_A_TIME) {
            match self.run_some(statements).await {
                Ok(some) => answers.extend(some),
                Err(failure) => return Err(self.fail(failure)),
            }
        }
        Ok(answers)
    }

    async fn run_some(&mut self, statements: &[Bound<'_>]) -> std::result::Result<Vec<(Vec<Row>, usize)>, Failure> {
        let mut running = Vec::with_capacity(statements.len());
        for (sql, parameters) in statements {
            count(&self.counters.statements);
            running.push((self.prepared(sql).await?, parameters));
            self.has_changed |= !is_query(sql);
        }
        let earlier = self.earlier();
        let client = &self.connection.client;
        let running = running.iter().map(|(statement, parameters)| read_all(client, statement, parameters));
        let all = async {
            let (earlier, answers) = tokio::join!(biased; earlier, join_all(running));
            earlier?;
            answers.into_iter().collect()
        };
        self.connection.answer(all).await
    }

    /// Returns a prepared statement. Preparing one would fail after a statement that has failed, so it is found out first whether one has.
    async fn prepared(&mut self, sql: &Sql) -> std::result::Result<Statement, Failure> {
        if !self.sent.is_empty() && !self.connection.has_prepared(sql) {
            let earlier = self.earlier();
            self.connection.answer(earlier).await?;
        }
        self.connection.prepared(sql).await
    }

    /// Begins the transaction if that is still to be done, and waits for the statements that were sent.
    fn earlier(&mut self) -> impl Future<Output = std::result::Result<(), tokio_postgres::Error>> + use<> {
        let (begin, sent, client) = (self.take_begin(), std::mem::take(&mut self.sent), self.connection.client.clone());
        async move {
            if let Some(begin) = begin {
                client.batch_execute(begin).await?;
            }
            join_all(sent).await.into_iter().try_for_each(|answer| answer.map(drop))
        }
    }

    async fn run(&mut self, sql: &Sql, parameters: &[Value<'_>], mut visit: impl FnMut(&Row) -> Result<bool>) -> Result<u64> {
        count(&self.counters.statements);
        let rows = match self.start(sql, parameters).await {
            Ok(rows) => rows,
            Err(failure) => return Err(self.fail(failure)),
        };
        match self.connection.answer(read(rows, |row| visit(&row))).await {
            Ok((visited, changed)) => {
                self.has_changed |= changed > 0 && !is_query(sql);
                visited.map(|()| changed)
            }
            Err(failure) => Err(self.fail(failure)),
        }
    }

    /// Sends a statement, and before it what begins the transaction, without waiting in between.
    async fn start(&mut self, sql: &Sql, parameters: &[Value<'_>]) -> std::result::Result<RowStream, Failure> {
        let statement = self.prepared(sql).await?;
        let earlier = self.earlier();
        let rows = self.connection.client.query_raw(&statement, parameters.iter().copied());
        let all = async {
            let (earlier, rows) = tokio::join!(biased; earlier, rows);
            earlier.and(rows)
        };
        self.connection.answer(all).await
    }

    fn take_begin(&mut self) -> Option<&'static str> {
        let begin = self.begin.take();
        self.is_begun |= begin.is_some();
        begin
    }

    fn fail(&mut self, failure: Failure) -> Error {
        self.failed.get_or_insert(failure.kind);
        failure.error
    }

    /// Ends a transaction that only read. Its connection can be used again unless it was lost.
    pub(super) fn end_read<T>(self, result: Result<T>) -> (std::result::Result<T, Aborted>, Option<Connection>) {
        let result = self.outcome(result);
        if self.is_begun {
            self.connection.send("COMMIT");
        }
        (result, self.reusable())
    }

    /// Commits a write, or rolls it back if it failed.
    pub(super) async fn end_write<T>(mut self, result: Result<T>, effect: Effect) -> (std::result::Result<T, Aborted>, Option<Connection>) {
        let is_begun = self.is_begun;
        let ended = match self.outcome(result) {
            Ok(value) if is_begun => self.commit(effect).await.map(|()| value),
            other => other,
        };
        if ended.is_err() && is_begun {
            self.connection.send("ROLLBACK");
        }
        (ended, self.reusable())
    }

    /// A failed statement fails its transaction, even if the work goes on.
    fn outcome<T>(&self, result: Result<T>) -> std::result::Result<T, Aborted> {
        match (result, self.failed) {
            (Ok(value), None) => Ok(value),
            (Ok(_), Some(kind)) => Err(Aborted { kind, error: Error::Internal("a statement had failed before the commit".to_owned()) }),
            (Err(error), kind) => Err(Aborted { kind: kind.unwrap_or(Kind::Final), error }),
        }
    }

    async fn commit(&mut self, effect: Effect) -> std::result::Result<(), Aborted> {
        let counted = match effect {
            _ if !self.has_changed => None,
            Effect::Uncached => None,
            Effect::Content => Some(self.connection.slot + SLOTS),
            Effect::Any => Some(self.connection.slot),
        };
        let count = |slot| format!("UPDATE change SET writes = writes + 1 WHERE slot = {slot}; COMMIT");
        let commit = counted.map_or_else(|| "COMMIT".to_owned(), count);
        let earlier = self.earlier();
        let mut is_refused = false;
        let all = async {
            let (earlier, committed) = tokio::join!(biased; earlier, self.connection.client.batch_execute(&commit));
            // The server does not commit after a statement that it refused.
            is_refused = earlier.as_ref().is_err_and(|error| error.code().is_some());
            earlier.and(committed)
        };
        let committed = self.connection.answer(all).await;
        committed.map_err(|failure| match failure.kind {
            Kind::Conflict => Aborted { kind: Kind::Conflict, error: failure.error },
            Kind::Outdated => {
                self.failed = Some(Kind::Outdated);
                Aborted { kind: Kind::Outdated, error: failure.error }
            }
            kind if is_refused => {
                self.failed = Some(kind);
                Aborted { kind, error: failure.error }
            }
            // It may be committed or not: nobody may be told that it is, and it must not run again.
            _ => {
                self.failed = Some(failure.kind);
                Aborted {
                    kind: Kind::Final,
                    error: Error::Unavailable(format!("it is not known whether a write was committed: {}", failure.error)),
                }
            }
        })
    }

    fn reusable(mut self) -> Option<Connection> {
        if self.failed == Some(Kind::Outdated) {
            self.connection.forget_statements();
        }
        (self.failed != Some(Kind::Lost)).then_some(self.connection)
    }
}

/// Visits rows while `visit` returns `true`, and waits for the end of the others: a statement can fail after its first rows. Returns the
/// number of rows that the statement returned or changed.
async fn read(
    rows: RowStream,
    mut visit: impl FnMut(Row) -> Result<bool>,
) -> std::result::Result<(Result<()>, u64), tokio_postgres::Error> {
    let (mut rows, mut visited) = (pin!(rows), Ok(true));
    while let Some(row) = rows.try_next().await? {
        if matches!(visited, Ok(true)) {
            visited = visit(row);
        }
    }
    Ok((visited.map(drop), rows.rows_affected().unwrap_or(0)))
}

async fn read_all(
    client: &Client,
    statement: &Statement,
    parameters: &[Value<'_>],
) -> std::result::Result<(Vec<Row>, usize), tokio_postgres::Error> {
    let mut rows = Vec::new();
    let keep = |row| {
        rows.push(row);
        Ok(true)
    };
    let (_, changed) = read(client.query_raw(statement, parameters.iter().copied()).await?, keep).await?;
    Ok((rows, usize::try_from(changed).unwrap_or(usize::MAX)))
}

/// Whether a statement changes nothing.
fn is_query(sql: &Sql) -> bool {
    sql.0.trim_start().starts_with("SELECT")
}
