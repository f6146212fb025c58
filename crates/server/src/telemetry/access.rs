//! The access log: one line for each request.
//!
//! Its lines look like all others, which `tracing` writes, and its filters hold for them. But they are composed here: the
//! general way would be a third of all that a hot answer costs.

use super::event::{Event, Level, USUAL_LENGTH, Value, now};
use super::lines::{Kind, Lines};
use std::net::IpAddr;
use std::time::Duration;

/// The name that filters know the access log by.
const TARGET: &str = "roadstead::access";

/// What a line says. Text of the client's is to be cut to a bounded length before.
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
    /// The account of whoever has proved to be somebody.
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

/// Writes a line.
pub(crate) fn write(entry: &Entry<'_>) {
    let Some(lines) = Lines::of_log() else { return };
    let mut line = String::with_capacity(USUAL_LENGTH);
    event(entry, |event| event.compose(&mut line, now(), lines.format()));
    lines.put(Kind::Access, line.as_bytes());
}

fn message(entry: &Entry<'_>) -> &'static str {
    if entry.status.is_some() { "request" } else { "request abandoned" }
}

fn event(entry: &Entry<'_>, use_it: impl FnOnce(Event<'_>)) {
    let duration = u64::try_from(entry.duration.as_micros()).unwrap_or(u64::MAX);
    let fields = [
        ("method", Some(Value::Text(entry.method))),
        ("path", Some(Value::Text(entry.path))),
        ("status", entry.status.map(|status| Value::Number(status.into()))),
        ("duration_us", Some(Value::Number(duration))),
        ("bytes", Some(Value::Number(entry.bytes))),
        ("client", Some(Value::Address(entry.client))),
        ("request_id", Some(Value::Text(entry.request_id))),
        ("account", entry.account.map(Value::Text)),
        ("user", entry.user.map(Value::Text)),
        ("operation", entry.operation.map(Value::Text)),
        ("user_agent", entry.user_agent.map(Value::Text)),
    ];
    use_it(Event { level: Level::Info, target: TARGET, message: message(entry), fields: &fields });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::LogFormat;
    use std::io;
    use std::sync::{Arc, Mutex};
    use tracing_subscriber::fmt::MakeWriter;

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Captured {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    /// The line that `tracing` writes of this.
    fn general(entry: &Entry<'_>, format: LogFormat) -> String {
        let captured = Captured::default();
        let logs = tracing_subscriber::fmt().with_writer(captured.clone()).with_ansi(false);
        let event = || {
            tracing::info!(
                target: TARGET,
                method = entry.method,
                path = entry.path,
                status = entry.status,
                duration_us = entry.duration.as_micros() as u64,
                bytes = entry.bytes,
                client = %entry.client,
                request_id = entry.request_id,
                account = entry.account,
                user = entry.user,
                operation = entry.operation,
                user_agent = entry.user_agent,
                "{}", message(entry)
            );
        };
        match format {
            LogFormat::Text => tracing::subscriber::with_default(logs.finish(), event),
            LogFormat::Json => {
                tracing::subscriber::with_default(
                    logs.json().flatten_event(true).with_current_span(false).with_span_list(false).finish(),
                    event,
                );
            }
        }
        let bytes = captured.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn lines_are_those_that_tracing_would_write() {
        let plain = Entry {
            method: "GET",
            path: "/v2/a/b/manifests/latest",
            status: Some(200),
            duration: Duration::from_micros(1234),
            bytes: u64::MAX,
            client: IpAddr::from([127, 0, 0, 1]),
            request_id: "e11b9a0c-2181-47ed-808c-1415fa64c0c2",
            account: Some("000000000000"),
            user: Some("ci"),
            operation: None,
            user_agent: Some("curl/8.0 (it's)"),
        };
        let escaped =
            Entry { path: "/\"quoted\\\"/\u{1b}[31m/grüße\u{7f}\u{200b}\n", operation: Some(""), user_agent: Some("tab\there"), ..plain };
        let abandoned =
            Entry { status: None, client: "2001:db8::1".parse().unwrap(), user_agent: None, account: None, user: None, bytes: 0, ..plain };
        for entry in [plain, escaped, abandoned] {
            for format in [LogFormat::Text, LogFormat::Json] {
                let mut line = String::new();
                event(&entry, |event| event.compose(&mut line, Duration::from_micros(1_764_070_504_000_042), format));
                let (time, rest) = ("2025-11-25T11:35:04.000042Z", general(&entry, format));
                let from = rest.find("20").expect("a time");
                assert_eq!(line, format!("{}{time}{}", &rest[..from], &rest[from + time.len()..]));
            }
        }
    }
}
