//! The temporary directory of `--ephemeral`, which a server removes when it ends. A server that is killed cannot, so the next one
//! removes its directory.
//!
//! A server holds a lock on its directory while it runs. Whoever gets the lock of a directory may remove it.

use super::failure::Failure;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use tempfile::TempDir;

/// How the names of these directories begin.
const PREFIX: &str = "roadstead-ephemeral-";
/// How often a directory is created anew because another server has just removed it.
const ATTEMPTS: usize = 10;

/// A new directory, and the lock on it.
pub(super) struct EphemeralDirectory {
    directory: TempDir,
    lock: File,
}

impl EphemeralDirectory {
    /// Removes the directories of killed servers, and creates one. It contains an access key, so other users must not read it.
    pub(super) fn create() -> Result<Self, Failure> {
        let place = std::env::temp_dir();
        remove_abandoned(&place);
        let created = create_in(&place);
        created.map_err(|error| Failure::Failed(format!("cannot create a temporary directory in '{}': {error}", place.display())))
    }

    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Removes the directory with its content.
    pub(super) fn remove(self) {
        let path = self.path().to_owned();
        if let Err(error) = self.directory.close() {
            tracing::warn!(%error, directory = %path.display(), "the temporary directory could not be removed");
        }
        drop(self.lock);
    }
}

fn create_in(place: &Path) -> io::Result<EphemeralDirectory> {
    for _ in 0..ATTEMPTS {
        let directory = tempfile::Builder::new().prefix(PREFIX).permissions(Permissions::from_mode(0o700)).tempdir_in(place)?;
        // Between these two steps, another server may find it without a lock and remove it.
        if let Some(lock) = lock(directory.path())? {
            return Ok(EphemeralDirectory { directory, lock });
        }
    }
    Err(io::Error::other("other servers remove it again and again"))
}

/// Locks a directory. `None` if another process holds the lock or has removed the directory.
fn lock(path: &Path) -> io::Result<Option<File>> {
    let directory = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    match directory.try_lock() {
        Ok(()) => Ok(Some(directory).filter(|_| path.exists())),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(error)) => Err(error),
    }
}

/// Removes the directories of this user that no process has locked.
fn remove_abandoned(place: &Path) {
    let own = rustix::process::geteuid().as_raw();
    for entry in fs::read_dir(place).into_iter().flatten().flatten() {
        let is_own = || entry.metadata().is_ok_and(|metadata| metadata.is_dir() && metadata.uid() == own);
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) || !is_own() {
            continue;
        }
        let path = entry.path();
        match lock(&path).and_then(|lock| lock.map(|_lock| fs::remove_dir_all(&path)).transpose()) {
            Ok(None) => {}
            Ok(Some(())) => tracing::info!(directory = %path.display(), "removed the data of an ephemeral server that was killed"),
            Err(error) => {
                tracing::warn!(%error, directory = %path.display(), "cannot remove the data of an ephemeral server that was killed");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_process_has_locked_is_removed_and_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        let running = create_in(place.path()).unwrap();
        // As after a kill, the directory is there and its lock is not.
        let EphemeralDirectory { directory: killed, lock } = create_in(place.path()).unwrap();
        let killed = killed.keep();
        drop(lock);
        fs::write(killed.join("credentials"), "").unwrap();
        let [data, file, link] =
            ["roadstead-data", "roadstead-ephemeral-file", "roadstead-ephemeral-link"].map(|name| place.path().join(name));
        fs::create_dir(&data).unwrap();
        fs::write(&file, "").unwrap();
        std::os::unix::fs::symlink(&data, &link).unwrap();
        remove_abandoned(place.path());
        assert!(!killed.exists());
        assert!([running.path(), &data, &file, &link].iter().all(|path| path.exists()));
        let path = running.path().to_owned();
        running.remove();
        assert!(!path.exists());
    }

    #[test]
    fn a_lock_is_held_once_and_on_what_exists() {
        let place = tempfile::tempdir().unwrap();
        let held = lock(place.path()).unwrap();
        assert!(held.is_some() && lock(place.path()).unwrap().is_none());
        assert!(lock(&place.path().join("removed")).unwrap().is_none());
    }
}
