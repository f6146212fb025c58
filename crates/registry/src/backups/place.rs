//! The place of backups: a directory or a bucket.

use super::files;
use super::snapshot::{Snapshot, StoredFile};
use crate::blobs::{BlobAccess, BlobStore};
use crate::data_directory::{DATABASE, SNAPSHOTS, try_lock, try_lock_shared, unusable};
use crate::disk::permissions;
use crate::error::{Error, Result};
use crate::metadata::{Metadata, migrations::Migrations};
use crate::places::S3Options;
use std::fmt;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The record of whose backups these are.
const INSTALLATION: &str = "installation";
/// How that record begins. That of a store of blobs is the id of its installation.
const OWNED: &str = "backups of ";
/// The directory of files that are not complete yet.
const DRAFTS: &str = "drafts";

/// Where backups are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackupPlace {
    Directory(PathBuf),
    Bucket(S3Options),
}

/// A place of backups that is open.
pub(crate) struct OpenPlace {
    pub(crate) store: BlobStore,
    shown: String,
}

/// A place of backups that this process alone writes to.
pub(super) struct LockedPlace {
    pub(super) place: OpenPlace,
    /// Where the databases are copied to first.
    pub(super) drafts: PathBuf,
    _temporary: Option<TempDir>,
    _lock: Option<File>,
}

impl BackupPlace {
    /// The snapshots, from the first to the last, by their names.
    pub async fn snapshots(&self) -> Result<Vec<(String, Snapshot)>> {
        let place = self.open().await?;
        let mut snapshots = Vec::new();
        for name in place.snapshots().await? {
            let snapshot = place.snapshot(Some(&name)).await?;
            snapshots.push((name, snapshot));
        }
        Ok(snapshots)
    }

    /// Opens the place to read from it.
    pub(crate) async fn open(&self) -> Result<OpenPlace> {
        self.open_for(BlobAccess::Read).await
    }

    /// Opens a place that has backups.
    pub(super) async fn open_for(&self, access: BlobAccess) -> Result<OpenPlace> {
        if let Self::Directory(path) = self {
            let has_snapshots = path.join(SNAPSHOTS).try_exists();
            if !has_snapshots.map_err(|error| Error::Refused(format!("cannot read {self}: {error}")))? {
                return Err(Error::Refused(format!("there is no complete backup in {self}")));
            }
        }
        self.open_store(access).await
    }

    async fn open_store(&self, access: BlobAccess) -> Result<OpenPlace> {
        let store = match self {
            Self::Directory(path) => BlobStore::open_filesystem(path, access).map_err(|error| unusable(path, error))?,
            Self::Bucket(options) => BlobStore::open_s3(options, access).await?,
        };
        Ok(OpenPlace { store, shown: self.to_string() })
    }

    /// Opens or creates the place of the backups of an installation. Fails if it is used for anything else.
    pub(super) async fn open_to_write(&self, installation: &str) -> Result<LockedPlace> {
        let (lock, drafts, temporary) = match self {
            Self::Directory(path) => {
                let lock = self.lock(path)?;
                (Some(lock), path.join(DRAFTS), None)
            }
            Self::Bucket(_) => {
                let temporary = tempfile::tempdir()?;
                (None, temporary.path().to_owned(), Some(temporary))
            }
        };
        let place = self.open_store(BlobAccess::Write).await?;
        let owner = format!("{OWNED}{installation}");
        match place.store.read_record(INSTALLATION).await? {
            Some(found) if found == owner => {}
            Some(found) if found.starts_with(OWNED) => {
                return Err(Error::Refused(format!("{self} has the backups of another installation: choose another place")));
            }
            Some(_) => return Err(Error::Refused(format!("{self} has the blobs of an installation: choose another place"))),
            None => place.store.write_record(INSTALLATION, owner).await?,
        }
        if temporary.is_none() {
            // What a backup has left behind that was killed.
            if drafts.is_dir() {
                fs::remove_dir_all(&drafts)?;
            }
            permissions::create_directory(&drafts)?;
        }
        Ok(LockedPlace { place, drafts, _temporary: temporary, _lock: lock })
    }

