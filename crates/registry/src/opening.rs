//! Opening an installation. The first start of a server sets it up.

pub(crate) mod lost;
mod reaching;
pub(crate) mod setting_up;

use crate::blobs::{BlobAccess, BlobStore};
use crate::caches::Caches;
use crate::clock::Clock;
use crate::data_directory::{BLOBS, DATABASE, InDirectory, OpenError, Sharing, own_master_key, prepare, read_master_key, unusable};
use crate::error;
use crate::installation::{Inner, Installation};
use crate::leaders;
use crate::limits::Limits;
use crate::metadata::{Arrival, Metadata, migrations};
use crate::places::{BlobsPlace, DatabasePlace};
use crate::pull_statistics::store::PullStatistics;
use crate::secrets::MasterKey;
use crate::transfer::unfinished;
use crate::upload_ids::UploadIds;
use crate::upload_leases::UploadLeases;
use crate::upload_quota::UploadQuota;
use reaching::reach;
use roadstead_model::{RegistryAlias, RegistryId};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a command waits for the first start of a server, and how often it looks.
const FIRST_START: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(100);

/// How to open an installation, and what its first start sets up.
#[derive(Clone)]
pub struct OpenOptions {
    /// The data directory. A server creates it if it does not exist, and if anything is kept in it.
    pub data: PathBuf,
    pub database: DatabasePlace,
    pub blobs: BlobsPlace,
    /// How long to wait for a database or a bucket that cannot be reached yet.
    pub wait: Duration,
    /// The account that the installation is set up with.
    pub account_id: RegistryId,
    /// The primary alias of that account's registry. If `None`, a new registry gets a random one of AWS's form.
    pub alias: Option<RegistryAlias>,
    /// The root access key (id and secret). If `None`, the first start generates one and writes it to the file `credentials`.
    pub root_key: Option<(String, String)>,
    /// The master key. If `None`, it is in a file.
    pub master_key: Option<[u8; 32]>,
    /// The file of the master key. If `None`, that in the data directory, where the first start stores a new key.
    pub master_key_file: Option<PathBuf>,
    pub limits: Limits,
    pub clock: Clock,
    pub sharing: Sharing,
    /// What the store of blobs is used for.
    pub blob_access: BlobAccess,
}

impl OpenOptions {
    /// The options of a server for account 000000000000, with defaults for everything else.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        #[allow(clippy::expect_used)]
        let account_id = RegistryId::parse("000000000000").expect("twelve digits are a registry id");
        Self {
            data: data.into(),
            database: DatabasePlace::File,
            blobs: BlobsPlace::Folder,
            wait: Duration::ZERO,
            account_id,
            alias: None,
            root_key: None,
            master_key: None,
            master_key_file: None,
            limits: Limits::default(),
            clock: Clock::System,
            sharing: Sharing::Server,
            blob_access: BlobAccess::Write,
        }
    }
}

impl OpenOptions {
    /// Whether the metadata is in a database that servers share.
    fn is_shared(&self) -> bool {
        self.database != DatabasePlace::File
    }

    /// What the data directory holds.
    pub(crate) fn in_directory(&self) -> InDirectory {
        InDirectory { database: !self.is_shared(), blobs: self.blobs == BlobsPlace::Folder }
    }

    /// Whether there is a place for everything: a directory, unless both metadata and blobs are elsewhere.
    pub fn names_every_place(&self) -> bool {
        !self.in_directory().is_used() || !self.data.as_os_str().is_empty()
    }

    /// The master key. Servers that share a database must be given the same one, so none makes its own.
    pub(crate) fn master_key(&self) -> Result<MasterKey, OpenError> {
        match self.given_master_key()? {
            Some(key) => Ok(key),
            None if self.is_shared() => Err(OpenError::MasterKeyNotGiven),
            None => own_master_key(&self.data, self.sharing),
        }
    }

    /// The master key that the operator supplies.
    pub(crate) fn given_master_key(&self) -> Result<Option<MasterKey>, OpenError> {
        match (&self.master_key, &self.master_key_file) {
            (Some(key), _) => Ok(Some(MasterKey::new(*key))),
            (None, Some(path)) => read_master_key(path)?.map(Some).ok_or_else(|| OpenError::MasterKeyAbsent(path.clone())),
            (None, None) => Ok(None),
        }
    }

    /// Opens the metadata. [`crate::Error::Unavailable`] means that they cannot be reached, every other error that they are refused.
    pub(crate) async fn open_metadata(&self) -> error::Result<Metadata> {
        match &self.database {
            DatabasePlace::File => {
                let path = self.data.join(DATABASE);
                Metadata::open_sqlite(&path, migrations::METADATA).map_err(|error| unusable(&path, error))
            }
            DatabasePlace::Postgres(options) => Metadata::open_postgres(options, migrations::METADATA).await,
        }
    }

