//! Making a backup.

use super::blob_list::BlobList;
use super::copies::{Copies, upload_of};
use super::files;
use super::place::{BackupPlace, LockedPlace};
use super::pruning::{self, Pruned};
use super::rows::{self, Counts};
use super::snapshot::{FORMAT, HexKey, Snapshot, StoredFile};
use crate::blobs::BlobStore;
use crate::error::{Error, Result};
use crate::installation::Installation;
use crate::leaders::{Leadership, Task};
use crate::metadata::{Metadata, migrations};
use crate::transfer::blob::{Blob, Blobs, Failure};
use crate::transfer::damage::{self, Damaged, Wrong};
use crate::transfer::{Copied, Progress};
use futures_util::{StreamExt, stream};
use roadstead_model::Timestamp;
use std::collections::HashSet;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How much of what is damaged a record names.
pub(super) const MOST_DAMAGED: usize = 1_000;
/// The blobs that are copied at a time.
const AT_A_TIME: usize = 8;
/// For how long a backup waits until a collection has ended.
const PATIENCE: Duration = Duration::from_secs(60 * 60);
const PAUSE: Duration = Duration::from_secs(1);

/// How to make a backup.
#[derive(Debug, Clone, Copy, Default)]
pub struct BackupOptions {
    /// Leaves the master key out.
    pub without_master_key: bool,
    /// How many snapshots to keep, with this one. All, if `None`.
    pub keep: Option<usize>,
}

/// A backup that was made.
#[derive(Debug, Clone)]
pub struct Backup {
    /// The name of the snapshot.
    pub name: String,
    pub snapshot: Snapshot,
    /// The blobs that were not in the place before, and their bytes.
    pub new_blobs: u64,
    pub new_bytes: u64,
    /// How many blobs are damaged in the source and in no earlier backup.
    pub damaged: u64,
    /// How many snapshots and blobs were deleted.
    pub deleted_snapshots: u64,
    pub deleted_blobs: u64,
    /// Why old snapshots were not deleted, if they should have been.
    pub not_deleted: Option<String>,
}

impl Installation {
    /// Makes a backup while the installation is served.
    pub async fn back_up(&self, to: &BackupPlace, options: BackupOptions, progress: &dyn Progress) -> Result<Backup> {
        let place = to.open_to_write(self.id()).await?;
        let leadership = self.keep_garbage().await?;
        leadership.run(self.make_backup(&place, options, progress)).await
    }

    /// Waits until no garbage is collected, and keeps it from being collected.
    pub(crate) async fn keep_garbage(&self) -> Result<Leadership> {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.lead(Task::Collection).await? {
                Some(leadership) => return Ok(leadership),
                None if Instant::now() > until => {
                    return Err(Error::Refused(
                        "another process has collected garbage for an hour: try again when it has ended".to_owned(),
                    ));
                }
                None => sleep(PAUSE).await,
            }
        }
    }

    async fn make_backup(&self, to: &LockedPlace, options: BackupOptions, progress: &dyn Progress) -> Result<Backup> {
        let begun = self.now();
        let [metadata, statistics] = ["metadata.db", "statistics.db"].map(|name| to.drafts.join(name));
        self.0.metadata.snapshot(&metadata).await?;
        let has_statistics = self.copy_statistics(&statistics).await;
        let store = &to.place.store;
        let draft = Metadata::open_sqlite(&metadata, migrations::METADATA)?;
        let present = Copies::list(store).await?;
        let mut copying = Copying { from: &self.0.blobs, to: store, draft: &draft, present, progress, done: Done::default() };
        let copied = copying.run().await;
        let Done { new_blobs, new_bytes, damaged, texts, list, spoiled } = copying.done;
        let counts = rows::count(&draft).await;
        draft.close().await;
        copied?;
        let statistics = if has_statistics { Some(files::store(&statistics, store).await?) } else { None };
        let master_key = (!options.without_master_key).then(|| HexKey(self.0.secrets.to_hex()));
        let blob_list = list.store(&to.drafts.join("blobs.list"), store).await?;
        let files = Files { metadata: files::store(&metadata, store).await?, statistics, blob_list };
        let snapshot = self.snapshot(begun, counts?, files, master_key, texts);
        let name = to.place.complete(&snapshot).await?;
        let pruned = match options.keep {
            Some(keep) if damaged == 0 => pruning::prune(to, keep, &spoiled).await?,
            // An older snapshot may be the only one that has what is damaged now.
            _ => Pruned::default(),
        };
        std::fs::remove_dir_all(&to.drafts)?;
        let Pruned { snapshots: deleted_snapshots, blobs: deleted_blobs, refused: not_deleted } = pruned;
        Ok(Backup { name, snapshot, new_blobs, new_bytes, damaged, deleted_snapshots, deleted_blobs, not_deleted })
    }

    /// Whether the statistics could be copied. A backup without them is better than none.
    async fn copy_statistics(&self, to: &std::path::Path) -> bool {
        let copied = match self.0.pull_statistics.database().await {
            Ok(statistics) => statistics.snapshot(to).await,
            Err(error) => Err(error),
        };
        if let Err(error) = &copied {
            tracing::warn!(%error, "the backup is made without the statistics");
        }
        copied.is_ok()
    }

    fn snapshot(
        &self,
        begun: Timestamp,
        Counts { repositories, images, tags, blobs, blob_bytes }: Counts,
        Files { metadata, statistics, blob_list }: Files,
        master_key: Option<HexKey>,
        damaged: Vec<String>,
    ) -> Snapshot {
        Snapshot {
            format: FORMAT,
            made_by: env!("CARGO_PKG_VERSION").to_owned(),
            installation: self.id().to_owned(),
            begun: begun.to_rfc3339(),
            completed: self.now().to_rfc3339(),
            repositories,
            images,
            tags,
            blobs,
            blob_bytes,
            damaged,
            metadata,
            statistics,
            blob_list: Some(blob_list),
            master_key,
        }
    }
}

