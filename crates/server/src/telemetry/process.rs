//! Metrics of this process, under the names that Prometheus client libraries use.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// `USER_HZ`, which Linux has as a constant.
const TICKS_PER_SECOND: f64 = 100.0;

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
        if let Some(seconds) = processor_seconds(&std::fs::read_to_string("/proc/self/stat").unwrap_or_default()) {
            let counter = ConstCounter::new(seconds);
            let help = "Processor time used";
            counter.encode(encoder.encode_descriptor("process_cpu_seconds", help, None, counter.metric_type())?)?;
        }
        Ok(())
    }
}

/// A field of `/proc/self/status`, converted from kilobytes to bytes.
fn field(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse::<f64>().ok().map(|kilobytes| kilobytes * 1024.0)
}

/// The time in user and system mode in `/proc/self/stat`, which follows the name in parentheses.
fn processor_seconds(stat: &str) -> Option<f64> {
    let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / TICKS_PER_SECOND)
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

    #[test]
    fn processor_time_is_found_behind_a_name_with_any_characters() {
        let stat = "7 (a) b) c) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 3 0 100 1000 200";
        assert_eq!(processor_seconds(stat), Some(3.0));
        assert_eq!(processor_seconds(""), None);
    }
}
