//! `roadstead restore`: makes an installation from a backup.

use super::audit::{AuditLog, Change, Whose};
use super::copying::{OnDamage, Rows, Shown, show, with_resources};
use super::data_access::DataAccess;
use super::failure::Failure;
use super::output::Record;
use super::runtime;
use crate::config::Place;
use clap::Args;
use roadstead_registry::{BackupPlace, Copied, DatabasePlace, OpenOptions, Side, Snapshot, Transfer};
use serde::Serialize;

#[derive(Debug, Args)]
pub(super) struct Command {
    /// The place of the backup: a directory or s3://bucket/prefix
    from: String,
    /// The snapshot to restore, by its name in --list [default: the last one]
    #[arg(long, value_name = "NAME")]
    snapshot: Option<String>,
    /// Only list the snapshots
    #[arg(long)]
    list: bool,
    /// Restore the rest if blobs are damaged or missing in the backup
    #[arg(long)]
    despite_damage: bool,
    #[command(flatten)]
    access: DataAccess,
}

/// A snapshot in a list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    snapshot: String,
    completed: String,
    made_by: String,
    repositories: u64,
    images: u64,
    tags: u64,
    blobs: u64,
    blob_bytes: u64,
    damaged: Vec<String>,
}

impl Command {
    pub(super) fn run(self) -> Result<(), Failure> {
        let sources = self.access.sources()?;
        let (place, to) = (sources.backup_place(Place::Argument("FROM"), &self.from)?, with_resources(sources.open_options()?));
        let audit_log = AuditLog::of(&sources, !self.list)?;
        runtime::on_all_cores()?.block_on(async {
            if self.list {
                let snapshots = place.snapshots().await?;
                return self.access.output().many(snapshots.into_iter().map(Listed::from));
            }
            let restored = self.restore(&place, &to).await;
            let copied = restored.and_then(|copied| self.access.output().many(copied.into_iter().map(Rows::of)));
            audit_log.record(Some(Change::new("cli:restore", Whose::Any, self.from.clone())), &to.account_id, copied)
        })
    }

    async fn restore(&self, place: &BackupPlace, to: &OpenOptions) -> Result<Vec<Copied>, Failure> {
        let source = Side::of_backup(place, self.snapshot.as_deref(), to).await?;
        let copied = self.copy(&source, to).await;
        source.close().await;
        if copied.is_ok() && to.database != DatabasePlace::File && to.master_key.is_none() && to.master_key_file.is_none() {
            show(
                "Give the servers the master key of the installation, by ROADSTEAD_MASTER_KEY or --master-key-file: it is in the record of the backup.",
            );
        }
        copied
    }

    async fn copy(&self, source: &Side, to: &OpenOptions) -> Result<Vec<Copied>, Failure> {
        let target = Side::target(to, source).await?;
        let shown = Shown::new(match self.despite_damage {
            true => OnDamage::GoOn,
            false => OnDamage::End("something is damaged: --despite-damage restores the rest"),
        });
        let copied = async { Transfer::new(source.clone(), target.clone()).await?.run(&shown).await };
        let copied = tokio::select! {
            copied = copied => copied.map_err(Failure::from),
            _ = tokio::signal::ctrl_c() => Err(Failure::Failed("interrupted: the same command continues".to_owned())),
        };
        target.close().await;
        copied
    }
}

impl From<(String, Snapshot)> for Listed {
    fn from((name, snapshot): (String, Snapshot)) -> Self {
        Self {
            snapshot: name,
            completed: snapshot.completed,
            made_by: snapshot.made_by,
            repositories: snapshot.repositories,
            images: snapshot.images,
            tags: snapshot.tags,
            blobs: snapshot.blobs,
            blob_bytes: snapshot.blob_bytes,
            damaged: snapshot.damaged,
        }
    }
}

impl Record for Listed {
    const HEADINGS: &'static [&'static str] = &["SNAPSHOT", "COMPLETED", "REPOSITORIES", "IMAGES", "TAGS", "BLOBS", "BYTES", "DAMAGED"];

    fn cells(&self) -> Vec<String> {
        let numbers = [self.repositories, self.images, self.tags, self.blobs, self.blob_bytes, self.damaged.len() as u64];
        [self.snapshot.clone(), self.completed.clone()].into_iter().chain(numbers.iter().map(u64::to_string)).collect()
    }
}
