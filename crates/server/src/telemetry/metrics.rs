//! Metrics. They have no labels such as repository, tag or client, whose number is unbounded.

use super::kind::{self, Label};
use super::process::Process;
use super::requests::Requests;
use super::storage::{Last, ShownInventory, Storage};
use super::traces;
use crate::http::budget::Crowded;
use crate::http::{Budget, OperationClass};
use http::{Method, StatusCode};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use roadstead_model::Timestamp;
use roadstead_registry::{Clock, DiskSpace, Garbage, Installation, PullCount};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// In seconds, from a collection that finds nothing to one of a large bucket.
const COLLECTION_BUCKETS: [f64; 8] = [0.1, 1.0, 10.0, 60.0, 300.0, 1_800.0, 7_200.0, 43_200.0];

/// The metrics of a server. Clones share them.
#[derive(Debug, Clone)]
pub struct Telemetry(Arc<Metrics>);

#[derive(Debug)]
struct Metrics {
    registry: Registry,
    requests: Requests,
    counted: Counted,
    last: Last,
}

#[derive(Debug)]
struct CollectionDurations(Histogram);

impl Default for CollectionDurations {
    fn default() -> Self {
        Self(Histogram::new(COLLECTION_BUCKETS))
    }
}

/// What the server counts itself.
#[derive(Debug, Default)]
struct Counted {
    connections: Gauge,
    refused_connections: Family<Label, Counter>,
    closed_for_others: Counter,
    refused_forwarded: Counter,
    held: Gauge,
    budget: Gauge,
    waiting_for_memory: Gauge,
    waiting_spans: Gauge,
    refused_for_memory: Family<Label, Counter>,
    received: Counter,
    sent: Counter,
    collections: Family<Label, Counter>,
    removed: Family<Label, Counter>,
    freed: Counter,
    collection_durations: CollectionDurations,
    collection_succeeded: Gauge,
    scrubbed: Family<Label, Counter>,
    scrub_read: Counter,
    scrub_completed: Gauge,
    failed_logins: Family<[(&'static str, &'static str); 2], Counter>,
    pulls: Family<Label, Counter>,
    failed_handshakes: Family<Label, Counter>,
    /// By the first domain of the certificate.
    certificate_expiry: Family<[(&'static str, String); 1], Gauge>,
    certificate_orders: Family<Label, Counter>,
}

impl Telemetry {
    /// The metrics of a server, with those of its installation.
    pub(crate) fn new(installation: Option<&Installation>) -> Self {
        let (mut registry, last) = (Registry::default(), Last::default());
        let ours = registry.sub_registry_with_prefix("roadstead");
        let (requests, counted) = (Requests::register(ours), Counted::default());
        counted.register(ours);
        counted.begin_at_zero();
        registry.register_collector(Box::new(Process::new()));
        if let Some(installation) = installation {
            registry.register_collector(Box::new(Storage::new(installation, &last)));
        }
        Self(Arc::new(Metrics { registry, requests, counted, last }))
    }

    pub(crate) fn request_begins(&self, class: OperationClass) {
        self.0.requests.begins(class);
    }

    /// Counts a request. Without a status, the client disconnected before the answer.
    pub(crate) fn request_ends(&self, class: OperationClass, method: &Method, status: Option<StatusCode>, duration: Duration) {
        self.0.requests.ends(class, method, status, duration);
    }

    /// Counts a connection as open until the guard is dropped.
    pub(crate) fn connection_opens(&self) -> OpenConnection {
        self.0.counted.connections.inc();
        OpenConnection(self.0.counted.connections.clone())
    }

    /// Counts a connection refused at the bound of this name.
    pub(crate) fn connection_refused(&self, bound: &'static str) {
        self.0.counted.refused_connections.get_or_create(&[("bound", bound)]).inc();
    }

    pub(crate) fn connections_made_room(&self, count: usize) {
        self.0.counted.closed_for_others.inc_by(count as u64);
    }

    pub(crate) fn forwarded_request_refused(&self) {
        self.0.counted.refused_forwarded.inc();
    }

    /// Updates the metrics of the memory budget.
    pub(crate) fn memory(&self, budget: &Budget) {
        let counted = &self.0.counted;
        for (gauge, value) in
            [(&counted.held, budget.held()), (&counted.budget, budget.limit()), (&counted.waiting_for_memory, budget.waiting())]
        {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        }
        for (bound, crowded) in [("caller", Crowded::ByCaller), ("all", Crowded::InAll)] {
            let counter = counted.refused_for_memory.get_or_create(&[("bound", bound)]);
            counter.inner().store(budget.refused(crowded), Ordering::Relaxed);
        }
    }

    /// Updates the metrics of traces.
    pub(crate) fn traces(&self) {
        self.0.counted.waiting_spans.set(i64::try_from(traces::waiting()).unwrap_or(i64::MAX));
    }

    /// Updates the numbers of pulls.
    pub(crate) fn pulls(&self, pulls: PullCount) {
        for (robot, count) in [("no", pulls.people), ("yes", pulls.robots)] {
            self.0.counted.pulls.get_or_create(&[("robot", robot)]).inner().store(count, Ordering::Relaxed);
        }
    }

    pub(crate) fn bytes_received(&self, count: usize) {
        self.0.counted.received.inc_by(count as u64);
    }

    pub(crate) fn bytes_sent(&self, count: usize) {
        self.0.counted.sent.inc_by(count as u64);
    }

    /// Counts a garbage collection; `None` is one that failed.
    pub(crate) fn collected(&self, garbage: Option<&Garbage>, took: Duration) {
        self.0.counted.collection_durations.0.observe(took.as_secs_f64());
        let outcome = if garbage.is_some() { "done" } else { "failed" };
        self.0.counted.collections.get_or_create(&[("outcome", outcome)]).inc();
        let Some(garbage) = garbage else { return };
        self.0.counted.collection_succeeded.set(Clock::System.now().seconds());
        let kinds =
            [("upload", garbage.uploads), ("link", garbage.unused_blobs), ("blob", garbage.deleted_blobs), ("orphan", garbage.orphans)];
        for (kind, count) in kinds {
            self.0.counted.removed.get_or_create(&[("kind", kind)]).inc_by(count);
        }
        self.0.counted.freed.inc_by(garbage.bytes);
    }

    /// Shows what is stored until the guard is dropped, because then another server may show it.
    pub(crate) fn inventory(&self) -> ShownInventory {
        ShownInventory(self.0.last.inventory.clone())
    }

    /// Shows the space of the file system of the data directory.
    pub(crate) fn disk_space(&self, space: Option<DiskSpace>) {
        *self.0.last.space.lock() = space;
    }

    /// Counts a blob that was verified in the background.
    pub(crate) fn scrubbed(&self, result: &'static str, size: u64) {
        self.0.counted.scrubbed.get_or_create(&[("result", result)]).inc();
        self.0.counted.scrub_read.inc_by(size);
    }

    /// Shows when all blobs had been verified.
    pub(crate) fn scrub_completed(&self, time: Option<Timestamp>) {
        self.0.counted.scrub_completed.set(time.map_or(0, Timestamp::seconds));
    }

    /// Counts a failed login. `is_held_back`: the client was only told to wait.
    pub(crate) fn login_failed(&self, door: &'static str, is_held_back: bool) {
        let answer = if is_held_back { "held_back" } else { "refused" };
        self.0.counted.failed_logins.get_or_create(&[("door", door), ("answer", answer)]).inc();
    }

    /// Counts a failed TLS handshake.
    pub(crate) fn handshake_failed(&self, reason: &'static str) {
        self.0.counted.failed_handshakes.get_or_create(&[("reason", reason)]).inc();
    }

    /// Updates when the certificates in use expire, by domain, in seconds since the Unix epoch.
    pub(crate) fn certificates(&self, expiries: impl Iterator<Item = (String, i64)>) {
        self.0.counted.certificate_expiry.clear();
        for (domain, expiry) in expiries {
            self.0.counted.certificate_expiry.get_or_create(&[("domain", domain)]).set(expiry);
        }
    }

    /// Counts an order of a certificate.
    pub(crate) fn certificate_ordered(&self, is_issued: bool) {
        let outcome = if is_issued { "issued" } else { "failed" };
        self.0.counted.certificate_orders.get_or_create(&[("outcome", outcome)]).inc();
    }

    /// Encodes all metrics in the text format of Prometheus.
    pub(crate) fn as_text(&self) -> String {
        let mut text = String::with_capacity(8 * 1024);
        if prometheus_client::encoding::text::encode(&mut text, &self.0.registry).is_err() {
            tracing::error!("cannot encode the metrics");
        }
        text
    }
}

impl Counted {
    fn register(&self, registry: &mut Registry) {
        let build = Family::<Label, Gauge>::default();
        build.get_or_create(&[("version", env!("CARGO_PKG_VERSION"))]).set(1);
        registry.register("connections", "Open connections", self.connections.clone());
        registry.register("connections_refused", "Connections refused because a limit was reached", self.refused_connections.clone());
        let closed = "Idle connections closed to make room for new ones";
        registry.register("connections_closed_for_others", closed, self.closed_for_others.clone());
        let forwarded = "Forwarded requests refused because their address had too many in flight";
        registry.register("forwarded_requests_refused", forwarded, self.refused_forwarded.clone());
        let held = "Memory of the budget held for requests, answers and connections";
        registry.register_with_unit("memory_held", held, Unit::Bytes, self.held.clone());
        registry.register_with_unit("memory_budget", "The most that may be held", Unit::Bytes, self.budget.clone());
        registry.register("memory_requests_waiting", "Requests that wait for memory of the budget", self.waiting_for_memory.clone());
        registry.register("memory_refusals", "Requests for memory that exceeded the budget", self.refused_for_memory.clone());
        registry.register_with_unit("network_received", "Bytes received from clients", Unit::Bytes, self.received.clone());
        registry.register_with_unit("network_sent", "Bytes sent to clients", Unit::Bytes, self.sent.clone());
        registry.register("gc_collections", "Garbage collections", self.collections.clone());
        registry.register("gc_removed", "Objects deleted by garbage collections", self.removed.clone());
        registry.register_with_unit("gc_freed", "Bytes freed by garbage collections", Unit::Bytes, self.freed.clone());
        let seconds = "Time that garbage collections took";
        registry.register_with_unit("gc_duration", seconds, Unit::Seconds, self.collection_durations.0.clone());
        let succeeded = "When this server last completed a garbage collection; 0 for never";
        registry.register_with_unit("gc_last_success_timestamp", succeeded, Unit::Seconds, self.collection_succeeded.clone());
        registry.register("scrub_blobs", "Stored blobs verified in the background", self.scrubbed.clone());
        registry.register_with_unit("scrub_read", "Bytes of blobs verified in the background", Unit::Bytes, self.scrub_read.clone());
        let completed = "When all stored blobs had last been verified; 0 for never";
        registry.register_with_unit("scrub_last_completed_timestamp", completed, Unit::Seconds, self.scrub_completed.clone());
        registry.register("failed_logins", "Invalid signatures, passwords and tokens", self.failed_logins.clone());
        registry.register("pulls", "Pulls of images", self.pulls.clone());
        registry.register("tls_handshakes_failed", "Failed TLS handshakes", self.failed_handshakes.clone());
        let expiry = "When the certificates in use expire, as a Unix timestamp";
        registry.register_with_unit("tls_certificate_expiry_timestamp", expiry, Unit::Seconds, self.certificate_expiry.clone());
        registry.register("acme_orders", "Orders of certificates at the certificate authority", self.certificate_orders.clone());
        registry.register("log_lines_dropped", "Log lines dropped", kind::dropped());
        registry.register("trace_spans", "Spans of traces", traces::outcomes());
        registry.register(
            "trace_spans_waiting",
            "Spans that wait to be sent to the collector, or are being sent",
            self.waiting_spans.clone(),
        );
        registry.register("build_info", "The running version", build);
    }

    /// Shows the counters of rare events before the first event: Prometheus sees no increase in a counter that begins at one.
    fn begin_at_zero(&self) {
        let families = [
            (&self.refused_connections, "bound", ["all", "address"].as_slice()),
            (&self.collections, "outcome", &["done", "failed"]),
            (&self.scrubbed, "result", &["whole", "damaged", "unreadable"]),
            (&self.certificate_orders, "outcome", &["issued", "failed"]),
        ];
        for (family, label, values) in families {
            for value in values {
                drop(family.get_or_create(&[(label, *value)]));
            }
        }
        for labels in [("aws", "refused"), ("aws", "held_back"), ("oci", "refused"), ("oci", "held_back")] {
            drop(self.failed_logins.get_or_create(&[("door", labels.0), ("answer", labels.1)]));
        }
    }
}

/// The guard of an open connection.
#[derive(Debug)]
pub(crate) struct OpenConnection(Gauge);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metrics_show_the_memory_held_and_how_often_the_budget_was_exceeded() {
        let (telemetry, budget) = (Telemetry::new(None), Budget::new(16 << 20));
        let anonymous = || budget.anonymous([192, 0, 2, 1].into());
        let _held = anonymous().share(2 << 20).expect("an eighth");
        assert!(anonymous().share(1).is_err() && anonymous().share(1).is_err());
        telemetry.memory(&budget);
        let text = telemetry.as_text();
        for line in
            ["roadstead_memory_held_bytes 2097152", r#"memory_refusals_total{bound="caller"} 2"#, r#"memory_refusals_total{bound="all"} 0"#]
        {
            assert!(text.contains(line), "{line}: {text}");
        }
    }
}
