//! Starts `tracing`, which writes all logs but the access log and the audit log to stderr.

use super::traces::{Traces, without_spans};
use super::writer::LogWriter;
use crate::config::{ConfigError, LogFormat, Place, values};
use std::io::{self, IsTerminal};
use tracing::Subscriber;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

/// The variable that names a filter for any Rust program.
const OF_RUST_PROGRAMS: &str = "RUST_LOG";

/// Flushes the log when dropped, for at most a second.
#[derive(Debug)]
pub(crate) struct Logs(LogWriter);

impl Drop for Logs {
    fn drop(&mut self) {
        self.0.flush();
    }
}

/// The filter that is configured, or that of other Rust programs in the environment, or `info`. On a terminal the access log and the
/// audit log are off by default.
pub(crate) fn log_filter(configured: Option<&str>, on_terminal: bool) -> Result<EnvFilter, ConfigError> {
    if let Some(filter) = configured {
        return Ok(EnvFilter::new(filter));
    }
    let Ok(text) = std::env::var(OF_RUST_PROGRAMS) else {
        return Ok(EnvFilter::new(if on_terminal { "info,roadstead::access=off,roadstead::audit=off" } else { "info" }));
    };
    let refuse = |reason| ConfigError { place: Place::Variable(OF_RUST_PROGRAMS.to_owned()), reason };
    values::log_filter(&text).map(EnvFilter::new).map_err(refuse)
}

/// Starts logging to stderr, and making the spans of `traces`.
pub(crate) fn start_logging(filter: EnvFilter, format: LogFormat, on_terminal: bool, traces: Option<&Traces>) -> io::Result<Logs> {
    let writer = LogWriter::to_stderr(format)?;
    let is_colourful = on_terminal && io::stderr().is_terminal();
    // In tests, a second start in one process has no effect.
    let _ = match traces {
        None => tracing_subscriber::registry().with(filter).with(lines(writer.clone(), format, is_colourful)).try_init(),
        Some(traces) => {
            let lines = lines(writer.clone(), format, is_colourful).with_filter(without_spans(filter));
            tracing_subscriber::registry().with(traces.layer()).with(lines).try_init()
        }
    };
    std::panic::set_hook(Box::new(log_panic));
    Ok(Logs(writer))
}

/// Writes events as lines.
fn lines<S>(writer: LogWriter, format: LogFormat, is_colourful: bool) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    // If the log cannot be written, reporting that on the same stderr would panic and end the server.
    let lines = tracing_subscriber::fmt::layer().with_writer(writer).log_internal_errors(false).with_ansi(is_colourful);
    match format {
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed(),
        LogFormat::Text => lines.boxed(),
    }
}

/// Logs a panic as an event, on one line.
fn log_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let message = panic.payload_as_str().unwrap_or_default();
    let location = panic.location().map(tracing::field::display);
    tracing::error!(panic = message, location, "panic");
}
