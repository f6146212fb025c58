//! Which spans are exported: those of requests that are traced, and what is within them.

use super::REQUEST;
use roadstead_registry::SPANS;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::filter::{FilterExt, FilterFn, dynamic_filter_fn, filter_fn};
use tracing_subscriber::layer::{Context, Filter};
use tracing_subscriber::registry::LookupSpan;

/// Lets the spans of requests pass, and what is within one of them.
pub(super) fn spans_of_requests<S>() -> impl Filter<S> + Send + Sync
where
    S: Subscriber + for<'a> LookupSpan<'a> + 'static,
{
    dynamic_filter_fn(|metadata: &Metadata<'_>, context: &Context<'_, S>| {
        is_ours(metadata) && (metadata.name() == REQUEST || context.lookup_current().is_some())
    })
    .with_callsite_filter(|metadata| if is_ours(metadata) { Interest::sometimes() } else { Interest::never() })
    .with_max_level_hint(LevelFilter::TRACE)
}

/// Adds to the filter of logs that they do not show the spans of traces.
pub(in crate::telemetry) fn without_spans<S: 'static>(filter: impl Filter<S>) -> impl Filter<S> {
    let others: FilterFn = filter_fn(|metadata| !is_ours(metadata));
    filter.and(others)
}

fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.target() == SPANS
}
