//! How the lines of the audit log are written: like all others, or to a file of their own.

use super::event::{self, Event, Level};
use super::lines::{self, Kind, Lines};
use crate::config::LogFormat;
use std::io::{self, Write};
use std::path::Path;

pub(crate) use super::event::Value;

/// The name that filters know the audit log by.
const TARGET: &str = "roadstead::audit";

/// The members of a line, in their order. Those without a value are left out.
pub(crate) type Fields<'a> = [(&'static str, Option<Value<'a>>)];

/// Whether the filters want the audit log among the other lines.
pub(crate) fn is_on() -> bool {
    tracing::enabled!(target: TARGET, tracing::Level::INFO)
}

/// Writes a line to the file, or to where all lines go. That never waits.
pub(crate) fn write(file: Option<&Lines>, message: &str, fields: &Fields<'_>) {
    let log = Lines::of_log();
    let Some(lines) = file.or(log) else { return };
    lines.put(Kind::Audit, compose(message, fields, lines.format()).as_bytes());
}

/// The file of the audit log, for a process that adds a line and ends.
pub(crate) struct Appended(std::fs::File, LogFormat);

impl Appended {
    /// Opens the file, which a server may have open as well.
    pub(crate) fn open(path: &Path, format: LogFormat) -> io::Result<Self> {
        lines::open(path).map(|file| Self(file, format))
    }

    /// Adds a line in one call of the system, so that it stays whole beside those of others.
    pub(crate) fn write(&mut self, message: &str, fields: &Fields<'_>) -> io::Result<()> {
        self.0.write_all(compose(message, fields, self.1).as_bytes())
    }
}

fn compose(message: &str, fields: &Fields<'_>, format: LogFormat) -> String {
    let mut line = String::with_capacity(event::USUAL_LENGTH);
    Event { level: Level::Info, target: TARGET, message, fields }.compose(&mut line, event::now(), format);
    line
}
