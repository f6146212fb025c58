//! The way of spans to the collector: a queue, an exporter that counts, and an HTTP client.

use crate::telemetry::kind::Label;
use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Limited};
use opentelemetry::Context;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor};
use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use roadstead_registry::with_causes;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::runtime::Handle;

/// How many spans may wait for the collector, including those that are being sent: a few megabytes.
const QUEUE: usize = 2_048;
/// How many spans are sent at once.
const BATCH: usize = 512;
/// How long a span waits for others.
const PAUSE: Duration = Duration::from_secs(2);
/// How long one attempt at sending a batch may take.
const ATTEMPT: Duration = Duration::from_secs(3);
/// The longest answer of a collector, in bytes.
const LONGEST_ANSWER: usize = 64 * 1024;

/// What became of spans.
static OUTCOMES: LazyLock<Family<Label, Counter>> = LazyLock::new(Family::default);
/// The number of spans that wait or are being sent.
static WAITING: AtomicUsize = AtomicUsize::new(0);

/// The counters of what became of spans.
pub(in crate::telemetry) fn outcomes() -> Family<Label, Counter> {
    for outcome in ["sent", "failed", "dropped"] {
        count(outcome, 0);
    }
    OUTCOMES.clone()
}

/// The number of spans that wait or are being sent.
pub(in crate::telemetry) fn waiting() -> usize {
    WAITING.load(Ordering::Relaxed)
}

fn count(outcome: &'static str, spans: usize) {
    OUTCOMES.get_or_create(&[("outcome", outcome)]).inc_by(spans as u64);
}

/// The queue before an exporter. It drops spans that do not fit, and never blocks.
#[derive(Debug)]
pub(super) struct Queue(BatchSpanProcessor);

impl Queue {
    pub(super) fn before(exporter: impl SpanExporter + 'static) -> Self {
        // The SDK's own bound is never reached, because it does not say how many spans it drops.
        let config = BatchConfigBuilder::default().with_max_queue_size(QUEUE).with_max_export_batch_size(BATCH);
        let config = config.with_scheduled_delay(PAUSE).build();
        Self(BatchSpanProcessor::builder(exporter).with_batch_config(config).build())
    }
}

impl SpanProcessor for Queue {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.0.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if WAITING.fetch_add(1, Ordering::Relaxed) < QUEUE {
            self.0.on_end(span);
        } else {
            WAITING.fetch_sub(1, Ordering::Relaxed);
            count("dropped", 1);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }
}

/// Counts what is exported, and logs when that begins or ends to fail.
#[derive(Debug)]
pub(super) struct CountingExporter<E> {
    exporter: E,
    last_failure: LastFailure,
    is_failing: AtomicBool,
}

impl<E> CountingExporter<E> {
    pub(super) fn new(exporter: E, last_failure: LastFailure) -> Self {
        Self { exporter, last_failure, is_failing: AtomicBool::new(false) }
    }
}

impl<E: SpanExporter> SpanExporter for CountingExporter<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let exported = self.exporter.export(batch).await;
        WAITING.fetch_sub(spans, Ordering::Relaxed);
        count(if exported.is_ok() { "sent" } else { "failed" }, spans);
        let was_failing = self.is_failing.swap(exported.is_err(), Ordering::Relaxed);
        match &exported {
            Err(error) if !was_failing => {
                let cause = self.last_failure.0.lock().clone();
                tracing::warn!(%error, cause, "the collector of traces does not take spans: they are lost");
            }
            Ok(()) if was_failing => tracing::info!("the collector of traces takes spans again"),
            _ => {}
        }
        exported
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// Why the last request could not be sent, which the exporter does not tell. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct LastFailure(Arc<Mutex<Option<String>>>);

/// Sends requests on the server's runtime, because the thread of the SDK has none.
#[derive(Debug)]
pub(super) struct Client {
    client: reqwest::Client,
    runtime: Handle,
    last_failure: LastFailure,
}

impl Client {
    /// A client for a collector at this URL.
    pub(super) fn new(endpoint: &str, runtime: Handle) -> Result<Self, String> {
        let client = reqwest::Client::builder().timeout(ATTEMPT).redirect(reqwest::redirect::Policy::none()).user_agent("roadstead");
        // Otherwise a system without certificates of authorities could not even send spans in plain text.
        let client = if endpoint.starts_with("http://") { client.tls_certs_only([]) } else { client };
        let client = client.build().map_err(|error| format!("traces cannot be sent: {}", with_causes(&error)))?;
        Ok(Self { client, runtime, last_failure: LastFailure::default() })
    }

    pub(super) fn last_failure(&self) -> LastFailure {
        self.last_failure.clone()
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (client, request) = (self.client.clone(), reqwest::Request::try_from(request)?);
        let sent = self.runtime.spawn(async move {
            // The URL is that of the setting: a path in it may be a secret.
            let response: Response<reqwest::Body> = client.execute(request).await.map_err(reqwest::Error::without_url)?.into();
            let (head, body) = response.into_parts();
            let body = Limited::new(body, LONGEST_ANSWER).collect().await?.to_bytes();
            Ok(Response::from_parts(head, body))
        });
        sent.await?
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let sent = self.send(request).await;
        *self.last_failure.0.lock() = sent.as_ref().err().map(|error| with_causes(error.as_ref()));
        sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry::trace::{Span as _, Tracer, TracerProvider};
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use std::sync::mpsc::{Receiver, channel};

    /// Sends nothing until the other end of its channel is dropped.
    #[derive(Debug)]
    struct Hanging(Mutex<Receiver<()>>);

    impl SpanExporter for Hanging {
        async fn export(&self, _batch: Vec<SpanData>) -> OTelSdkResult {
            let _ = self.0.lock().recv();
            Ok(())
        }
    }

    #[test]
    fn a_full_queue_drops_spans_and_counts_them_and_the_others_are_sent_in_the_end() {
        let counted = |outcome| outcomes().get_or_create(&[("outcome", outcome)]).get();
        let (release, hanging) = channel();
        let queue = Queue::before(CountingExporter::new(Hanging(Mutex::new(hanging)), LastFailure::default()));
        let provider = SdkTracerProvider::builder().with_span_processor(queue).build();
        let tracer = provider.tracer("test");
        (0..QUEUE + 100).for_each(|_| tracer.start("span").end());
        assert_eq!((waiting(), counted("dropped"), counted("sent")), (QUEUE, 100, 0));
        drop(release);
        provider.shutdown().expect("all others are sent");
        assert_eq!((waiting(), counted("dropped"), counted("sent")), (0, 100, QUEUE as u64));
    }

    #[tokio::test]
    async fn the_last_failure_is_told_with_its_causes_and_without_the_url() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let url = format!("http://{free}/secret");
        let client = Client::new(&url, Handle::current()).unwrap();
        assert!(client.send_bytes(Request::post(&url).body(Bytes::new()).unwrap()).await.is_err());
        let told = client.last_failure().0.lock().clone().unwrap();
        assert!(told.contains("refused") && !told.contains("secret"), "{told}");
    }
}
