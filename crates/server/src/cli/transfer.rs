//! `roadstead transfer`: copies an installation to another place.

use super::data_access::DataAccess;
use super::failure::Failure;
use super::output::Record;
use clap::Args;
use roadstead_registry::{BlobsPlace, Copied, DatabasePlace, OpenOptions, Progress, Side, Transfer};
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

#[derive(Debug, Args)]
pub(super) struct Command {
    /// Where the installation is: its data directory; or the URL of its database, and that of its bucket or the data directory with its
    /// blobs
    #[arg(long, num_args = 1..=2, required = true, value_name = "PLACE")]
    from: Vec<String>,
    /// Where to copy it to, in the same form: a place that is empty, or has an interrupted copy to continue
    #[arg(long, num_args = 1..=2, required = true, value_name = "PLACE")]
    to: Vec<String>,
    /// Only show what there is to copy
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    access: DataAccess,
}

/// The rows of a table.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rows {
    table: &'static str,
    rows: u64,
}

impl Command {
    pub(super) fn run(self) -> Result<(), Failure> {
        let sources = self.access.sources()?;
        let [from, to] = [("from", &self.from), ("to", &self.to)].map(|(flag, places)| sources.open_options_at(flag, places));
        let [from, to] = [with_resources(from?), with_resources(to?)];
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::Failed(format!("cannot start: {error}")))?;
        runtime.block_on(async {
            let source = Side::source(&from).await?;
            let copied = match self.dry_run {
                true => self.survey(&source, &to).await,
                false => self.copy(&source, &from, &to).await,
            };
            source.close().await;
            let rows = |Copied { table, of, .. }| Rows { table, rows: of };
            self.access.output().many(copied?.into_iter().map(rows))
        })
    }

    /// Says what there is to copy, and tries whether the target can be reached.
    async fn survey(&self, source: &Side, to: &OpenOptions) -> Result<Vec<Copied>, Failure> {
        Side::reach(to).await?;
        let plan = source.survey().await?;
        show(&format!("{} bytes of blobs to copy, and these rows:", plan.blob_bytes));
        Ok(plan.tables)
    }

    async fn copy(&self, source: &Side, from: &OpenOptions, to: &OpenOptions) -> Result<Vec<Copied>, Failure> {
        let target = Side::target(to, source).await?;
        let shown = Shown(Mutex::new(Instant::now()));
        let copied = async { Transfer::new(source.clone(), target.clone()).await?.run(&shown).await };
        let copied = tokio::select! {
            copied = copied => copied.map_err(Failure::from),
            _ = tokio::signal::ctrl_c() => Err(Failure::Failed("interrupted: the same command continues the copy".to_owned())),
        };
        target.close().await;
        if copied.is_ok() && from.database == DatabasePlace::File && to.database != DatabasePlace::File && from.master_key.is_none() {
            show("Give the servers of the copy the same master key, by ROADSTEAD_MASTER_KEY or --master-key-file.");
        }
        copied
    }
}

fn with_resources(mut options: OpenOptions) -> OpenOptions {
    if let DatabasePlace::Postgres(database) = &mut options.database {
        database.connections = CONNECTIONS;
    }
    if let BlobsPlace::S3(bucket) = &mut options.blobs {
        bucket.memory = MEMORY;
    }
    options
}

/// Shows progress on stderr from time to time.
struct Shown(Mutex<Instant>);

impl Shown {
    fn at_times(&self, text: impl FnOnce() -> String) {
        let mut last = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
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
}

/// Writes to stderr. If nobody reads it, the copy goes on.
fn show(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

impl Record for Rows {
    const HEADINGS: &'static [&'static str] = &["TABLE", "ROWS"];

    fn cells(&self) -> Vec<String> {
        vec![self.table.to_owned(), self.rows.to_string()]
    }
}
