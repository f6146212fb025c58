//! Logs, metrics and traces.

pub(crate) mod access;
pub(crate) mod audit;
mod format;
mod kind;
mod logging;
mod metrics;
mod process;
mod requests;
mod sink;
mod storage;
mod traces;
mod writer;

pub(crate) use logging::{Logs, log_filter, start_logging};
pub(crate) use metrics::Telemetry;
pub(crate) use traces::{RequestSpan, Traces};
pub(crate) use writer::LogWriter;
