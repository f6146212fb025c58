//! One transaction on a connection.

use super::connection::Connection;
use super::counters::{Counters, count};
use super::failure::{Failure, Kind};
use crate::error::{Error, Result};
use crate::metadata::parameters::Value;
use crate::metadata::sql::{Sql, for_postgres};
use futures_util::TryStreamExt;
use std::pin::pin;
use std::sync::Arc;
use tokio_postgres::{Row, RowStream};

pub(crate) struct Transaction {
    connection: Connection,
    counters: Arc<Counters>,
    /// What begins the transaction: sent together with the first statement.
    begin: Option<&'static str>,
    /// The first failure of a statement. Nothing can be committed after it, whatever the work makes of it.
    failed: Option<Kind>,
    /// Whether a row was changed.
    has_changed: bool,
}

/// How a transaction ended that is not committed.
pub(super) struct Aborted {
    pub(super) kind: Kind,
    pub(super) error: Error,
}

impl Transaction {
    pub(super) fn new(connection: Connection, begin: &'static str, counters: Arc<Counters>) -> Self {
        Self { connection, counters, begin: Some(begin), failed: None, has_changed: false }
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
        let script = format!("{}; {}", self.begin.take().unwrap_or_default(), for_postgres(script));
        self.has_changed = true;
        // Migrations may take longer than a statement may.
        let ran = self.connection.client.batch_execute(&script).await;
        ran.map_err(|error| self.fail(error.into()))
    }

    async fn run(&mut self, sql: &Sql, parameters: &[Value<'_>], visit: impl FnMut(&Row) -> Result<bool>) -> Result<u64> {
        count(&self.counters.statements);
        let rows = match self.start(sql, parameters).await {
            Ok(rows) => rows,
            Err(failure) => return Err(self.fail(failure)),
        };
        match self.connection.answer(read(rows, visit)).await {
            Ok((visited, changed)) => {
                self.has_changed |= changed > 0 && !is_query(sql);
                visited.map(|()| changed)
            }
            Err(failure) => Err(self.fail(failure)),
        }
    }

    /// Sends a statement, and before it what begins the transaction, without waiting in between.
    async fn start(&mut self, sql: &Sql, parameters: &[Value<'_>]) -> std::result::Result<RowStream, Failure> {
        let statement = self.connection.prepared(sql).await?;
        let client = &self.connection.client;
        let rows = client.query_raw(&statement, parameters.iter().copied());
        let Some(begin) = self.begin.take() else { return self.connection.answer(rows).await };
        let both = async {
            let (begun, rows) = tokio::join!(biased; client.batch_execute(begin), rows);
            begun.and(rows)
        };
        self.connection.answer(both).await
    }

    fn fail(&mut self, failure: Failure) -> Error {
        self.failed.get_or_insert(failure.kind);
        failure.error
    }

    /// Ends a transaction that only read. Its connection can be used again unless it was lost.
    pub(super) fn end_read<T>(self, result: Result<T>) -> (std::result::Result<T, Aborted>, Option<Connection>) {
        let result = self.outcome(result);
        if self.begin.is_none() {
            self.connection.send("COMMIT");
        }
        (result, self.reusable())
    }

    /// Commits a write, or rolls it back if it failed. `counted`: whether it is to be seen by the version.
    pub(super) async fn end_write<T>(mut self, result: Result<T>, is_seen: bool) -> (std::result::Result<T, Aborted>, Option<Connection>) {
        let is_begun = self.begin.is_none();
        let ended = match self.outcome(result) {
            Ok(value) if is_begun => self.commit(is_seen).await.map(|()| value),
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

    async fn commit(&mut self, is_seen: bool) -> std::result::Result<(), Aborted> {
        let commit = if self.has_changed && is_seen {
            format!("UPDATE change SET writes = writes + 1 WHERE slot = {}; COMMIT", self.connection.slot)
        } else {
            "COMMIT".to_owned()
        };
        let committed = self.connection.answer(self.connection.client.batch_execute(&commit)).await;
        committed.map_err(|failure| match failure.kind {
            Kind::Conflict => Aborted { kind: Kind::Conflict, error: failure.error },
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
    mut visit: impl FnMut(&Row) -> Result<bool>,
) -> std::result::Result<(Result<()>, u64), tokio_postgres::Error> {
    let (mut rows, mut visited) = (pin!(rows), Ok(true));
    while let Some(row) = rows.try_next().await? {
        if matches!(visited, Ok(true)) {
            visited = visit(&row);
        }
    }
    Ok((visited.map(drop), rows.rows_affected().unwrap_or(0)))
}

/// Whether a statement changes nothing.
fn is_query(sql: &Sql) -> bool {
    sql.0.trim_start().starts_with("SELECT")
}
