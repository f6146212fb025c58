//! Runs load, which is connections that repeat one operation, and measures it.

use crate::client::Client;
use crate::counter::{self, Count, Counter};
use crate::failure::Result;
use crate::process::Memory;
use crate::shape::Shape;
use crate::target::Target;
use crate::turns::Turns;
use crate::workload::Workload;
use serde::Serialize;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) connections: u64,
    /// Operations begun within this time are completed.
    pub(crate) duration: Duration,
    /// Ends the load early after this many operations.
    pub(crate) operations: Option<u64>,
    /// Begins so many operations a second, if connections are free.
    pub(crate) rate: Option<f64>,
}

/// The results of one run.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Measured {
    pub(crate) target: String,
    pub(crate) shape: String,
    pub(crate) connections: u64,
    pub(crate) operations: u64,
    pub(crate) errors: u64,
    /// One of the errors.
    pub(crate) error: Option<String>,
    pub(crate) operations_per_second: f64,
    pub(crate) megabytes_per_second: f64,
    /// Milliseconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
    /// Microseconds of the server's CPU time per operation, if the server runs on this machine.
    pub(crate) cpu_per_operation: Option<f64>,
    /// Seconds of the server's CPU time per gigabyte, for shapes that move bulk data.
    pub(crate) cpu_per_gigabyte: Option<f64>,
    /// The server's peak.
    pub(crate) memory: Option<Memory>,
    /// What `--count` names.
    pub(crate) counts: Vec<Count>,
}

impl Measured {
    /// What was measured: only results of the same load are compared.
    pub(crate) fn load(&self) -> (&str, u64) {
        (&self.shape, self.connections)
    }
}

/// The results of one connection.
#[derive(Default)]
struct Tally {
    microseconds: Vec<u32>,
    bytes: u64,
    errors: u64,
    error: Option<String>,
}

/// Prepares a shape on a target and runs the load.
pub(crate) async fn run(target: &Target, shape: Shape, load: Load, counters: &[Counter]) -> Result<Measured> {
    let work = Arc::new(Workload::prepare(target, shape).await.map_err(|error| error.context(format_args!("{shape} of {}", target.name)))?);
    let counted = counter::read(counters).await?;
    let sampler = target.process.as_ref().map(|process| process.sample_memory());
    let cpu = target.process.as_ref().map(|process| process.cpu_seconds());
    let begun = Instant::now();
    let mut total = all_connections(target, &work, load).await?;
    let seconds = begun.elapsed().as_secs_f64();
    let cpu = target.process.as_ref().zip(cpu).map(|(process, before)| process.cpu_seconds() - before);
    let counted_after = counter::read(counters).await?;
    total.microseconds.sort_unstable();
    let operations = total.microseconds.len() as u64;
    let milliseconds = |share: f64| quantile(&total.microseconds, share) / 1000.0;
    Ok(Measured {
        target: target.name.clone(),
        shape: shape.to_string(),
        connections: load.connections,
        operations,
        errors: total.errors,
        operations_per_second: operations as f64 / seconds,
        megabytes_per_second: total.bytes as f64 / seconds / 1e6,
        p50: milliseconds(0.5),
        p99: milliseconds(0.99),
        max: milliseconds(1.0),
        cpu_per_operation: cpu.filter(|_| operations > 0).map(|cpu| cpu * 1e6 / operations as f64),
        cpu_per_gigabyte: cpu.filter(|_| shape.is_bulk() && total.bytes > 0).map(|cpu| cpu * 1e9 / total.bytes as f64),
        memory: sampler.map(|sampler| sampler.peak()),
        counts: counter::growth(counters, &counted, &counted_after, operations),
        error: total.error,
    })
}

async fn all_connections(target: &Target, work: &Arc<Workload>, load: Load) -> Result<Tally> {
    let turns = Turns::begin(load);
    let mut tasks = JoinSet::new();
    for first in 0..load.connections {
        let (client, work, turns) = (Client::new(&target.authority), work.clone(), turns.clone());
        tasks.spawn(async move { one_connection(client, &work, first, &turns).await });
    }
    let mut total = Tally::default();
    while let Some(tally) = tasks.join_next().await {
        let tally = tally?;
        total.microseconds.extend(tally.microseconds);
        total.bytes += tally.bytes;
        total.errors += tally.errors;
        total.error = total.error.or(tally.error);
    }
    Ok(total)
}

async fn one_connection(mut client: Client, work: &Workload, mut turn: u64, turns: &Turns) -> Tally {
    let mut tally = Tally::default();
    while let Some(due) = turns.next().await {
        match work.perform(&mut client, turn).await {
            Ok(bytes) => {
                tally.microseconds.push(due.elapsed().as_micros().try_into().unwrap_or(u32::MAX));
                tally.bytes += bytes;
            }
            Err(error) => {
                tally.errors += 1;
                tally.error = Some(error.0);
                // Do not spin if the server refuses everything.
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        turn += 1;
    }
    tally
}

/// A quantile of sorted values by the nearest-rank method; 0 if there are none.
fn quantile(sorted: &[u32], share: f64) -> f64 {
    let at = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(at.clamp(1, sorted.len().max(1)) - 1).map_or(0.0, |value| f64::from(*value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_measured() {
        let values: Vec<u32> = (1..=100).collect();
        assert_eq!([0.5, 0.99, 1.0].map(|share| quantile(&values, share)), [50.0, 99.0, 100.0]);
        assert_eq!((quantile(&[7], 0.99), quantile(&[], 0.5)), (7.0, 0.0));
    }
}
