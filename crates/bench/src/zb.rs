//! Runs `zb`, zot's own benchmark, against the servers that `compare` has started.
//!
//! Each test includes its own setup and cleanup, so the server's CPU time cannot be attributed to the requests that it counts.

use crate::failure::{Result, failure};
use crate::load::Measured;
use crate::login;
use crate::target::Target;
use std::path::Path;
use std::time::Duration;
use tokio::process::Command;

/// The tests of zb, except those that differ only in larger layers and those that need a second registry.
pub(crate) const TESTS: [&str; 5] =
    ["Get Catalog", "Push Monolith 1MB", "Push Chunk Streamed 1MB", "Pull 1MB", "Pull 75% and Push 25% Mixed 1MB"];
/// Requests per test.
const REQUESTS: u64 = 400;

/// Runs one test on one server.
pub(crate) async fn run(binary: &Path, target: &Target, test: &str, connections: u64, folder: &Path) -> Result<Measured> {
    std::fs::create_dir_all(folder)?;
    let mut command = Command::new(binary);
    command.arg(format!("http://{}", target.authority)).arg("-d").arg(folder).arg("-t").arg(format!("^{test}$"));
    command.arg("-r").arg(target.repository("zb")).arg("-c").arg(connections.to_string()).arg("-n").arg(REQUESTS.to_string());
    if let Some((user, password)) = login::basic(target).await? {
        command.arg("-A").arg(format!("{user}:{password}"));
    }
    let output = command.kill_on_drop(true).output().await?;
    let text = String::from_utf8_lossy(&output.stdout);
    // zb stops at the first unexpected response and prints it last, with the closing quote on a separate line.
    let last = || text.lines().rfind(|line| line.len() > 1).unwrap_or_default();
    read(&text, target, test, connections).ok_or_else(|| failure!("zb: {test} of {}: {}", target.name, last()))
}

/// Parses zb's output for a test.
fn read(text: &str, target: &Target, test: &str, connections: u64) -> Option<Measured> {
    let value = |name: &str| text.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(':')).map(str::trim);
    let milliseconds = |name: &str| value(name).and_then(|text| duration(text).ok()).map(|time| time.as_secs_f64() * 1000.0);
    Some(Measured {
        target: target.name.clone(),
        shape: format!("zb: {test}"),
        connections,
        operations: value("Complete requests")?.parse().ok()?,
        errors: value("Failed requests")?.parse().ok()?,
        error: None,
        operations_per_second: value("Requests per second")?.parse().ok()?,
        megabytes_per_second: 0.0,
        p50: milliseconds("p50")?,
        p99: milliseconds("p99")?,
        max: milliseconds("max")?,
        cpu_per_operation: None,
        cpu_per_gigabyte: None,
        memory: None,
        counts: Vec::new(),
    })
}

/// Parses a duration as Go prints it: `1m2.5s`, `27.01ms`, `55.3µs`.
fn duration(text: &str) -> Result<Duration> {
    Ok(text.parse::<jiff::SignedDuration>()?.try_into()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_zb_prints_is_read() {
        let text = "============\n============\nTest name:            Pull 1MB\nTime taken for tests: 3.226002283s\nRequests per second:  12.399247\n\
            Complete requests:    40\nFailed requests:      2\n\n2xx responses: 38\n\nmin: 27.017425ms\nmax: 1m1.042978624s\np50: 168.616881ms\n\
            p75: 419.885736ms\np90: 955.704379ms\np99: 955.5µs\n\nManifest HEAD TTFB p50: 5.646208ms\n";
        let target = "it=http://127.0.0.1:1".parse().expect("a target");
        let row = read(text, &target, "Pull 1MB", 8).expect("a row");
        assert_eq!((row.shape.as_str(), row.operations, row.errors), ("zb: Pull 1MB", 40, 2));
        assert_eq!(
            [row.operations_per_second, row.p50, row.p99, row.max].map(|value| (value * 1000.0).round()),
            [12399.0, 168_617.0, 956.0, 61_042_979.0]
        );
        assert!(read("not a test", &target, "Pull 1MB", 8).is_none());
    }

    #[test]
    fn times_have_units() {
        assert_eq!(duration("1h1m1.5s").expect("a time"), Duration::from_millis(3_661_500));
        for bad in ["5", "5 parsecs", "ms"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
