//! Opening an installation: its folder, its lock, its keys, its account.

use crate::access_key_row::{self, AccessKeyRow, random_access_key};
use crate::aliases::{self, random_alias};
use crate::blobs::BlobStore;
use crate::caches::Caches;
use crate::clock::Clock;
use crate::disk::permissions;
use crate::error::Error;
use crate::installation::{Inner, Installation};
use crate::limits::Limits;
use crate::metadata::{Metadata, Tx, params, statements};
use crate::registry_row;
use crate::secrets::{MasterKey, random};
use crate::upload_leases::UploadLeases;
use crate::upload_quota::UploadQuota;
use roadstead_model::{Identity, RegistryAlias, RegistryId};
use rustix::fs::OFlags;
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

statements! {
    SELECT_ID = "SELECT id FROM installation";
    SELECT_FIRST_REGISTRY = "SELECT id FROM registry ORDER BY created_at, id LIMIT 1";
    INSERT = "INSERT INTO installation (id, created_at) VALUES (?1, ?2)";
}

/// The file that holds the metadata.
const DATABASE: &str = "roadstead.db";
/// The file that holds the master key, unless it is given from outside.
const MASTER_KEY: &str = "master.key";
/// The file that holds the root key, unless it is given from outside.
const CREDENTIALS: &str = "credentials";
/// Everything in a data folder.
const FILES: [&str; 7] = ["lock", MASTER_KEY, CREDENTIALS, DATABASE, "roadstead.db-wal", "roadstead.db-shm", "blobs"];

/// Where an installation is, and what its first start makes.
#[derive(Clone)]
pub struct OpenOptions {
    /// The data folder; it is made if it is not there.
    pub data: PathBuf,
    /// The account that the installation belongs to.
    pub account_id: RegistryId,
    /// The alias that the account's registry shall show; without it, one of the AWS form is made once and kept.
    pub alias: Option<RegistryAlias>,
    /// The root access key (id and secret) when it is given from outside instead of being made and written to `credentials`.
    pub root_key: Option<(String, String)>,
    /// The master key when it is given from outside instead of being made and kept beside the data.
    pub master_key: Option<[u8; 32]>,
    /// Quotas and sizes.
    pub limits: Limits,
    /// Where the time comes from.
    pub clock: Clock,
    /// Who else may have the data folder open.
    pub sharing: Sharing,
}

/// Who else may have a data folder open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// No other server: this process is one. What is not there is made.
    Server,
    /// A server or other commands: this process is a command that looks at or changes what is there.
    Beside,
}

/// Why an installation could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file or folder could not be made or read.
    #[error("cannot use '{}': {source}", path.display())]
    Folder {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another server has the data folder open.
    #[error("another roadstead server is using the data directory '{}': stop it, or choose another directory with --data", .0.display())]
    InUse(PathBuf),
    /// There is nothing to work beside.
    #[error("'{}' is not a roadstead data directory: name it with --data, or start a server there first", .0.display())]
    Absent(PathBuf),
    /// The file with the master key does not hold one.
    #[error("'{}' does not contain a master key, which has 64 hexadecimal digits", .0.display())]
    MasterKeyMalformed(PathBuf),
    /// The master key in the file is no secret.
    #[error("the master key in '{}' is all zeros: restore the real key or, if there is no data yet, remove the file to have a new key created", .0.display())]
    MasterKeyWeak(PathBuf),
    /// The server that made the data was given its master key, and this command was not.
    #[error("'{}' does not exist: set ROADSTEAD_MASTER_KEY to the server's master key", .0.display())]
    MasterKeyAbsent(PathBuf),
    /// The stored secrets were sealed with another master key.
    #[error("the master key does not match this data")]
    MasterKeyWrong,
    /// The metadata could not be opened or migrated.
    #[error("cannot open the metadata: {}", reason(.0))]
    Metadata(#[from] Error),
}

/// At the start nobody made a mistake within the server yet.
fn reason(error: &Error) -> String {
    match error {
        Error::Internal(reason) => reason.clone(),
        other => other.to_string(),
    }
}

impl OpenOptions {
    /// The defaults for a data folder: account 000000000000, everything else made at the first start.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        #[allow(clippy::expect_used)]
        let account_id = RegistryId::parse("000000000000").expect("twelve digits are a registry id");
        let (alias, root_key, master_key) = (None, None, None);
        Self {
            data: data.into(),
            account_id,
            alias,
            root_key,
            master_key,
            limits: Limits::default(),
            clock: Clock::System,
            sharing: Sharing::Server,
        }
    }
}

