//! The difference between the local clock and that of the database, by which all servers agree on the time.

use super::connection::Connection;
use super::pool::Pool;
use crate::clock::Clock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

const NOW: &str = "SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::BIGINT";
/// How often it is measured.
const INTERVAL: Duration = Duration::from_secs(60);
/// In microseconds: a slower answer says too little.
const SLOW: i64 = 1_000_000;

/// Measures the offset in microseconds. `None` if the answer fails or takes too long.
pub(super) async fn measure(connection: &Connection) -> Option<i64> {
    let statement = connection.answer(connection.client.prepare(NOW)).await.ok()?;
    let before = Clock::System.now().micros();
    let row = connection.answer(connection.client.query_one(&statement, &[])).await.ok()?;
    let after = Clock::System.now().micros();
    let theirs: i64 = row.try_get(0).ok()?;
    (0..SLOW).contains(&(after - before)).then_some(theirs - before.midpoint(after))
}

/// Measures the offset regularly, until the pool is dropped.
pub(super) async fn keep(offset: Arc<AtomicI64>, pool: Weak<Pool>) {
    loop {
        tokio::time::sleep(INTERVAL).await;
        let Some(pool) = pool.upgrade() else { return };
        let Ok((connection, _permit)) = pool.take().await else { continue };
        if let Some(measured) = measure(&connection).await {
            offset.store(measured, Ordering::Relaxed);
        }
        pool.give_back(connection);
    }
}
