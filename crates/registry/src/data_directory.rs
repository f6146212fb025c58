//! The data directory: its lock, its permissions, and the files with the master key and the root key.

use crate::disk::{DiskSpace, permissions};
use crate::error::Error;
use crate::secrets::{MasterKey, random};
use rustix::fs::{Access, OFlags};
use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The file of the metadata.
pub(crate) const DATABASE: &str = "roadstead.db";
/// The file of the statistics.
pub(crate) const STATISTICS: &str = "statistics.db";
/// How the names of files of statistics begin that could not be read, and were moved out of the way.
pub(crate) const DAMAGED_STATISTICS: &str = "statistics.db.damaged-";
/// The directory of the blobs.
pub(crate) const BLOBS: &str = "blobs";
/// The file of the master key, unless the operator supplies one.
const MASTER_KEY: &str = "master.key";
/// The file of the root key, unless the operator supplies one.
const CREDENTIALS: &str = "credentials";
/// The file that a process locks which collects garbage, or needs that none is collected.
const COLLECTION_LOCK: &str = "collection.lock";
/// The directory that only a place of backups has.
pub(crate) const SNAPSHOTS: &str = "snapshots";
/// All files in a data directory, with those that only a process that was killed leaves there: drafts, and the journals by which SQLite
/// turns to write-ahead logs.
const FILES: [&str; 15] = [
    "lock",
    COLLECTION_LOCK,
    MASTER_KEY,
    "master.new",
    CREDENTIALS,
    "credentials.new",
    DATABASE,
    "roadstead.db-journal",
    "roadstead.db-wal",
    "roadstead.db-shm",
    STATISTICS,
    "statistics.db-journal",
    "statistics.db-wal",
    "statistics.db-shm",
    BLOBS,
];

/// Below this many free bytes on the disk, a failure is reported together with the free space.
const LITTLE_SPACE: u64 = 1 << 20;

/// The processes that may share a data directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// This process is the only server. It creates what does not exist.
    Server,
    /// This process is a command that works on existing data. A server and other commands may run at the same time.
    Command,
}

/// Why an installation could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file or directory could not be created or read.
    #[error("cannot use '{}': {source}", path.display())]
    Directory { path: PathBuf, source: io::Error },
    /// Another server has locked the data directory.
    #[error("another roadstead server is using the data directory '{}': stop it, or choose another directory with --data", .0.display())]
    InUse(PathBuf),
    /// No server has set up this data directory.
    #[error("'{}' is not a roadstead data directory: name it with --data, or start a server there first", .0.display())]
    Absent(PathBuf),
    /// No server has set up an installation in this database.
    #[error("there is no registry in {0}: start a server with these settings first")]
    AbsentFromDatabase(String),
    /// A server has begun to set up an installation.
    #[error("a server has begun to set up {0} and has not finished: wait until it is ready, or start one again")]
    Unfinished(String),
    /// Something else is where an installation is to be copied to.
    #[error("the target is not empty: {0}")]
    NotEmpty(String),
    /// The data directory belongs to an installation without a shared database.
    #[error("'{}' holds an installation with a database of its own: choose another directory for the blobs of --database with --data", .0.display())]
    HoldsDatabase(PathBuf),
    /// The database is gone, or elsewhere. A new one would have garbage collection delete all blobs.
    #[error(
        "'{}' has blobs, but no '{DATABASE}': restore a backup to another directory, name the database with --database if servers share it, or choose an empty directory with --data",
        .0.display()
    )]
    LacksDatabase(PathBuf),
    /// The database names blobs, and their directory is not there. A server would refuse to pull them, and push to the wrong disk.
    #[error(
        "the metadata name blobs, but there are none in '{}': mount their disk, or bring them back with 'roadstead check --repair --from' a backup",
        .0.display()
    )]
    LacksBlobs(PathBuf),
    /// The directory holds backups, which are restored to another place.
    #[error("'{}' holds backups: 'roadstead restore' makes an installation from one in another directory", .0.display())]
    HoldsBackups(PathBuf),
    /// A backup cannot be used.
    #[error("cannot use the backup: {}", reason(.0))]
    Backup(Error),
    /// The file of the master key is malformed.
    #[error("'{}' does not contain a master key, which has 64 hexadecimal digits", .0.display())]
    MasterKeyMalformed(PathBuf),
    /// The master key in the file is all zeros.
    #[error("the master key in '{}' is all zeros: restore the real key or, if there is no data yet, remove the file to have a new key created", .0.display())]
    MasterKeyWeak(PathBuf),
    /// The file of the master key is lost, or the operator supplied the key to an earlier process but not to this one.
    #[error("'{}' does not exist: restore it from a backup, or set ROADSTEAD_MASTER_KEY to the installation's master key", .0.display())]
    MasterKeyAbsent(PathBuf),
    /// Servers share the database, so they need one master key.
    #[error(
        "a shared database needs a master key: set ROADSTEAD_MASTER_KEY or --master-key-file to the same key for every server and command; 'openssl rand -hex 32' makes one"
    )]
    MasterKeyNotGiven,
    /// The stored secrets were sealed with another master key.
    #[error("the master key does not match this data: give the key that the installation was set up with")]
    MasterKeyWrong,
    /// The metadata could not be opened or migrated.
    #[error("cannot open the metadata: {}", reason(.0))]
    Metadata(#[from] Error),
    /// The store of the blobs could not be opened.
    #[error("cannot open the store of blobs: {}", reason(.0))]
    Blobs(Error),
}

