//! Counters of what servers cause elsewhere: statements of a database, requests to an S3 server, another process's CPU time.

use crate::failure::{Failure, Result, failure};
use serde::Serialize;
use std::str::FromStr;
use tokio::process::Command;

/// A name, and the shell command that prints the current value.
#[derive(Debug, Clone)]
pub(crate) struct Counter {
    name: String,
    command: String,
}

/// By how much a counter grew for each operation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Count {
    pub(crate) name: String,
    pub(crate) per_operation: f64,
}

impl Counter {
    async fn read(&self) -> Result<f64> {
        let output = Command::new("sh").arg("-c").arg(&self.command).output().await?;
        let text = String::from_utf8_lossy(&output.stdout);
        let refuse = |_| failure!("the counter '{}' printed '{}' {}", self.name, text.trim(), String::from_utf8_lossy(&output.stderr));
        text.trim().parse().map_err(refuse)
    }
}

/// The current values of all counters.
pub(crate) async fn read(counters: &[Counter]) -> Result<Vec<f64>> {
    let mut values = Vec::new();
    for counter in counters {
        values.push(counter.read().await?);
    }
    Ok(values)
}

/// The growth for each operation between two readings.
pub(crate) fn growth(counters: &[Counter], before: &[f64], after: &[f64], operations: u64) -> Vec<Count> {
    let values = before.iter().zip(after).map(|(before, after)| (after - before) / operations.max(1) as f64);
    counters.iter().zip(values).map(|(counter, per_operation)| Count { name: counter.name.clone(), per_operation }).collect()
}

impl FromStr for Counter {
    type Err = Failure;

    /// `NAME=COMMAND`
    fn from_str(text: &str) -> Result<Self> {
        let (name, command) = text.split_once('=').ok_or_else(|| failure!("'{text}' is not NAME=COMMAND"))?;
        Ok(Self { name: name.to_owned(), command: command.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_counter_is_what_its_command_prints_and_grows_with_the_operations() {
        let counters = ["lines=printf 7", "cpu=echo 2.5"].map(|text| text.parse::<Counter>().unwrap());
        let before = read(&counters).await.unwrap();
        assert_eq!(before, [7.0, 2.5]);
        let counts = growth(&counters, &before, &[17.0, 2.5], 5);
        assert_eq!(
            counts.iter().map(|count| (count.name.as_str(), count.per_operation)).collect::<Vec<_>>(),
            [("lines", 2.0), ("cpu", 0.0)]
        );
    }

    #[tokio::test]
    async fn a_command_that_prints_no_number_is_an_error_with_its_name() {
        let counters = ["broken=echo nothing".parse::<Counter>().unwrap()];
        assert!(read(&counters).await.unwrap_err().0.contains("'broken' printed 'nothing'"));
    }
}