/// What a snapshot has beside its blobs.
struct Files {
    metadata: StoredFile,
    statistics: Option<StoredFile>,
    blob_list: StoredFile,
}

/// Copying blobs to a place of backups.
struct Copying<'a> {
    from: &'a BlobStore,
    to: &'a BlobStore,
    /// The copy of the database, whose rows get the keys of the place.
    draft: &'a Metadata,
    present: Copies,
    progress: &'a dyn Progress,
    done: Done,
}

#[derive(Default)]
struct Done {
    new_blobs: u64,
    new_bytes: u64,
    damaged: u64,
    /// What is damaged.
    texts: Vec<String>,
    /// What is in the place.
    list: BlobList,
    /// The keys of copies that have another size than their blob, of which there is a whole copy now.
    spoiled: HashSet<String>,
}

/// What became of a blob, with its key in the place.
enum Outcome {
    Present(String),
    Copied(String),
    Damaged(Wrong),
}

impl Copying<'_> {
    async fn run(&mut self) -> Result<()> {
        let mut blobs = Blobs::of(self.draft);
        let mut copied = Copied { table: "blob", rows: 0, of: blobs.count().await? };
        while let Some(page) = blobs.next_page().await? {
            copied.rows += page.len() as u64;
            let page: Vec<Blob> = page.into_iter().filter(|blob| !blob.key.is_empty()).collect();
            let (mut keys, copying) = (Vec::new(), &*self);
            let mut outcomes =
                stream::iter(page.iter().map(|blob| async move { (blob, copying.copy(blob).await) })).buffer_unordered(AT_A_TIME);
            let mut done = Vec::new();
            while let Some((blob, outcome)) = outcomes.next().await {
                done.push((blob, outcome?));
            }
            drop(outcomes);
            for (blob, outcome) in done {
                keys.push((blob.id, self.record(blob, outcome).await));
            }
            rows::set_keys(self.draft, keys).await?;
            self.progress.copied(&copied, self.done.new_bytes);
        }
        self.to.settle_links().await
    }

    /// Copies a blob unless the place has it.
    async fn copy(&self, blob: &Blob) -> Result<Outcome> {
        let upload = upload_of(&blob.digest);
        if let Some(whole) = self.present.of(&blob.digest).iter().find(|copy| copy.size == blob.size) {
            return Ok(Outcome::Present(whole.key.clone()));
        }
        if let Ok(Some(size)) = self.from.size(&blob.key).await
            && size == blob.size
            && let Ok(Some(key)) = self.to.link(self.from, &blob.key, &upload.to_string(), &blob.digest).await
        {
            return Ok(Outcome::Copied(key));
        }
        match blob.copy(self.from, self.to, upload).await {
            Ok(key) => Ok(Outcome::Copied(key)),
            Err(Failure::Damaged(wrong)) => Ok(Outcome::Damaged(wrong)),
            Err(Failure::Store(Error::Unavailable(reason))) => {
                Err(Error::Unavailable(format!("{reason}. The backup is not complete: the next one continues with what was copied")))
            }
            Err(Failure::Store(error)) => Err(error),
        }
    }

    /// Counts what became of a blob, and returns its key.
    async fn record(&mut self, blob: &Blob, outcome: Outcome) -> String {
        if let Outcome::Present(whole) | Outcome::Copied(whole) = &outcome {
            let others = self.present.of(&blob.digest).iter().filter(|copy| copy.size != blob.size && copy.key != *whole);
            self.done.spoiled.extend(others.map(|copy| copy.key.clone()));
        }
        match outcome {
            Outcome::Present(key) => {
                self.done.list.add(&blob.digest);
                key
            }
            Outcome::Copied(key) => {
                self.done.list.add(&blob.digest);
                self.done.new_blobs += 1;
                self.done.new_bytes += blob.size;
                key
            }
            Outcome::Damaged(wrong) => {
                self.done.damaged += 1;
                let error = damage::error(self.draft, Damaged::Blob, blob.id, &wrong.to_string()).await;
                self.progress.damaged(&error);
                if self.done.texts.len() < MOST_DAMAGED {
                    self.done.texts.push(error.to_string());
                }
                blob.lost_key()
            }
        }
    }
}
