//! Writes lines of the audit log, to stderr or to a file.

use super::format;
use super::kind::Kind;
use super::sink;
use super::writer::LogWriter;
use crate::config::LogFormat;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

pub(crate) use super::format::{Fields, Value};

/// The target of the audit log, for filters.
const TARGET: &str = "roadstead::audit";
/// The level of every line.
pub(crate) const LEVEL: (&str, Option<Value<'_>>) = ("level", Some(Value::Text("INFO")));

/// Whether the filters enable the audit log on stderr.
pub(crate) fn is_on() -> bool {
    tracing::enabled!(target: TARGET, tracing::Level::INFO)
}

/// Queues a line for the file, or for stderr if there is no file.
pub(crate) fn write(file: Option<&LogWriter>, fields: &Fields<'_>) {
    if let Some(log) = file.or(LogWriter::stderr()) {
        log.write(Kind::Audit, TARGET, fields);
    }
}

/// The file of the audit log, for a command, which appends one line.
pub(crate) struct AuditFile(File, LogFormat);

impl AuditFile {
    /// Opens the file, which a server may also have open.
    pub(crate) fn open(path: &Path, format: LogFormat) -> io::Result<Self> {
        sink::open(path).map(|file| Self(file, format))
    }

    /// Appends a line in one system call, so that lines of several processes do not mix.
    pub(crate) fn append(&mut self, fields: &Fields<'_>) -> io::Result<()> {
        self.0.write_all(format::line(TARGET, fields, self.1).as_bytes())
    }
}
