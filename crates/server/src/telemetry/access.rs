//! The access log: one line per request. `docs/logs.md` describes its fields.
//!
//! It bypasses `tracing`, whose formatter would be a third of the cost of a hot request, but obeys its filters.

use super::format::Value;
use super::kind::Kind;
use super::writer::LogWriter;
use std::net::IpAddr;
use std::time::Duration;

/// The target of the access log, for filters.
const TARGET: &str = "roadstead::access";

/// The fields of a line. Text chosen by the client must already be truncated to a bounded length.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'a> {
    pub(crate) method: &'a str,
    /// The path without the query, because the query of a presigned request contains secrets.
    pub(crate) path: &'a str,
    /// `None` if the client disconnected before the answer.
    pub(crate) status: Option<u16>,
    pub(crate) duration: Duration,
    /// The number of bytes of the body sent.
    pub(crate) bytes: u64,
    pub(crate) client: IpAddr,
    pub(crate) request_id: &'a str,
    /// The account of an authenticated caller.
    pub(crate) account: Option<&'a str>,
    /// The user of that account, or `None` for its root.
    pub(crate) user: Option<&'a str>,
    /// `X-Amz-Target`.
    pub(crate) operation: Option<&'a str>,
    pub(crate) user_agent: Option<&'a str>,
    /// The trace that the request is part of.
    pub(crate) trace_id: Option<&'a str>,
}

/// Whether the filters enable the access log.
pub(crate) fn is_on() -> bool {
    tracing::enabled!(target: TARGET, tracing::Level::INFO)
}

pub(crate) fn write(entry: &Entry<'_>) {
    let Some(log) = LogWriter::stderr() else { return };
    let fields = [
        ("method", Some(Value::Text(entry.method))),
        ("path", Some(Value::Text(entry.path))),
        ("status", entry.status.map(|status| Value::Number(status.into()))),
        ("duration_us", Some(Value::Number(u64::try_from(entry.duration.as_micros()).unwrap_or(u64::MAX)))),
        ("bytes", Some(Value::Number(entry.bytes))),
        ("client", Some(Value::Address(entry.client))),
        ("request_id", Some(Value::Text(entry.request_id))),
        ("account", entry.account.map(Value::Text)),
        ("user", entry.user.map(Value::Text)),
        ("operation", entry.operation.map(Value::Text)),
        ("user_agent", entry.user_agent.map(Value::Text)),
        ("trace_id", entry.trace_id.map(Value::Text)),
    ];
    log.write(Kind::Access, TARGET, &fields);
}
