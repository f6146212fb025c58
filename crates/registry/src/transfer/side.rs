//! The installation that a transfer reads, and the place that it writes.

use super::progress::{Copied, Plan};
use super::{stored_blobs, unfinished};
use crate::backups::copies::SpareCopies;
use crate::backups::place::BackupPlace;
use crate::blobs::{BlobAccess, BlobStore};
use crate::clock::Clock;
use crate::data_directory::{BLOBS, DATABASE, OpenError, Sharing, exists, prepare, refuse_other_files, write_master_key};
use crate::error::Error;
use crate::leaders::{Leadership, Task, hold, new_holder, running_server};
use crate::metadata::{METADATA_TABLES, Metadata, STATISTICS_TABLES, migrations};
use crate::opening::{OpenOptions, setting_up};
use crate::places::{BlobsPlace, DatabasePlace};
use crate::pull_statistics::store::PullStatistics;
use crate::secrets::MasterKey;
use roadstead_model::Timestamp;
use std::fs::File;
use std::sync::Arc;
use tempfile::TempDir;

/// One side of a transfer. No server can use it meanwhile.
#[derive(Clone)]
pub struct Side {
    pub(super) metadata: Metadata,
    pub(super) statistics: Metadata,
    pub(super) blobs: Arc<BlobStore>,
    /// What else a place of backups has, if this is a snapshot in one.
    pub(super) spares: Option<Arc<SpareCopies>>,
    /// What messages call the source, and how an unfinished copy knows it again: `snapshot '2026-…' of installation 'id'`.
    pub(super) copied_as: String,
    /// The id of the installation, in the source.
    id: String,
    blobs_place: String,
    secrets: MasterKey,
    /// The lease on a shared database.
    pub(super) lease: Arc<Leadership>,
    /// The lock on a data directory.
    _lock: Option<Arc<File>>,
    /// The files of a backup, while they are read.
    _scratch: Option<Arc<TempDir>>,
}

impl Side {
    /// Opens the installation to copy. Fails if a server uses it, or if its schema is not the current one.
    pub async fn source(options: &OpenOptions) -> Result<Self, OpenError> {
        let options = &OpenOptions { blob_access: BlobAccess::Read, ..options.clone() };
        if options.database == DatabasePlace::File && !exists(&options.data.join(DATABASE))? {
            return Err(OpenError::Absent(options.data.clone()));
        }
        let lock = prepare(&options.data, options.in_directory(), Sharing::Server)?;
        let secrets = OpenOptions { sharing: Sharing::Command, ..options.clone() }.master_key()?;
        let metadata = options.open_metadata().await?;
        metadata.check_schema().await?;
        unfinished::refuse(&metadata).await?;
        let lease = keep_servers_away(&metadata, &metadata.clock(options.clock.clone())).await?;
        let (id, _) = setting_up::find(options, &metadata, &secrets).await?;
        Self::open(options, Sharing::Command, metadata, lease, (id, secrets), lock).await
    }

    /// Opens or creates the place to copy an installation to. It gets the schema, and a data directory with a database also the master
    /// key.
    pub async fn target(options: &OpenOptions, source: &Self) -> Result<Self, OpenError> {
        if options.in_directory().is_used() {
            refuse_other_files(&options.data)?;
        }
        let lock = prepare(&options.data, options.in_directory(), Sharing::Server)?;
        if blobs_place(options) == source.blobs_place {
            // Each would collect the blobs of the other as garbage.
            return Err(OpenError::Blobs(Error::Refused(format!("both installations would have their blobs in {}", source.blobs_place))));
        }
        let metadata = options.open_metadata().await?;
        if unfinished::has_installation(&metadata).await? {
            metadata.close().await;
            return Err(OpenError::NotEmpty("it has an installation".to_owned()));
        }
        if options.database == DatabasePlace::File {
            write_master_key(&options.data, &source.secrets)?;
        }
        metadata.migrate().await?;
        let lease = keep_servers_away(&metadata, &metadata.clock(options.clock.clone())).await?;
        let target = Self::open(options, Sharing::Server, metadata, lease, (source.id.clone(), source.secrets.clone()), lock).await?;
        target.blobs.claim(&source.id, BlobAccess::Write).await.map_err(OpenError::Blobs)?;
        Ok(target)
    }

