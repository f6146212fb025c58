//! Metrics of what is stored and of where it is stored, which the registry counts.

use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use roadstead_registry::{DatabaseMetrics, DiskSpace, Installation, Inventory, Measured, MetadataMetrics, StoreMetrics, blocking_tasks};
use std::fmt;
use std::sync::Arc;

/// How many of the units in which the registry measures times are a second.
const MICROSECONDS: f64 = 1e6;

/// Asks the installation at every scrape for what it counts, and shows what was last measured of what takes time or may hang.
pub(super) struct Storage {
    installation: Installation,
    last: Last,
}

/// What was last measured in the background. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Last {
    pub(super) inventory: Arc<Mutex<Option<Inventory>>>,
    pub(super) space: Arc<Mutex<Option<DiskSpace>>>,
}

/// The right to show what is stored, which one of several servers has.
#[derive(Debug)]
pub(crate) struct ShownInventory(pub(super) Arc<Mutex<Option<Inventory>>>);

impl ShownInventory {
    pub(crate) fn show(&self, inventory: Inventory) {
        *self.0.lock() = Some(inventory);
    }
}

impl Drop for ShownInventory {
    fn drop(&mut self) {
        *self.0.lock() = None;
    }
}

impl Storage {
    pub(super) fn new(installation: &Installation, last: &Last) -> Self {
        Self { installation: installation.clone(), last: last.clone() }
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
        self.last.inventory.lock().map_or(Ok(()), |inventory| lines.inventory(inventory))?;
        self.last.space.lock().map_or(Ok(()), |space| lines.disk(space))?;
        lines.metadata(&self.installation.metadata_metrics())?;
        lines.tasks()?;
        self.installation.database_metrics().map_or(Ok(()), |metrics| lines.database(&metrics))?;
        self.installation.store_metrics().map_or(Ok(()), |metrics| lines.bucket(&metrics))
    }
}

struct Lines<'a>(DescriptorEncoder<'a>);

impl Lines<'_> {
    fn inventory(&mut self, Inventory { repositories, images, blobs, bytes, uploads }: Inventory) -> fmt::Result {
        self.gauge("repositories", "Repositories", repositories)?;
        self.gauge("images", "Manifests", images)?;
        self.gauge("blobs", "Blobs, each counted once", blobs)?;
        self.gauge("blobs_bytes", "Bytes of blobs", bytes)?;
        self.gauge("uploads_open", "Uploads that have begun and not ended", uploads)
    }

    fn disk(&mut self, DiskSpace { free, size }: DiskSpace) -> fmt::Result {
        self.gauge("disk_free_bytes", "Free space of the file system of the data directory", free)?;
        self.gauge("disk_size_bytes", "Size of the file system of the data directory", size)
    }

    fn metadata(&mut self, metrics: &MetadataMetrics) -> fmt::Result {
        self.gauge("metadata_writes_waiting", "Writes of metadata that have not begun", metrics.writes_waiting)?;
        self.histogram("metadata_commit_writes", "Writes that were committed together", &metrics.commit_writes, 1.0)?;
        let commits = "Time from the begin of a transaction that writes to its commit";
        self.histogram("metadata_commit_duration_seconds", commits, &metrics.commit_durations, MICROSECONDS)?;
        let syncs = "Time that syncs of the write-ahead log took";
        metrics
            .sync_durations
            .as_ref()
            .map_or(Ok(()), |durations| self.histogram("metadata_sync_duration_seconds", syncs, durations, MICROSECONDS))
    }

    fn tasks(&mut self) -> fmt::Result {
        let tasks = blocking_tasks();
        self.gauge("blocking_tasks_running", "Work on files that runs", tasks.running)?;
        self.gauge("blocking_tasks_waiting", "Work on files that waits for a thread", tasks.waiting)
    }

    fn database(&mut self, metrics: &DatabaseMetrics) -> fmt::Result {
        self.gauge("database_connections", "Connections to the database in use", metrics.connections_in_use)?;
        self.gauge("database_connections_maximum", "The most that may be in use", metrics.connections)?;
        self.gauge("database_requests_waiting", "Transactions that wait for a connection", metrics.waiting)?;
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

    /// `per_unit` is how many of the measured are one of the shown: a quotient is the nearest number, and is shown as `0.025`.
    fn histogram(&mut self, name: &str, help: &str, measured: &Measured, per_unit: f64) -> fmt::Result {
        // The last bucket is that of all greater values.
        let bounds = measured.bounds.iter().map(|bound| *bound as f64 / per_unit).chain([f64::INFINITY]);
        let buckets: Vec<(f64, u64)> = bounds.zip(measured.counts.iter().copied()).collect();
        let name = format!("roadstead_{name}");
        let mut encoder = self.0.encode_descriptor(&name, help, None, MetricType::Histogram)?;
        let count = measured.counts.iter().sum();
        encoder.encode_histogram::<NoLabelSet>(measured.sum as f64 / per_unit, count, &buckets, None)
    }
}
