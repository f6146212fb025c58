//! Traces: the spans of requests, sent to a collector by OTLP (protobuf over HTTP).
//!
//! A request is traced if its client says so (`traceparent`, W3C Trace Context), or by chance if the client says nothing. All other
//! requests have no span, and nothing within them has one. A queue of bounded length decouples requests from the collector: what does not
//! fit is dropped and counted.

mod export;
mod filter;

use super::access::Entry;
use crate::config::TracesConfig;
use crate::http::OperationClass;
use export::{Client, CountingExporter, Queue};
use http::HeaderMap;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{SpanContext, Status, TraceContextExt, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{Protocol, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use roadstead_registry::SPANS;
use std::time::Duration;
use tokio::runtime::Handle;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::registry::Registry;
use uuid::Uuid;

pub(super) use export::{outcomes, waiting};
pub(super) use filter::without_spans;

/// How long the last spans may take to be sent when the server stops.
const LAST: Duration = Duration::from_secs(3);
/// How long sending a batch may take, with all attempts.
const PATIENCE: Duration = Duration::from_secs(5);
/// The name of the span of a request, until its operation is known.
const REQUEST: &str = "request";

/// Sends spans until it is dropped, and then the last ones.
pub(crate) struct Traces(SdkTracerProvider);

impl Traces {
    /// Begins to send spans, unless the configuration names no collector. Requests are sent on `runtime`.
    pub(crate) fn start(config: &TracesConfig, runtime: Handle) -> Result<Option<Self>, String> {
        let Some(endpoint) = &config.endpoint else { return Ok(None) };
        let client = Client::new(endpoint, runtime)?;
        let last_failure = client.last_failure();
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{endpoint}/v1/traces"))
            .with_timeout(PATIENCE)
            .build()
            .map_err(|error| error.to_string())?;
        let service = Resource::builder_empty()
            .with_service_name(config.service.clone())
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .with_attribute(KeyValue::new("service.instance.id", Uuid::new_v4().to_string()));
        let provider = SdkTracerProvider::builder()
            .with_resource(service.build())
            // What is not to be traced has no span in the first place.
            .with_sampler(Sampler::AlwaysOn)
            .with_span_processor(Queue::before(CountingExporter::new(exporter, last_failure)))
            .build();
        Ok(Some(Self(provider)))
    }

    /// Makes spans of those of `tracing`.
    pub(super) fn layer(&self) -> impl Layer<Registry> + Send + Sync + use<> {
        let layer = tracing_opentelemetry::layer().with_tracer(self.0.tracer("roadstead"));
        let layer = layer.with_location(false).with_threads(false).with_target(false).with_tracked_inactivity(false);
        layer.with_filter(filter::spans_of_requests())
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown_with_timeout(LAST) {
            tracing::warn!(%error, "the last spans could not be sent");
        }
    }
}

/// The span of a request that is traced.
#[derive(Debug)]
pub(crate) struct RequestSpan {
    span: Span,
    trace_id: String,
}

impl RequestSpan {
    /// The span of a request that begins, if it is to be traced.
    pub(crate) fn begin(config: &TracesConfig, headers: &HeaderMap) -> Option<Box<Self>> {
        config.endpoint.as_ref()?;
        let parent = parent(headers);
        let is_traced = parent.as_ref().map_or_else(|| is_drawn(config.ratio), SpanContext::is_sampled);
        if !is_traced {
            return None;
        }
        let span = tracing::trace_span!(target: SPANS, parent: None, REQUEST, otel.kind = "server");
        if let Some(parent) = parent {
            // Fails only once the span has begun.
            let _ = span.set_parent(Context::new().with_remote_span_context(parent));
        }
        let trace_id = span.context().span().span_context().trace_id().to_string();
        Some(Box::new(Self { span, trace_id }))
    }

    pub(crate) fn trace_id(&self) -> &str {
        &self.trace_id
    }

    pub(crate) fn span(&self) -> Span {
        self.span.clone()
    }

    /// Describes the span, before it ends.
    pub(crate) fn describe(&self, class: OperationClass, entry: &Entry<'_>) {
        let context = self.span.context();
        let span = context.span();
        span.update_name(format!("{} {}", class.door(), class.name()));
        span.set_attributes([
            KeyValue::new("roadstead.door", class.door()),
            KeyValue::new("roadstead.operation", class.name()),
            KeyValue::new("roadstead.request_id", entry.request_id.to_owned()),
            KeyValue::new("http.request.method", entry.method.to_owned()),
            KeyValue::new("url.path", entry.path.to_owned()),
            KeyValue::new("client.address", entry.client.to_string()),
            KeyValue::new("http.response.body.size", i64::try_from(entry.bytes).unwrap_or(i64::MAX)),
        ]);
        let texts = [("user_agent.original", entry.user_agent), ("roadstead.account", entry.account), ("roadstead.user", entry.user)];
        span.set_attributes(texts.into_iter().filter_map(|(name, text)| Some(KeyValue::new(name, text?.to_owned()))));
        if let Some(status) = entry.status {
            span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status)));
        }
        if is_failure(entry.status) {
            span.set_status(Status::error(""));
        }
    }
}

/// Whether the span of a request is an error: of a server's spans, only its own failures are (semantic conventions of HTTP spans).
/// Without a status, the client disconnected before the answer.
fn is_failure(status: Option<u16>) -> bool {
    status.is_some_and(|status| status >= 500)
}

/// What a request says of the trace that it is part of.
fn parent(headers: &HeaderMap) -> Option<SpanContext> {
    let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &Traceparent(headers));
    let parent = context.span().span_context().clone();
    parent.is_valid().then_some(parent)
}

/// Shows only `traceparent`: `tracestate` may be long, and a span would hold it.
struct Traceparent<'a>(&'a HeaderMap);

impl Extractor for Traceparent<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).filter(|_| key == "traceparent")?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent"]
    }
}

/// Decides by chance.
fn is_drawn(ratio: f64) -> bool {
    // The last bits of such an id are random.
    let random = Uuid::new_v4().as_u128() as u32;
    f64::from(random) < ratio * (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn of(traceparent: &'static str) -> Option<(String, bool)> {
        let headers = HeaderMap::from_iter([
            ("traceparent".parse().unwrap(), HeaderValue::from_static(traceparent)),
            ("tracestate".parse().unwrap(), HeaderValue::from_static("vendor=value")),
        ]);
        parent(&headers).map(|parent| {
            assert_eq!(parent.trace_state().header(), "", "a client must not make the server hold its state");
            (parent.trace_id().to_string(), parent.is_sampled())
        })
    }

    #[test]
    fn a_trace_is_continued_as_its_client_says_and_nonsense_is_ignored() {
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(of("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), Some((id.to_owned(), true)));
        assert_eq!(of("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"), Some((id.to_owned(), false)));
        for nonsense in [
            "",
            "01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-zz",
        ] {
            assert_eq!(of(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn only_a_failure_of_the_server_is_an_error_and_not_that_its_client_left() {
        assert!([500, 503].into_iter().all(|status| is_failure(Some(status))));
        assert!([None, Some(200), Some(404), Some(499)].into_iter().all(|status| !is_failure(status)));
    }

    #[test]
    fn all_or_none_are_drawn_at_the_ends_of_the_scale() {
        assert!((0..1_000).all(|_| is_drawn(1.0) && !is_drawn(0.0)));
    }
}
