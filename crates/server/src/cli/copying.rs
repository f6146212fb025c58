//! What commands have in common that copy an installation.

use super::output::Record;
use roadstead_registry::{BlobsPlace, Copied, DatabasePlace, Error, OpenOptions, Progress};
use serde::Serialize;
use std::io::Write;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How often progress is shown.
const SHOWN: Duration = Duration::from_secs(2);
/// The bytes that uploads to a bucket may hold.
const MEMORY: u64 = 128 * 1024 * 1024;
/// The connections to a database.
const CONNECTIONS: u32 = 4;

/// What a command that copies many blobs may use.
pub(super) fn with_resources(mut options: OpenOptions) -> OpenOptions {
    if let DatabasePlace::Postgres(database) = &mut options.database {
        database.connections = CONNECTIONS;
    }
    if let BlobsPlace::S3(bucket) = &mut options.blobs {
        bucket.memory = MEMORY;
    }
    options
}

/// The rows of a table.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rows {
    table: &'static str,
    rows: u64,
}

impl Rows {
    /// All rows of a table that was copied.
    pub(super) fn of(Copied { table, of, .. }: Copied) -> Self {
        Self { table, rows: of }
    }
}

impl Record for Rows {
    const HEADINGS: &'static [&'static str] = &["TABLE", "ROWS"];

    fn cells(&self) -> Vec<String> {
        vec![self.table.to_owned(), self.rows.to_string()]
    }
}

/// Shows progress on stderr from time to time.
pub(super) struct Shown {
    last: Mutex<Instant>,
    on_damage: OnDamage,
}

/// What to do if something is damaged in the source.
pub(super) enum OnDamage {
    GoOn,
    /// Ends the command, with this advice.
    End(&'static str),
}

impl Shown {
    pub(super) fn new(on_damage: OnDamage) -> Self {
        Self { last: Mutex::new(Instant::now()), on_damage }
    }

    fn at_times(&self, text: impl FnOnce() -> String) {
        let mut last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if last.elapsed() >= SHOWN {
            *last = Instant::now();
            show(&text());
        }
    }
}

impl Progress for Shown {
    fn copied(&self, Copied { table, rows, of }: &Copied, blob_bytes: u64) {
        self.at_times(|| match blob_bytes {
            0 => format!("{table}: {rows} of {of} rows"),
            _ => format!("{table}: {rows} of {of} rows, {blob_bytes} bytes"),
        });
    }

    fn compared(&self, table: &'static str, rows: u64) {
        self.at_times(|| format!("{table}: comparing row {rows}"));
    }

    fn damaged(&self, what: &Error) -> bool {
        match self.on_damage {
            OnDamage::GoOn => {
                show(&format!("damaged: {what}"));
                true
            }
            OnDamage::End(advice) => {
                show(advice);
                false
            }
        }
    }
}

/// Writes to stderr. If nobody reads it, the copy goes on.
pub(super) fn show(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