/// Leaves out the prefix of errors whose text says it all to an operator.
fn reason(error: &Error) -> String {
    match error {
        Error::Internal(reason) | Error::Unavailable(reason) => reason.clone(),
        other => other.to_string(),
    }
}

/// What a data directory holds.
#[derive(Clone, Copy)]
pub(crate) struct InDirectory {
    pub(crate) database: bool,
    pub(crate) blobs: bool,
}

impl InDirectory {
    /// Whether there is anything in it.
    pub(crate) const fn is_used(self) -> bool {
        self.database || self.blobs
    }
}

/// Prepares a data directory. For a server, creates and locks it, and returns the lock, unless the metadata are elsewhere. For a command,
/// fails if it does not exist.
pub(crate) fn prepare(data: &Path, holds: InDirectory, sharing: Sharing) -> Result<Option<File>, OpenError> {
    let database = data.join(DATABASE);
    match sharing {
        Sharing::Server if holds.is_used() && exists(&data.join(SNAPSHOTS))? => Err(OpenError::HoldsBackups(data.to_owned())),
        _ if !holds.database => check_shared(data, holds, sharing).map(|()| None),
        Sharing::Server => {
            permissions::create_directory(data).map_err(in_directory(data))?;
            let lock = lock(data)?;
            tighten(data);
            permissions::create_file(&database).map_err(in_directory(&database))?;
            check_writable(&database)?;
            // By the user of the server, who could not open it if a command of root had created it.
            let collection = data.join(COLLECTION_LOCK);
            permissions::create_file(&collection).map_err(in_directory(&collection))?;
            Ok(Some(lock))
        }
        // SQLite would open what it cannot write to, and fail later without naming it.
        Sharing::Command if exists(&database)? => check_writable(data).and_then(|()| check_writable(&database)).map(|()| None),
        Sharing::Command => Err(OpenError::Absent(data.to_owned())),
    }
}

/// Whether there is something of this name. Fails if that is hidden from this user.
pub(crate) fn exists(path: &Path) -> Result<bool, OpenError> {
    path.try_exists().map_err(in_directory(path))
}

/// Whether there is a database. On a first start, it is an empty file until the master key is there.
pub(crate) fn has_database(data: &Path) -> Result<bool, OpenError> {
    let path = data.join(DATABASE);
    match fs::metadata(&path) {
        Ok(file) => Ok(file.len() > 0),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(in_directory(&path)(error)),
    }
}

