//! The access log: one line for each request. `docs/logs.md` describes its fields.
//!
//! It does not go through `tracing`, whose formatter would be a third of all that a hot request costs, but obeys its filters.

use super::format::Value;
use super::kind::Kind;
use super::writer::LogWriter;
use std::net::IpAddr;
use std::time::Duration;

/// The name by which filters know the access log.
const TARGET: &str = "roadstead::access";

/// The fields of a line. Text that the client chose has to be cut to a bounded length before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'a> {
    pub(crate) method: &'a str,
    /// Without the query, because presigned requests carry secrets there.
    pub(crate) path: &'a str,
    /// None when the client left before it was answered.
    pub(crate) status: Option<u16>,
    pub(crate) duration: Duration,
    /// Bytes of the answer's body that were sent.
    pub(crate) bytes: u64,
    pub(crate) client: IpAddr,
    pub(crate) request_id: &'a str,
    /// The account of an authenticated caller.
    pub(crate) account: Option<&'a str>,
    /// The user of that account; none for its root.
    pub(crate) user: Option<&'a str>,
    /// `X-Amz-Target`.
    pub(crate) operation: Option<&'a str>,
    pub(crate) user_agent: Option<&'a str>,
}

/// Whether the filters want the access log.
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
    ];
    log.write(Kind::Access, TARGET, &fields);
}
