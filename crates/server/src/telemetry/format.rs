//! The format of log lines written without `tracing`: the access log, the audit log, and reports of lost lines. `docs/logs.md`
//! describes it. A line is a list of fields, written as logfmt or as a JSON object, in printable ASCII only.

use crate::config::LogFormat;
use roadstead_model::Timestamp;
use std::cell::RefCell;
use std::fmt::Write;
use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

thread_local! {
    /// The second of the last line, as a number and as text. Most lines have the same second as the previous line.
    static SECOND: RefCell<(u64, String)> = const { RefCell::new((0, String::new())) };
}

/// The length of most lines, at most, in bytes.
const USUAL_LENGTH: usize = 512;

/// The fields of a line, in order. Fields without a value are omitted.
pub(crate) type Fields<'a> = [(&'static str, Option<Value<'a>>)];

#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    Text(&'a str),
    Number(u64),
    Address(IpAddr),
    True,
}

/// A line with these fields and the current time. `target` names the log in filters.
pub(super) fn line(target: &str, fields: &Fields<'_>, format: LogFormat) -> String {
    let mut line = String::with_capacity(USUAL_LENGTH);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    match format {
        LogFormat::Text => push_logfmt(&mut line, now, target, fields),
        LogFormat::Json => push_json(&mut line, now, target, fields),
    }
    line
}

fn push_logfmt(line: &mut String, now: Duration, target: &str, fields: &Fields<'_>) {
    line.push_str("timestamp=");
    push_time(line, now);
    line.push_str(" target=");
    line.push_str(target);
    for (name, value) in fields {
        let Some(value) = value else { continue };
        line.push(' ');
        line.push_str(name);
        line.push('=');
        match value {
            Value::Text(text) if is_bare(text) => line.push_str(text),
            Value::Text(text) => push_quoted(line, text),
            Value::Number(number) => line.push_str(itoa::Buffer::new().format(*number)),
            Value::Address(address) => push_address(line, *address),
            Value::True => line.push_str("true"),
        }
    }
    line.push('\n');
}

fn push_json(line: &mut String, now: Duration, target: &str, fields: &Fields<'_>) {
    line.push_str(r#"{"timestamp":""#);
    push_time(line, now);
    line.push_str(r#"","target":""#);
    line.push_str(target);
    line.push('"');
    for (name, value) in fields {
        let Some(value) = value else { continue };
        line.push_str(",\"");
        line.push_str(name);
        line.push_str("\":");
        match value {
            Value::Text(text) => push_quoted(line, text),
            Value::Number(number) => line.push_str(itoa::Buffer::new().format(*number)),
            Value::Address(address) => {
                line.push('"');
                push_address(line, *address);
                line.push('"');
            }
            Value::True => line.push_str("true"),
        }
    }
    line.push_str("}\n");
}

/// Whether a text needs no quotes in logfmt. Like [`is_plain`], it checks every byte, so that the compiler vectorizes the loop.
fn is_bare(text: &str) -> bool {
    let is_bare = |byte: u8| (b'!'..=b'~').contains(&byte) & (byte != b'"') & (byte != b'\\') & (byte != b'=');
    !text.is_empty() && text.bytes().fold(true, |bare, byte| bare & is_bare(byte))
}

/// Whether a text needs no escapes between quotes.
fn is_plain(text: &str) -> bool {
    text.bytes().fold(true, |plain, byte| plain & (b' '..=b'~').contains(&byte) & (byte != b'"') & (byte != b'\\'))
}

/// Appends a JSON string. All characters but printable ASCII are escaped, so that no text can end a line or control a terminal.
fn push_quoted(line: &mut String, text: &str) {
    line.push('"');
    if is_plain(text) {
        line.push_str(text);
    } else {
        text.encode_utf16().for_each(|unit| push_escaped(line, unit));
    }
    line.push('"');
}

fn push_escaped(line: &mut String, unit: u16) {
    match u8::try_from(unit) {
        Ok(quoted @ (b'"' | b'\\')) => line.extend(['\\', char::from(quoted)]),
        Ok(plain @ b' '..=b'~') => line.push(char::from(plain)),
        _ => _ = write!(line, "\\u{unit:04x}"),
    }
}

fn push_address(line: &mut String, address: IpAddr) {
    let IpAddr::V4(address) = address else {
        let _ = write!(line, "{address}");
        return;
    };
    for (at, octet) in address.octets().into_iter().enumerate() {
        if at > 0 {
            line.push('.');
        }
        line.push_str(itoa::Buffer::new().format(octet));
    }
}

/// Appends a time in RFC 3339, with microseconds.
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
    // The leading 1 preserves leading zeros.
    let micros = 1_000_000 + since_1970.subsec_micros();
    line.push('.');
    line.push_str(&itoa::Buffer::new().format(micros)[1..]);
    line.push('Z');
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_micros(1_764_070_504_000_042);
    const FIELDS: &Fields<'static> = &[
        ("method", Some(Value::Text("GET"))),
        ("path", Some(Value::Text("/v2/a/b=c"))),
        ("status", None),
        ("bytes", Some(Value::Number(u64::MAX))),
        ("client", Some(Value::Address(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7))))),
        ("operation", Some(Value::Text(""))),
        ("user_agent", Some(Value::Text("docker/28.5 (it's \"us\")"))),
        ("held_back", Some(Value::True)),
    ];

    #[test]
    fn in_text_values_are_quoted_only_where_logfmt_needs_it() {
        let mut line = String::new();
        push_logfmt(&mut line, NOW, "roadstead::access", FIELDS);
        let expected = r#"timestamp=2025-11-25T11:35:04.000042Z target=roadstead::access method=GET path="/v2/a/b=c" bytes=18446744073709551615 client=192.0.2.7 operation="" user_agent="docker/28.5 (it's \"us\")" held_back=true"#;
        assert_eq!(line, format!("{expected}\n"));
    }

    #[test]
    fn in_json_every_line_is_an_object() {
        let mut line = String::new();
        push_json(&mut line, NOW, "roadstead::access", FIELDS);
        let expected = r#"{"timestamp":"2025-11-25T11:35:04.000042Z","target":"roadstead::access","method":"GET","path":"/v2/a/b=c","bytes":18446744073709551615,"client":"192.0.2.7","operation":"","user_agent":"docker/28.5 (it's \"us\")","held_back":true}"#;
        assert_eq!(line, format!("{expected}\n"));
        assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok());
    }

    #[test]
    fn no_text_ends_a_line_or_controls_a_terminal() {
        for text in ["a\nb", "\u{1b}[31m", "\u{9b}31m", "\u{85}", "\"é\\", "tab\there", "\u{7f}\u{200b}\u{202e}", "🚢"] {
            let mut line = String::new();
            push_quoted(&mut line, text);
            assert!(!is_bare(text) && line.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{line:?}");
            assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
        }
    }

    #[test]
    fn addresses_of_both_families_are_written_in_their_usual_form() {
        for text in ["127.0.0.1", "2001:db8::1"] {
            let mut line = String::new();
            push_address(&mut line, text.parse().unwrap());
            assert_eq!(line, text);
        }
    }

    #[test]
    fn a_cached_second_is_used_only_for_the_same_second() {
        for seconds in [0, 1, 1, 0, 1_764_070_504] {
            let mut line = String::new();
            push_time(&mut line, Duration::new(seconds, 7_000));
            let expected = Timestamp::from_seconds(seconds as i64).to_rfc3339().replace(".000Z", ".000007Z");
            assert_eq!(line, expected);
        }
    }
}
