//! Metrics of a database and a bucket, which the registry counts. There are none of an installation in a directory.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use roadstead_registry::{DatabaseMetrics, Installation, StoreMetrics};
use std::fmt;

/// Asks the installation at every scrape.
pub(super) struct Storage(Installation);

impl Storage {
    pub(super) fn of(installation: &Installation) -> Self {
        Self(installation.clone())
    }
}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Storage")
    }
}

impl Collector for Storage {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut lines = Lines(encoder);
        self.0.database_metrics().map_or(Ok(()), |metrics| lines.database(&metrics))?;
        self.0.store_metrics().map_or(Ok(()), |metrics| lines.bucket(&metrics))
    }
}

struct Lines<'a>(DescriptorEncoder<'a>);

impl Lines<'_> {
    fn database(&mut self, metrics: &DatabaseMetrics) -> fmt::Result {
        self.gauge("database_connections", "Connections to the database in use", metrics.connections_in_use)?;
        self.gauge("database_connections_maximum", "The most that may be in use", metrics.connections)?;
        self.counter("database_connections_opened", "Connections that were opened", metrics.connects)?;
        self.counter("database_connections_lost", "Connections that broke", metrics.lost_connections)?;
        self.counter("database_connection_timeouts", "Requests that got no connection in time", metrics.timeouts)?;
        self.counter("database_statements", "Statements of operations", metrics.statements)?;
        self.counter("database_writes", "Committed writes", metrics.writes)?;
        self.counter("database_conflicts", "Writes that ran again because others came first", metrics.conflicts)?;
        self.counter("database_retries", "Transactions that ran again for other reasons", metrics.retries)?;
        self.counter("database_version_checks", "Statements that asked whether answers in memory are stale", metrics.version_checks)?;
        self.counter("database_versions_asked", "Lookups that these statements answered", metrics.versions_asked)
    }

    fn bucket(&mut self, metrics: &StoreMetrics) -> fmt::Result {
        self.counter("bucket_requests", "Requests to the bucket, with every attempt", metrics.requests)?;
        self.counter("bucket_failures", "Requests without a response, or with an error of the server", metrics.failures)?;
        self.counter("bucket_sent_bytes", "Bytes sent to the bucket, in every attempt", metrics.sent)?;
        self.gauge("bucket_upload_memory_bytes", "Bytes of uploads that wait in memory to be sent", metrics.bytes_in_memory)?;
        self.gauge("bucket_upload_files_bytes", "Bytes of uploads that wait in files to be sent", metrics.bytes_in_files)
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let metric = ConstCounter::new(value);
        metric.encode(self.0.encode_descriptor(&format!("roadstead_{name}"), help, None, metric.metric_type())?)
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let metric = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
        metric.encode(self.0.encode_descriptor(&format!("roadstead_{name}"), help, None, metric.metric_type())?)
    }
}