impl Installation {
    /// Opens an installation. A server makes what is not there yet: folder, master key, metadata, account, alias, root key.
    /// A command beside it makes nothing, and [`OpenOptions::account_id`], `alias` and `root_key` mean nothing to it.
    pub async fn open(options: OpenOptions) -> Result<Self, OpenError> {
        let data = &options.data;
        let database = data.join(DATABASE);
        let lock = match options.sharing {
            Sharing::Server => {
                permissions::create_directory(data).map_err(in_folder(data))?;
                let lock = lock(data)?;
                tighten(data);
                permissions::create_file(&database).map_err(in_folder(&database))?;
                Some(lock)
            }
            Sharing::Beside if database.is_file() => None,
            Sharing::Beside => return Err(OpenError::Absent(data.clone())),
        };
        let secrets = master_key(&options)?;
        let metadata = Metadata::open_sqlite(&database)?;
        let (id, account_id) = match options.sharing {
            Sharing::Server => {
                metadata.migrate().await?;
                set_up(&options, &metadata, &secrets).await?
            }
            Sharing::Beside => {
                metadata.check_schema().await?;
                find(data, &metadata, &secrets).await?
            }
        };
        Ok(Self(Arc::new(Inner {
            metadata,
            caches: Caches::new(),
            blobs: BlobStore::open_filesystem(&data.join("blobs"))?,
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
}

/// Takes what others may use from them. Whoever cannot enter the folder cannot get at anything below it, but a folder is copied and
/// opened again. One that holds something else as well is not ours to close.
fn tighten(data: &Path) {
    let names: Vec<_> = fs::read_dir(data).into_iter().flatten().flatten().map(|entry| entry.file_name()).collect();
    if names.iter().all(|name| name == "lost+found" || FILES.iter().any(|file| name == file)) {
        // The folder itself may be named by a link of the operator's.
        permissions::tighten(&fs::canonicalize(data).unwrap_or_else(|_| data.to_owned()));
    } else {
        permissions::warn_if_open(data);
    }
    FILES.iter().for_each(|name| permissions::tighten(&data.join(name)));
}

/// Makes the account and the root key unless they exist, and returns the installation's id and account.
async fn set_up(options: &OpenOptions, metadata: &Metadata, secrets: &MasterKey) -> Result<(String, RegistryId), OpenError> {
    let seal = |(id, secret): &(String, String)| AccessKeyRow::seal(secrets, id, secret, Identity::root(options.account_id.clone()));
    let given_key = options.root_key.as_ref().map(seal).transpose()?;
    let (new_key, new_id, default_alias) = (seal(&random_access_key()?)?, uuid::Uuid::new_v4().to_string(), random_alias()?);
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
        if let Some(key) = access_key_row::find_root_key(tx, &registry).await? {
            return Ok((id, key));
        }
        access_key_row::put_root_key(tx, &new_key, now).await?;
        Ok((id, new_key.clone()))
    };
    let (id, root_key) = metadata.write(set_up).await?;
    let secret = root_key.secret(secrets).ok_or(OpenError::MasterKeyWrong)?;
    if options.root_key.is_none() {
        write_credentials(&options.data, &root_key.id, &secret)?;
    }
    Ok((id, options.account_id.clone()))
}

/// The id and the account of an installation that a server has set up.
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

fn in_folder(path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    let path = path.to_owned();
    move |source| OpenError::Folder { path, source }
}

fn lock(data: &Path) -> Result<File, OpenError> {
    let path = data.join("lock");
    let mut options = permissions::file_options();
    // Whoever may write here must not have a file made elsewhere.
    options.create(true).truncate(false).write(true).custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    let file = options.open(&path).map_err(in_folder(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(data.to_owned())),
        Err(TryLockError::Error(source)) => Err(OpenError::Folder { path, source }),
    }
}

fn master_key(options: &OpenOptions) -> Result<MasterKey, OpenError> {
    if let Some(key) = options.master_key {
        return Ok(MasterKey::new(key));
    }
    let path = options.data.join(MASTER_KEY);
    let mut key = [0; 32];
    match fs::read_to_string(&path) {
        Ok(text) => {
            hex::decode_to_slice(text.trim(), &mut key).map_err(|_| OpenError::MasterKeyMalformed(path.clone()))?;
            if key == [0; 32] {
                return Err(OpenError::MasterKeyWeak(path));
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && options.sharing == Sharing::Beside => {
            return Err(OpenError::MasterKeyAbsent(path));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            key = random()?;
            permissions::write_file(&path, &format!("{}\n", hex::encode(key))).map_err(in_folder(&path))?;
        }
        Err(source) => return Err(OpenError::Folder { path, source }),
    }
    Ok(MasterKey::new(key))
}

/// Writes the root key as an AWS shared-credentials file, unless the file holds it already.
fn write_credentials(data: &Path, id: &str, secret: &str) -> Result<(), OpenError> {
    let path = data.join(CREDENTIALS);
    if fs::read_to_string(&path).is_ok_and(|text| text.contains(id)) {
        return Ok(());
    }
    let profile = |name: &str| format!("[{name}]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n");
    let text = format!("{}\n{}", profile("default"), profile("roadstead"));
    permissions::write_file(&path, &text).map_err(in_folder(&path))
}
