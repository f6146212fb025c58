//! Opening an installation. The first start of a server sets it up.

use crate::access_key_row::{self, AccessKeyRow, random_access_key};
use crate::aliases::{self, random_alias};
use crate::blobs::BlobStore;
use crate::caches::Caches;
use crate::clock::Clock;
use crate::data_directory::{
    BLOBS, DATABASE, InDirectory, OpenError, Sharing, own_master_key, prepare, read_master_key, write_credentials,
};
use crate::error::Error;
use crate::installation::{Inner, Installation};
use crate::limits::Limits;
use crate::metadata::{Metadata, Tx, migrations, params, statements};
use crate::places::{BlobsPlace, DatabasePlace};
use crate::pull_statistics::store::PullStatistics;
use crate::registry_row;
use crate::secrets::MasterKey;
use crate::upload_leases::UploadLeases;
use crate::upload_quota::UploadQuota;
use roadstead_model::{Identity, RegistryAlias, RegistryId};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

statements! {
    SELECT_ID = "SELECT id FROM installation";
    SELECT_FIRST_REGISTRY = "SELECT id FROM registry ORDER BY created_at, id LIMIT 1";
    INSERT = "INSERT INTO installation (id, created_at) VALUES (?1, ?2)";
}

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
        }
    }
}

impl OpenOptions {
    /// Whether the metadata is in a database that servers share.
    fn is_shared(&self) -> bool {
        self.database != DatabasePlace::File
    }

    /// What the data directory holds.
    fn in_directory(&self) -> InDirectory {
        InDirectory { database: !self.is_shared(), blobs: self.blobs == BlobsPlace::Folder }
    }

    /// The master key. Servers that share a database must be given the same one, so none makes its own.
    fn master_key(&self) -> Result<MasterKey, OpenError> {
        match (&self.master_key, &self.master_key_file) {
            (Some(key), _) => Ok(MasterKey::new(*key)),
            (None, Some(path)) => read_master_key(path)?.ok_or_else(|| OpenError::MasterKeyAbsent(path.clone())),
            (None, None) if self.is_shared() => Err(OpenError::MasterKeyNotGiven),
            (None, None) => own_master_key(&self.data, self.sharing),
        }
    }

    async fn open_metadata(&self) -> Result<Metadata, OpenError> {
        match &self.database {
            DatabasePlace::File => Ok(Metadata::open_sqlite(&self.data.join(DATABASE), migrations::METADATA)?),
            DatabasePlace::Postgres(_) => Err(OpenError::Metadata(Error::Internal("PostgreSQL is not supported yet".to_owned()))),
        }
    }

    async fn open_blobs(&self) -> Result<BlobStore, OpenError> {
        match &self.blobs {
            BlobsPlace::Folder => BlobStore::open_filesystem(&self.data.join(BLOBS)),
            BlobsPlace::S3(_) => Err(Error::Internal("S3 is not supported yet".to_owned())),
        }
        .map_err(OpenError::Blobs)
    }
}

impl Installation {
    /// Opens an installation. A server creates what does not exist: directory, master key, metadata, account, alias and root key. A
    /// command creates nothing and ignores [`OpenOptions::account_id`], `alias` and `root_key`.
    pub async fn open(options: OpenOptions) -> Result<Self, OpenError> {
        let data = &options.data;
        let lock = prepare(data, options.in_directory(), options.sharing)?;
        let secrets = options.master_key()?;
        let metadata = options.open_metadata().await?;
        let (id, account_id) = match options.sharing {
            Sharing::Server => {
                metadata.migrate().await?;
                set_up(&options, &metadata, &secrets).await?
            }
            Sharing::Command => {
                metadata.check_schema().await?;
                find(data, &metadata, &secrets).await?
            }
        };
        Ok(Self(Arc::new(Inner {
            metadata,
            caches: Caches::new(),
            pull_statistics: PullStatistics::open(data, options.sharing, options.clock.now()).await?,
            blobs: options.open_blobs().await?,
            upload_leases: UploadLeases::default(),
            upload_quota: UploadQuota::default(),
            secrets,
            limits: options.limits,
            clock: options.clock,
            id,
            account_id,
            _lock: lock,
        })))
    }

    /// Finishes pending work and stops background threads. Later writes fail with [`crate::Error::Unavailable`].
    pub async fn close(&self) {
        self.flush_pulls().await;
        self.0.pull_statistics.close().await;
        self.0.metadata.close().await;
    }
}

/// Creates the account and the root key unless they exist. Returns the ids of the installation and the account.
async fn set_up(options: &OpenOptions, metadata: &Metadata, secrets: &MasterKey) -> Result<(String, RegistryId), OpenError> {
    let is_shared = options.is_shared();
    let seal = |(id, secret): &(String, String)| AccessKeyRow::seal(secrets, id, secret, Identity::root(options.account_id.clone()));
    let given_key = options.root_key.as_ref().map(seal).transpose()?;
    // There is no file that is private to all servers of a shared database: a command makes its root key.
    let new_key = if is_shared { None } else { Some(seal(&random_access_key()?)?) };
    let (new_id, default_alias) = (uuid::Uuid::new_v4().to_string(), random_alias()?);
    let (registry, alias, now) = (options.account_id.clone(), options.alias.clone(), options.clock.now());
    let set_up = async move |tx: &mut Tx<'_>| {
        let id = match tx.query_one(&SELECT_ID, params![]).await? {
            Some(id) => id,
            None => tx.execute(&INSERT, params![new_id, now]).await.map(|_| new_id.clone())?,
        };
        registry_row::insert(tx, &registry, now).await?;
        aliases::ensure(tx, &registry, alias.as_ref(), &default_alias, now).await?;
        if let Some(key) = &given_key {
            access_key_row::replace_root_keys(tx, key, now).await?;
        }
        let root_key = access_key_row::find_root_key(tx, &registry).await?;
        if let (None, Some(key)) = (&root_key, &new_key) {
            access_key_row::put_root_key(tx, key, now).await?;
        }
        Ok((id, root_key.or_else(|| new_key.clone())))
    };
    let (id, root_key) = metadata.write(set_up).await?;
    if root_key.is_none() {
        tracing::warn!("there is no root access key yet: make one with 'roadstead access-key create', or set one in the environment");
    }
    if let Some(key) = root_key {
        let secret = key.secret(secrets).ok_or(OpenError::MasterKeyWrong)?;
        if options.root_key.is_none() && !is_shared {
            write_credentials(&options.data, &key.id, &secret)?;
        }
    }
    Ok((id, options.account_id.clone()))
}

/// Finds the ids of an existing installation and its account.
async fn find(data: &Path, metadata: &Metadata, secrets: &MasterKey) -> Result<(String, RegistryId), OpenError> {
    let select = async |tx: &mut Tx<'_>| {
        let id: Option<String> = tx.query_one(&SELECT_ID, params![]).await?;
        let first: Option<RegistryId> = tx.query_one(&SELECT_FIRST_REGISTRY, params![]).await?;
        let Some((id, registry)) = id.zip(first) else { return Ok(None) };
        let key = access_key_row::find_root_key(tx, &registry).await?;
        Ok(Some((id, registry, key)))
    };
    let (id, account, root_key) = metadata.read(select).await?.ok_or_else(|| OpenError::Absent(data.to_owned()))?;
    match root_key {
        Some(key) if key.secret(secrets).is_none() => Err(OpenError::MasterKeyWrong),
        _ => Ok((id, account)),
    }
}
