//! `roadstead gc`: collects garbage now, even while servers are running, unless one of them does so at the moment.

use super::audit::{Change, Whose};
use super::data_access::DataAccess;
use super::failure::Failure;
use super::output::Record;
use crate::config::{Config, GC_GRACE, values};
use clap::Args;
use roadstead_registry::{Collection, Garbage};
use serde::Serialize;
use std::time::Duration;

#[derive(Debug, Args)]
pub(super) struct Command {
    /// Only report what would be deleted
    #[arg(long)]
    dry_run: bool,
    /// The minimum age of what is deleted; a push that takes longer may have to be restarted. At least 1h for uploads
    /// [default: the server's gc_grace, else 24h]
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    grace: Option<Duration>,
    #[command(flatten)]
    access: DataAccess,
}

/// The number of objects deleted, or with `dry_run` to be deleted.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Collected {
    dry_run: bool,
    uploads: u64,
    unused_blobs: u64,
    deleted_blobs: u64,
    orphans: u64,
    bytes: u64,
}

impl Command {
    pub(super) fn run(self) -> Result<(), Failure> {
        let grace = match self.grace {
            Some(grace) => grace,
            None => Config::only([&GC_GRACE], &self.access.sources()?)?.gc_grace,
        };
        let collection = Collection { grace, dry_run: self.dry_run };
        let change = (!self.dry_run).then(|| Change::new("cli:gc", Whose::Any, ""));
        self.access.run(change, async |installation, output| {
            let Garbage { uploads, unused_blobs, deleted_blobs, orphans, bytes } = installation.collect_garbage_alone(collection).await?;
            output.one(&Collected { dry_run: collection.dry_run, uploads, unused_blobs, deleted_blobs, orphans, bytes })
        })
    }
}

impl Record for Collected {
    const HEADINGS: &'static [&'static str] = &["ABANDONED UPLOADS", "UNUSED BLOBS", "DELETED BLOBS", "ORPHANS", "BYTES FREED"];

    fn cells(&self) -> Vec<String> {
        [self.uploads, self.unused_blobs, self.deleted_blobs, self.orphans, self.bytes].iter().map(u64::to_string).collect()
    }
}