/// Checks a directory that servers share for their blobs. They do not lock it.
fn check_shared(data: &Path, holds: InDirectory, sharing: Sharing) -> Result<(), OpenError> {
    match sharing {
        _ if !holds.blobs => Ok(()),
        // With the blobs of another database, garbage collection would delete them all.
        _ if exists(&data.join(DATABASE))? => Err(OpenError::HoldsDatabase(data.to_owned())),
        // The store of blobs creates it, after the database was found to be usable.
        Sharing::Server => Ok(()),
        Sharing::Command if exists(&data.join(BLOBS))? => Ok(()),
        Sharing::Command => Err(OpenError::Absent(data.to_owned())),
    }
}

fn check_writable(path: &Path) -> Result<(), OpenError> {
    rustix::fs::access(path, Access::WRITE_OK).map_err(|error| in_directory(path)(error.into()))
}

fn lock(data: &Path) -> Result<File, OpenError> {
    let path = data.join("lock");
    match try_lock(&path).map_err(in_directory(&path))? {
        Some(file) => Ok(file),
        None => Err(OpenError::InUse(data.to_owned())),
    }
}

/// Takes the right to collect garbage, or to keep others from it. `None` if another process has it.
pub(crate) fn lock_collection(data: &Path) -> io::Result<Option<File>> {
    try_lock(&data.join(COLLECTION_LOCK))
}

/// Locks a file, which is created if it does not exist. `None` if another process has locked it.
pub(crate) fn try_lock(path: &Path) -> io::Result<Option<File>> {
    let mut options = permissions::file_options();
    // Without following links: anyone who can write to the directory could otherwise have a file created elsewhere.
    options.create(true).truncate(false).write(true).custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    let file = options.open(path)?;
    locked(file.try_lock(), file)
}

/// Keeps a file that exists from being locked, for which the right to read it is enough. `None` if another process has locked it.
pub(crate) fn try_lock_shared(path: &Path) -> io::Result<Option<File>> {
    let file = File::open(path)?;
    locked(file.try_lock_shared(), file)
}

