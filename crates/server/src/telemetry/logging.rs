//! Starts `tracing`, which writes all logs but the access log and the audit log to stderr.

use super::writer::LogWriter;
use crate::config::{ConfigError, LogFormat, Place, values};
use std::io::{self, IsTerminal};
use tracing_subscriber::EnvFilter;

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

/// Starts logging to stderr.
pub(crate) fn start_logging(filter: EnvFilter, format: LogFormat, on_terminal: bool) -> io::Result<Logs> {
    let writer = LogWriter::to_stderr(format)?;
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer.clone())
        // If the log cannot be written, reporting that on the same stderr would panic and end the server.
        .log_internal_errors(false)
        .with_ansi(on_terminal && io::stderr().is_terminal());
    // In tests, a second start in one process has no effect.
    let _ = match format {
        LogFormat::Json => logs.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init(),
        LogFormat::Text => logs.try_init(),
    };
    std::panic::set_hook(Box::new(log_panic));
    Ok(Logs(writer))
}

/// Logs a panic as an event, on one line.
fn log_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let message = panic.payload_as_str().unwrap_or_default();
    let location = panic.location().map(tracing::field::display);
    tracing::error!(panic = message, location, "panic");
}