    /// Opens a snapshot in a backup: the last one, or that of this name. The options are those of the place to restore it to, which may
    /// supply the master key.
    pub async fn of_backup(place: &BackupPlace, snapshot: Option<&str>, options: &OpenOptions) -> Result<Self, OpenError> {
        let refused = |error| OpenError::Backup(error);
        let backup = place.open().await.map_err(refused)?;
        let snapshot = backup.snapshot(snapshot).await.map_err(refused)?;
        let scratch = tempfile::tempdir().map_err(Error::from).map_err(refused)?;
        let [metadata, statistics] = [("metadata.db", migrations::METADATA), ("statistics.db", migrations::STATISTICS)];
        let metadata = backup.database(Some(&snapshot.metadata), &scratch.path().join(metadata.0), metadata.1).await.map_err(refused)?;
        let statistics =
            backup.database(snapshot.statistics.as_ref(), &scratch.path().join(statistics.0), statistics.1).await.map_err(refused)?;
        let secrets = match options.given_master_key()? {
            Some(key) => key,
            None => snapshot.master_key().map_err(refused)?,
        };
        let (id, _) = setting_up::find(options, &metadata, &secrets).await?;
        let copied_as = format!("snapshot '{}' of {}", snapshot.name(), installation(&id));
        let (blobs_place, blobs) = (place.to_string(), Arc::new(backup.store));
        let lease = Arc::new(Leadership::of_one_process());
        let (spares, _scratch) = (Some(Arc::default()), Some(Arc::new(scratch)));
        Ok(Self { metadata, statistics, blobs, spares, copied_as, id, blobs_place, secrets, lease, _lock: None, _scratch })
    }

    /// Fails if a database or a bucket cannot be reached.
    pub async fn reach(options: &OpenOptions) -> Result<(), OpenError> {
        if options.database != DatabasePlace::File {
            options.open_metadata().await?.close().await;
        }
        if options.blobs != BlobsPlace::Folder {
            options.open_blobs().await.map_err(OpenError::Blobs)?;
        }
        Ok(())
    }

    /// What there is to copy.
    pub async fn survey(&self) -> Result<Plan, Error> {
        let mut tables = Vec::new();
        let metadata = METADATA_TABLES.iter().map(|table| (table, &self.metadata));
        for (table, database) in metadata.chain(STATISTICS_TABLES.iter().map(|table| (table, &self.statistics))) {
            tables.push(Copied { table: table.name, rows: 0, of: table.count(database).await? });
        }
        Ok(Plan { tables, blob_bytes: stored_blobs::bytes(&self.metadata).await? })
    }

    async fn open(
        options: &OpenOptions,
        sharing: Sharing,
        metadata: Metadata,
        lease: Leadership,
        (id, secrets): (String, MasterKey),
        lock: Option<File>,
    ) -> Result<Self, OpenError> {
        let statistics = PullStatistics::open(&metadata, &options.data, sharing, options.clock.now()).await?.database().await?;
        let blobs = Arc::new(options.open_blobs().await.map_err(OpenError::Blobs)?);
        let blobs_place = blobs_place(options);
        let (lease, _lock) = (Arc::new(lease), lock.map(Arc::new));
        Ok(Self {
            metadata,
            statistics,
            blobs,
            spares: None,
            copied_as: installation(&id),
            id,
            blobs_place,
            secrets,
            lease,
            _lock,
            _scratch: None,
        })
    }

    /// Whether there is anything in the store.
    pub(super) async fn has_blobs(&self) -> Result<bool, Error> {
        let mut listing = self.blobs.list_older_than(Timestamp::from_micros(i64::MAX)).await?;
        while let Some(page) = listing.next_page().await? {
            if !page.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Lets servers use the database, and waits until it has finished what is pending.
    pub async fn close(self) {
        if let Some(lease) = Arc::into_inner(self.lease) {
            lease.release().await;
        }
        self.statistics.close().await;
        self.metadata.close().await;
    }
}

fn installation(id: &str) -> String {
    format!("installation '{id}'")
}

/// Names the place of blobs, however it was written.
fn blobs_place(options: &OpenOptions) -> String {
    match &options.blobs {
        BlobsPlace::Folder => {
            std::fs::canonicalize(&options.data).unwrap_or_else(|_| options.data.clone()).join(BLOBS).display().to_string()
        }
        BlobsPlace::S3(_) => options.blobs.to_string(),
    }
}

/// Takes the lease on copying a shared database. Fails while a server uses it; one that starts later finds the lease.
async fn keep_servers_away(metadata: &Metadata, clock: &Clock) -> Result<Leadership, Error> {
    let Some(lease) = hold(metadata, clock, Task::Transfer, new_holder()).await? else {
        return Err(Error::Refused("another command copies this database already".to_owned()));
    };
    match running_server(metadata, clock.now()).await? {
        Some(server) => Err(Error::Refused(format!("a server uses this database ({server}): stop all servers first"))),
        None => Ok(lease),
    }
}
