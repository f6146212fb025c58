//! A line of the log, as `tracing` would write it, for those that are composed here: the access log, whose lines are as many
//! as the requests, the audit log, which may go to a file of its own, and what a queue has to say of itself.

use crate::config::LogFormat;
use roadstead_model::Timestamp;
use std::cell::RefCell;
use std::fmt::Write;
use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

thread_local! {
    /// The second of the last line, since 1970 and as text: its successors are mostly of the same second.
    static SECOND: RefCell<(u64, String)> = const { RefCell::new((0, String::new())) };
}

/// Room for a usual line.
pub(super) const USUAL_LENGTH: usize = 512;

/// What a line says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Event<'a> {
    pub(super) level: Level,
    pub(super) target: &'static str,
    pub(super) message: &'a str,
    /// Those without a value are left out.
    pub(super) fields: &'a [(&'static str, Option<Value<'a>>)],
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Level {
    Info,
    Warn,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    Text(&'a str),
    Number(u64),
    Address(IpAddr),
    True,
}

/// The time since 1970.
pub(super) fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

impl Event<'_> {
    /// Adds the line of an event that happens at `now`.
    pub(super) fn compose(&self, line: &mut String, now: Duration, format: LogFormat) {
        match format {
            LogFormat::Text => self.text(line, now),
            LogFormat::Json => self.json(line, now),
        }
    }

    /// As `tracing_subscriber::fmt` would write it.
    fn text(&self, line: &mut String, now: Duration) {
        push_time(line, now);
        line.push(' ');
        line.push_str(match self.level {
            Level::Info => " INFO ",
            Level::Warn => " WARN ",
        });
        line.push_str(self.target);
        line.push_str(": ");
        line.push_str(self.message);
        for (name, value) in self.fields {
            let Some(value) = value else { continue };
            line.push(' ');
            line.push_str(name);
            line.push('=');
            push_value(line, *value, LogFormat::Text);
        }
        line.push('\n');
    }

    /// As `tracing_subscriber::fmt::json` would write it.
    fn json(&self, line: &mut String, now: Duration) {
        line.push_str(r#"{"timestamp":""#);
        push_time(line, now);
        line.push_str(match self.level {
            Level::Info => r#"","level":"INFO","message":""#,
            Level::Warn => r#"","level":"WARN","message":""#,
        });
        line.push_str(self.message);
        line.push('"');
        for (name, value) in self.fields {
            let Some(value) = value else { continue };
            line.push_str(",\"");
            line.push_str(name);
            line.push_str("\":");
            push_value(line, *value, LogFormat::Json);
        }
        line.push_str(",\"target\":\"");
        line.push_str(self.target);
        line.push_str("\"}\n");
    }
}

/// Whether text needs no escapes between quotes. It looks at every byte, which the compiler turns into a few wide instructions.
fn is_plain(text: &str) -> bool {
    text.bytes().fold(true, |plain, byte| plain & (b' '..=b'~').contains(&byte) & (byte != b'"') & (byte != b'\\'))
}

fn push_value(line: &mut String, value: Value<'_>, format: LogFormat) {
    match (value, format) {
        (Value::True, _) => line.push_str("true"),
        (Value::Number(number), _) => line.push_str(itoa::Buffer::new().format(number)),
        (Value::Text(text), _) if is_plain(text) => {
            line.push('"');
            line.push_str(text);
            line.push('"');
        }
        // Writing to a string never fails.
        (Value::Text(text), LogFormat::Text) => _ = write!(line, "{text:?}"),
        (Value::Text(text), LogFormat::Json) => push_json(line, text),
        (Value::Address(address), LogFormat::Text) => push_address(line, address),
        (Value::Address(address), LogFormat::Json) => {
            line.push('"');
            push_address(line, address);
            line.push('"');
        }
    }
}

/// As JSON, in which whatever a terminal could take for a command is an escape. JSON itself lets U+0080 to U+009F be.
fn push_json(line: &mut String, text: &str) {
    for character in serde_json::to_string(text).unwrap_or_default().chars() {
        if ('\u{80}'..='\u{9f}').contains(&character) {
            // Writing to a string never fails.
            let _ = write!(line, "\\u{:04x}", u32::from(character));
        } else {
            line.push(character);
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

    #[test]
    fn no_text_ends_a_line_or_commands_a_terminal() {
        for format in [LogFormat::Text, LogFormat::Json] {
            for text in ["a\nb", "\u{1b}[31m", "\u{9b}31m", "\u{85}", "\"é\\"] {
                let mut line = String::new();
                push_value(&mut line, Value::Text(text), format);
                assert!(!line.contains(char::is_control), "{line:?}");
                if format == LogFormat::Json {
                    assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
                }
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