    /// Opens the store of blobs. Its errors mean the same as those of the metadata.
    pub(crate) async fn open_blobs(&self) -> error::Result<BlobStore> {
        match &self.blobs {
            BlobsPlace::Folder => {
                let path = self.data.join(BLOBS);
                BlobStore::open_filesystem(&path, self.blob_access).map_err(|error| unusable(&path, error))
            }
            BlobsPlace::S3(options) => BlobStore::open_s3(options, self.blob_access).await,
        }
    }

    /// The error if no server has begun to set up an installation.
    fn absent(&self) -> OpenError {
        match &self.database {
            DatabasePlace::File => OpenError::Absent(self.data.clone()),
            DatabasePlace::Postgres(database) => OpenError::AbsentFromDatabase(database.to_string()),
        }
    }

    /// The error if a server has begun to set up an installation, and has not finished.
    fn unfinished(&self) -> OpenError {
        OpenError::Unfinished(match &self.database {
            DatabasePlace::File => format!("'{}'", self.data.display()),
            DatabasePlace::Postgres(database) => database.to_string(),
        })
    }

    /// Whether a command finds the file of the metadata and nothing else yet, not even the master key that a server makes.
    fn is_too_early(&self) -> bool {
        let awaits_key = self.sharing == Sharing::Command && self.master_key_file.is_none();
        awaits_key && std::fs::metadata(self.data.join(DATABASE)).is_ok_and(|file| file.len() == 0)
    }
}

impl Installation {
    /// Opens an installation. A server creates what does not exist: directory, master key, metadata, account, alias and root key. A
    /// command creates nothing, ignores [`OpenOptions::account_id`], `alias` and `root_key`, and waits a little for the first start of a
    /// server.
    pub async fn open(options: OpenOptions) -> Result<Self, OpenError> {
        let until = Instant::now() + FIRST_START;
        loop {
            match Self::try_to_open(options.clone()).await {
                Err(OpenError::Unfinished(_)) if Instant::now() < until => sleep(PAUSE).await,
                opened => return opened,
            }
        }
    }

    async fn try_to_open(options: OpenOptions) -> Result<Self, OpenError> {
        let data = &options.data;
        let in_directory = options.in_directory();
        if in_directory.database && in_directory.blobs {
            lost::refuse_without_database(data)?;
        }
        let lock = prepare(data, in_directory, options.sharing)?;
        let secrets = match options.master_key() {
            Err(OpenError::MasterKeyAbsent(_)) if options.is_too_early() => return Err(options.unfinished()),
            // A first start may have written it since.
            Err(OpenError::MasterKeyAbsent(_)) => options.master_key()?,
            secrets => secrets?,
        };
        let until = Instant::now() + options.wait;
        let metadata = reach(until, async || options.open_metadata().await).await?;
        let (id, account_id) = match options.sharing {
            Sharing::Server => {
                metadata.migrate().await?;
                unfinished::refuse(&metadata).await?;
                leaders::refuse_during_transfer(&metadata, metadata.clock(options.clock.clone()).now()).await?;
                setting_up::set_up(&options, &metadata, &secrets).await?
            }
            Sharing::Command if !metadata.is_migrated().await? => {
                metadata.close().await;
                // The file is created before its schema, a shared database by its operator.
                return Err(if options.is_shared() { options.absent() } else { options.unfinished() });
            }
            Sharing::Command => {
                metadata.check_schema().await?;
                unfinished::refuse(&metadata).await?;
                let found = setting_up::find(&options, &metadata, &secrets).await;
                if let Err(OpenError::Unfinished(_)) = found {
                    metadata.close().await;
                }
                found?
            }
        };
        if options.sharing == Sharing::Server && in_directory.blobs {
            lost::refuse_without_blobs(data, &metadata).await?;
        }
        // After the database: a server that cannot use that must not leave a new directory behind.
        let blobs = reach(until, async || options.open_blobs().await).await.map_err(OpenError::Blobs)?;
        blobs.claim(&id, options.blob_access).await.map_err(OpenError::Blobs)?;
        let inner = Inner {
            caches: Caches::new(),
            pull_statistics: PullStatistics::open(&metadata, data, options.sharing, options.clock.now()).await?,
            blobs,
            upload_ids: UploadIds::new(secrets.derive("upload session ids")),
            upload_leases: UploadLeases::default(),
            upload_quota: UploadQuota::default(),
            secrets,
            limits: options.limits,
            clock: metadata.clock(options.clock),
            holder: leaders::new_holder(),
            metadata,
            data: data.clone(),
            id,
            account_id,
            _lock: lock,
        };
        Ok(Self(Arc::new(inner), Arrival::default()))
    }

    /// Finishes pending work and stops background threads. Later writes fail with [`crate::Error::Unavailable`].
    pub async fn close(&self) {
        self.settle_expected_pulls().await;
        self.flush_pulls().await;
        self.release_leases().await;
        self.0.pull_statistics.close().await;
        self.0.metadata.close().await;
    }
}
