//! Metrics of this process, under the names that Prometheus client libraries use.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// Reads `/proc` at every scrape. Without `/proc` there is only the start time.
#[derive(Debug)]
pub(super) struct Process {
    started: f64,
}

impl Process {
    pub(super) fn new() -> Self {
        Self { started: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64()) }
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut write = |name: &str, help: &str, value: f64| {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
        };
        write("process_start_time_seconds", "When the process started, in seconds since 1970", self.started)?;
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        if let Some(bytes) = field(&status, "VmRSS:") {
            write("process_resident_memory_bytes", "Memory in use, with file pages that the kernel can drop", bytes)?;
        }
        if let Some(bytes) = field(&status, "RssAnon:") {
            write("process_anonymous_memory_bytes", "Memory in use, without file pages", bytes)?;
        }
        if let Ok(descriptors) = std::fs::read_dir("/proc/self/fd") {
            write("process_open_fds", "Open file descriptors", descriptors.count() as f64)?;
        }
        Ok(())
    }
}

/// A field of `/proc/self/status`, converted from kilobytes to bytes.
fn field(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse::<f64>().ok().map(|kilobytes| kilobytes * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_name_and_converted_to_bytes() {
        let status = "Name:\troadstead\nVmRSS:\t    2048 kB\nRssAnon:\t   12 kB\n";
        assert_eq!(field(status, "VmRSS:"), Some(2_097_152.0));
        assert_eq!(field(status, "RssAnon:"), Some(12_288.0));
        assert_eq!(field(status, "VmSwap:"), None);
    }
}
