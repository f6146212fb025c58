//! The access log: one line for each request.
//!
//! Its lines look like all others, which `tracing` writes, and its filters hold for them. But they are composed here: the
//! general way would be a third of all that a hot answer costs.

use super::lines::Lines;
use crate::config::LogFormat;
use roadstead_model::Timestamp;
use std::cell::RefCell;
use std::fmt::Write;
use std::net::IpAddr;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The name that filters know the access log by.
pub(super) const TARGET: &str = "roadstead::access";
/// Room for a usual line.
const USUAL_LENGTH: usize = 512;

/// Where the lines go, and whether as JSON. One for the process, as the subscriber of `tracing` is.
static LOG: OnceLock<(Lines, LogFormat)> = OnceLock::new();

thread_local! {
    /// The second of the last line, since 1970 and as text: its successors are mostly of the same second.
    static SECOND: RefCell<(u64, String)> = const { RefCell::new((0, String::new())) };
}

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
    /// `X-Amz-Target`.
    pub(crate) operation: Option<&'a str>,
    pub(crate) user_agent: Option<&'a str>,
}

/// Starts the access log. A second attempt in one process changes nothing.
pub(super) fn start(lines: Lines, format: LogFormat) {
    let _ = LOG.set((lines, format));
}

/// Whether the filters want the access log.
pub(crate) fn is_on() -> bool {
    tracing::enabled!(target: TARGET, tracing::Level::INFO)
}

/// Writes a line.
pub(crate) fn write(entry: &Entry<'_>) {
    let Some((lines, format)) = LOG.get() else { return };
    let mut line = String::with_capacity(USUAL_LENGTH);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    match format {
        LogFormat::Text => text(&mut line, now, entry),
        LogFormat::Json => json(&mut line, now, entry),
    }
    lines.gather(line.as_bytes());
}

/// A line as `tracing_subscriber::fmt` would write it.
fn text(line: &mut String, now: Duration, entry: &Entry<'_>) {
    push_time(line, now);
    line.push_str("  INFO ");
    line.push_str(TARGET);
    line.push_str(": ");
    line.push_str(message(entry));
    for (name, value) in fields(entry) {
        let Some(value) = value else { continue };
        line.push(' ');
        line.push_str(name);
        line.push('=');
        push_value(line, value, LogFormat::Text);
    }
    line.push('\n');
}

/// A line as `tracing_subscriber::fmt::json` would write it.
fn json(line: &mut String, now: Duration, entry: &Entry<'_>) {
    line.push_str(r#"{"timestamp":""#);
    push_time(line, now);
    line.push_str(r#"","level":"INFO","message":""#);
    line.push_str(message(entry));
    line.push('"');
    for (name, value) in fields(entry) {
        let Some(value) = value else { continue };
        line.push_str(",\"");
        line.push_str(name);
        line.push_str("\":");
        push_value(line, value, LogFormat::Json);
    }
    line.push_str(",\"target\":\"");
    line.push_str(TARGET);
    line.push_str("\"}\n");
}

#[derive(Debug, Clone, Copy)]
enum Value<'a> {
    Text(&'a str),
    Number(u64),
    Address(IpAddr),
}

fn message(entry: &Entry<'_>) -> &'static str {
    if entry.status.is_some() { "request" } else { "request abandoned" }
}

fn fields<'a>(entry: &Entry<'a>) -> [(&'static str, Option<Value<'a>>); 9] {
    let duration = u64::try_from(entry.duration.as_micros()).unwrap_or(u64::MAX);
    [
        ("method", Some(Value::Text(entry.method))),
        ("path", Some(Value::Text(entry.path))),
        ("status", entry.status.map(|status| Value::Number(status.into()))),
        ("duration_us", Some(Value::Number(duration))),
        ("bytes", Some(Value::Number(entry.bytes))),
        ("client", Some(Value::Address(entry.client))),
        ("request_id", Some(Value::Text(entry.request_id))),
        ("operation", entry.operation.map(Value::Text)),
        ("user_agent", entry.user_agent.map(Value::Text)),
    ]
}

/// Whether text needs no escapes between quotes.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\')
}

fn push_value(line: &mut String, value: Value<'_>, format: LogFormat) {
    match (value, format) {
        (Value::Number(number), _) => line.push_str(itoa::Buffer::new().format(number)),
        (Value::Text(text), _) if is_plain(text) => {
            line.push('"');
            line.push_str(text);
            line.push('"');
        }
        // Writing to a string never fails.
        (Value::Text(text), LogFormat::Text) => _ = write!(line, "{text:?}"),
        (Value::Text(text), LogFormat::Json) => line.push_str(&serde_json::to_string(text).unwrap_or_default()),
        (Value::Address(address), LogFormat::Text) => push_address(line, address),
        (Value::Address(address), LogFormat::Json) => {
            line.push('"');
            push_address(line, address);
            line.push('"');
        }
    }
}

fn push_address(line: &mut String, address: IpAddr) {
    let octets = match address {
        IpAddr::V4(address) => address.octets(),
        IpAddr::V6(_) => {
            // Writing to a string never fails.
            let _ = write!(line, "{address}");
            return;
        }
    };
    for (at, octet) in octets.into_iter().enumerate() {
        if at > 0 {
            line.push('.');
        }
        line.push_str(itoa::Buffer::new().format(octet));
    }
}

/// RFC 3339 with microseconds.
fn push_time(line: &mut String, since_1970: Duration) {
    let seconds = since_1970.as_secs();
    SECOND.with_borrow_mut(|(last, text)| {
        if *last != seconds || text.is_empty() {
            *last = seconds;
            *text = Timestamp::from_seconds(i64::try_from(seconds).unwrap_or(0)).to_rfc3339();
            text.truncate("2026-01-01T00:00:00".len());
        }
        line.push_str(text);
    });
    // The leading one keeps the zeros behind it.
    let micros = 1_000_000 + since_1970.subsec_micros();
    line.push('.');
    line.push_str(&itoa::Buffer::new().format(micros)[1..]);
    line.push('Z');
}

#[cfg(test)]
mod tests {
    use super::*;
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
            operation: None,
            user_agent: Some("curl/8.0 (it's)"),
        };
        let escaped =
            Entry { path: "/\"quoted\\\"/\u{1b}[31m/grüße\u{7f}\u{200b}\n", operation: Some(""), user_agent: Some("tab\there"), ..plain };
        let abandoned = Entry { status: None, client: "2001:db8::1".parse().unwrap(), user_agent: None, bytes: 0, ..plain };
        for entry in [plain, escaped, abandoned] {
            for (format, compose) in [(LogFormat::Text, text as fn(&mut String, Duration, &Entry<'_>)), (LogFormat::Json, json)] {
                let mut line = String::new();
                compose(&mut line, Duration::from_micros(1_764_070_504_000_042), &entry);
                let (time, rest) = ("2025-11-25T11:35:04.000042Z", general(&entry, format));
                let from = rest.find("20").expect("a time");
                assert_eq!(line, format!("{}{time}{}", &rest[..from], &rest[from + time.len()..]));
            }
        }
    }

    #[test]
    fn the_second_of_a_line_is_its_own() {
        for seconds in [0, 1, 1, 0, 1_764_070_504] {
            let mut line = String::new();
            push_time(&mut line, Duration::new(seconds, 7_000));
            let expected = Timestamp::from_seconds(seconds as i64).to_rfc3339().replace(".000Z", ".000007Z");
            assert_eq!(line, expected);
        }
    }
}