fn locked(tried: Result<(), TryLockError>, file: File) -> io::Result<Option<File>> {
    match tried {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Removes the permissions of other users on the directory and its files: the directory protects the files only until it is copied or
/// opened again. A directory that contains other files keeps its own permissions, because it may serve another purpose.
fn tighten(data: &Path) {
    let names: Vec<_> = fs::read_dir(data).into_iter().flatten().flatten().map(|entry| entry.file_name()).collect();
    if names.iter().all(is_ours) {
        // The operator may name the directory by a link.
        permissions::tighten(&fs::canonicalize(data).unwrap_or_else(|_| data.to_owned()));
    } else {
        permissions::warn_if_open(data);
    }
    FILES.iter().for_each(|name| permissions::tighten(&data.join(name)));
}

/// Whether a name in a data directory is that of a file or a directory of ours.
fn is_ours(name: &OsString) -> bool {
    name == "lost+found" || FILES.iter().any(|file| name == file) || name.to_string_lossy().starts_with(DAMAGED_STATISTICS)
}

/// Fails if a directory has files of others, which a mistyped name may lead to.
pub(crate) fn refuse_other_files(data: &Path) -> Result<(), OpenError> {
    if exists(&data.join(SNAPSHOTS))? {
        return Err(OpenError::HoldsBackups(data.to_owned()));
    }
    let names = fs::read_dir(data).into_iter().flatten().flatten().map(|entry| entry.file_name());
    match names.into_iter().find(|name| !is_ours(name)) {
        Some(name) => Err(OpenError::NotEmpty(format!("'{}' has other files, such as '{}'", data.display(), name.to_string_lossy()))),
        None => Ok(()),
    }
}

/// Reads a master key from a file. `None` if the file does not exist.
pub(crate) fn read_master_key(path: &Path) -> Result<Option<MasterKey>, OpenError> {
    let mut key = [0; 32];
    match fs::read_to_string(path) {
        Ok(text) => hex::decode_to_slice(text.trim(), &mut key).map_err(|_| OpenError::MasterKeyMalformed(path.to_owned()))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(in_directory(path)(error)),
    }
    if key == [0; 32] { Err(OpenError::MasterKeyWeak(path.to_owned())) } else { Ok(Some(MasterKey::new(key))) }
}

/// Reads the master key of a data directory. A server creates one on its first start only: what is in a database was sealed with a key, and
/// another one could not open it.
pub(crate) fn own_master_key(data: &Path, sharing: Sharing) -> Result<MasterKey, OpenError> {
    let path = data.join(MASTER_KEY);
    match read_master_key(&path)? {
        Some(key) => Ok(key),
        None if sharing == Sharing::Command || has_database(data)? => Err(OpenError::MasterKeyAbsent(path)),
        None => {
            let key = random()?;
            permissions::write_file(&path, &format!("{}\n", hex::encode(key))).map_err(in_directory(&path))?;
            Ok(MasterKey::new(key))
        }
    }
}

/// Writes the master key of an installation that is copied to this directory. Fails if the directory has another key.
pub(crate) fn write_master_key(data: &Path, key: &MasterKey) -> Result<(), OpenError> {
    let path = data.join(MASTER_KEY);
    match read_master_key(&path)? {
        Some(own) if own == *key => Ok(()),
        Some(_) => Err(OpenError::MasterKeyWrong),
        None => permissions::write_file(&path, &format!("{}\n", key.to_hex())).map_err(in_directory(&path)),
    }
}

/// Writes the root key as an AWS shared-credentials file, unless the file contains it already.
pub(crate) fn write_credentials(data: &Path, id: &str, secret: &str) -> Result<(), OpenError> {
    let path = data.join(CREDENTIALS);
    if fs::read_to_string(&path).is_ok_and(|text| text.contains(id) && text.contains(secret)) {
        return Ok(());
    }
    let profile = |name: &str| format!("[{name}]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n");
    let text = format!("{}\n{}", profile("default"), profile("roadstead"));
    permissions::write_file(&path, &text).map_err(in_directory(&path))
}

/// The error if something in the data directory cannot be opened. It is a refusal rather than an outage: waiting does not help.
pub(crate) fn unusable(path: &Path, error: Error) -> Error {
    // SQLite does not always tell a full disk from one that fails.
    let space = DiskSpace::of(path).or_else(|| DiskSpace::of(path.parent()?)).filter(|space| space.free < LITTLE_SPACE);
    let space = space.map_or_else(String::new, |space| format!(" ({} bytes are free on the disk)", space.free));
    match error {
        Error::Unavailable(reason) => Error::Refused(format!("'{}': {reason}{space}", path.display())),
        Error::Damaged(reason) => Error::Damaged(format!("'{}': {reason}", path.display())),
        other => other,
    }
}

pub(crate) fn in_directory(path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    let path = path.to_owned();
    move |source| OpenError::Directory { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_process_leaves_is_not_taken_for_files_of_others() {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path();
        for name in [MASTER_KEY, CREDENTIALS] {
            let path = data.join(name);
            fs::create_dir(&path).expect("a directory");
            permissions::write_file(&path, "text").expect_err("a file does not replace a directory, so its draft is left");
        }
        for name in [DATABASE, STATISTICS] {
            // As SQLite names the journal of a change that was not ended.
            fs::write(data.join(format!("{name}-journal")), "").expect("a file");
        }
        let leftovers = ["master.new", "credentials.new", "roadstead.db-journal", "statistics.db-journal"];
        leftovers.iter().for_each(|name| assert!(data.join(name).exists(), "{name}"));
        refuse_other_files(data).expect("no other files");

        fs::write(data.join("notes.new"), "mine").expect("a file");
        let refused = refuse_other_files(data).expect_err("another file").to_string();
        assert!(refused.ends_with("has other files, such as 'notes.new'"), "{refused}");
    }
}
