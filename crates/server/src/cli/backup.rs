//! `roadstead backup`: copies an installation to a place of backups while it is served.

use super::audit::{Change, Whose};
use super::copying::{OnDamage, Shown, show};
use super::data_access::DataAccess;
use super::failure::Failure;
use super::output::Record;
use crate::config::Place;
use clap::Args;
use roadstead_registry::{Backup, BackupOptions, BlobAccess};
use serde::Serialize;
use std::num::NonZeroUsize;

#[derive(Debug, Args)]
pub(super) struct Command {
    /// The directory, or the bucket as s3://bucket/prefix, that holds the backups of this installation and nothing else
    place: String,
    /// Leave out the master key, which a restore then needs from elsewhere
    #[arg(long)]
    without_master_key: bool,
    /// Delete all but the last NUMBER snapshots, and the blobs that only the deleted ones need
    #[arg(long, value_name = "NUMBER")]
    keep: Option<NonZeroUsize>,
    #[command(flatten)]
    access: DataAccess,
}

/// A backup that was made.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Made {
    snapshot: String,
    repositories: u64,
    images: u64,
    tags: u64,
    blobs: u64,
    blob_bytes: u64,
    new_blobs: u64,
    new_bytes: u64,
    damaged_blobs: u64,
    deleted_snapshots: u64,
    deleted_blobs: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_deleted: Option<String>,
}

impl Command {
    pub(super) fn run(self) -> Result<(), Failure> {
        let place = self.access.sources()?.backup_place(Place::Argument("PLACE"), &self.place)?;
        let options = BackupOptions { without_master_key: self.without_master_key, keep: self.keep.map(NonZeroUsize::get) };
        let change = Change::new("cli:backup", Whose::Any, self.place);
        self.access.run_with(BlobAccess::Read, Some(change), async |installation, output| {
            let shown = Shown::new(OnDamage::GoOn);
            let backup = tokio::select! {
                backup = installation.back_up(&place, options, &shown) => backup?,
                _ = tokio::signal::ctrl_c() => return Err(Failure::Failed("interrupted: the next backup continues with what was copied".to_owned())),
            };
            if let Some(reason) = &backup.not_deleted {
                show(&format!("nothing was deleted: {reason}"));
            }
            let damaged = backup.damaged;
            output.one(&Made::from(backup))?;
            match damaged {
                0 => Ok(()),
                _ => Err(Failure::Failed(format!(
                    "the backup is complete but for {damaged} damaged blobs: 'roadstead check --repair' can mend them from an older backup or another registry"
                ))),
            }
        })
    }
}

impl From<Backup> for Made {
    fn from(Backup { name, snapshot, new_blobs, new_bytes, damaged, deleted_snapshots, deleted_blobs, not_deleted }: Backup) -> Self {
        Self {
            snapshot: name,
            repositories: snapshot.repositories,
            images: snapshot.images,
            tags: snapshot.tags,
            blobs: snapshot.blobs,
            blob_bytes: snapshot.blob_bytes,
            new_blobs,
            new_bytes,
            damaged_blobs: damaged,
            deleted_snapshots,
            deleted_blobs,
            not_deleted,
        }
    }
}

impl Record for Made {
    const HEADINGS: &'static [&'static str] =
        &["SNAPSHOT", "REPOSITORIES", "IMAGES", "TAGS", "BLOBS", "BYTES", "NEW BLOBS", "NEW BYTES", "DAMAGED"];

    fn cells(&self) -> Vec<String> {
        let numbers =
            [self.repositories, self.images, self.tags, self.blobs, self.blob_bytes, self.new_blobs, self.new_bytes, self.damaged_blobs];
        std::iter::once(self.snapshot.clone()).chain(numbers.iter().map(u64::to_string)).collect()
    }
}
