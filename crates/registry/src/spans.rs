//! The spans of traces: what a request waits for. A server exports them if it is told to; otherwise no span is ever made.

/// The target of the spans. Their level is `TRACE`, so that a span that nobody exports costs one comparison.
pub const SPANS: &str = "roadstead::spans";

/// A part of the request for which the code runs, as a span of its trace.
#[macro_export]
macro_rules! span {
    ($name:literal) => {
        tracing::trace_span!(target: $crate::SPANS, $name)
    };
}