    /// Creates and locks a directory. Fails if it has anything but backups.
    fn lock(&self, path: &Path) -> Result<File> {
        if path.join(DATABASE).exists() {
            return Err(Error::Refused(format!("{self} is a data directory: choose another directory for backups")));
        }
        let refused = |error| Error::Refused(format!("cannot write to {self}: {error}"));
        permissions::create_directory(path).map_err(refused)?;
        let owner = fs::read_to_string(path.join(INSTALLATION)).unwrap_or_default();
        let is_ours = owner.starts_with(OWNED) || path.join("lock").is_file();
        let mut entries = fs::read_dir(path).map_err(refused)?;
        if !is_ours && entries.any(|entry| entry.is_ok_and(|entry| entry.file_name() != "lost+found")) {
            return Err(Error::Refused(format!("{self} has other files: choose an empty directory, or one with backups")));
        }
        try_lock(&path.join("lock")).map_err(refused)?.ok_or_else(|| self.in_use())
    }

    /// Keeps backups from being written to a directory, and others from removing copies if this process does. A bucket has no lock, and a copy of
    /// a directory that is only read may have none.
    pub(super) fn lock_to_verify(&self, access: BlobAccess) -> Result<Option<File>> {
        let Self::Directory(path) = self else { return Ok(None) };
        let lock = path.join("lock");
        let locked = match access {
            BlobAccess::Read => try_lock_shared(&lock),
            BlobAccess::Write => try_lock(&lock),
        };
        match locked {
            Ok(Some(lock)) => Ok(Some(lock)),
            Ok(None) => Err(self.in_use()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::Refused(format!("cannot lock '{}': {error}", lock.display()))),
        }
    }

    fn in_use(&self) -> Error {
        Error::Refused(format!("another process is writing a backup to {self}, or verifying it"))
    }
}

impl OpenPlace {
    /// The names of the snapshots, from the first to the last.
    pub(super) async fn snapshots(&self) -> Result<Vec<String>> {
        let names = self.store.records(SNAPSHOTS).await?;
        // A draft of a record has another ending.
        Ok(names.iter().filter_map(|name| name.strip_suffix(".json")).map(str::to_owned).collect())
    }

    /// Reads a snapshot, or the last one.
    pub(crate) async fn snapshot(&self, name: Option<&str>) -> Result<Snapshot> {
        let names = self.snapshots().await?;
        let Some(name) = name.map_or_else(|| names.last().cloned(), |name| Some(name.to_owned())) else {
            return Err(Error::Refused(format!("there is no complete backup in {self}")));
        };
        let text = match names.contains(&name) {
            true => self.store.read_record(&record(&name)).await?,
            false => None,
        };
        let absent = || Error::Refused(format!("{self} has no snapshot '{name}', only {}", names.join(", ")));
        Snapshot::parse(&name, &text.ok_or_else(absent)?)
    }

    /// Writes the record of a snapshot, which makes it complete, and returns its name.
    pub(super) async fn complete(&self, snapshot: &Snapshot) -> Result<String> {
        let name = snapshot.name();
        let text = serde_json::to_string_pretty(snapshot).map_err(|error| Error::Internal(error.to_string()))? + "\n";
        self.store.write_record(&record(&name), text).await?;
        Ok(name)
    }

    pub(super) async fn forget(&self, name: &str) -> Result<()> {
        self.store.delete_record(&record(name)).await
    }

    /// Fetches a database to this path and opens it with the current schema. Without a file, it is empty.
    pub(crate) async fn database(&self, file: Option<&StoredFile>, path: &Path, migrations: Migrations) -> Result<Metadata> {
        if let Some(file) = file {
            files::fetch(&self.store, file, path).await?;
        }
        let database = Metadata::open_sqlite(path, migrations)?;
        database.migrate().await?;
        Ok(database)
    }
}

fn record(name: &str) -> String {
    format!("{SNAPSHOTS}/{name}.json")
}

impl fmt::Display for OpenPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Display for BackupPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => write!(f, "'{}'", path.display()),
            Self::Bucket(options) => options.fmt(f),
        }
    }
}
