//! Permissions: only the owner can access a data directory, whatever the umask. Directories have mode 0700 and files 0600.

use super::sync_directory;
use rustix::fs::OFlags;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

const FILE: u32 = 0o600;
const DIRECTORY: u32 = 0o700;
/// The permission bits of the group and of other users.
const OTHERS: u32 = 0o077;

/// Creates a directory and its missing parents.
pub(crate) fn create_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(DIRECTORY).create(path)
}

/// Options for opening a file that may have to be created.
pub(crate) fn file_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(FILE);
    options
}

/// Creates an empty file, unless it exists. SQLite gives the mode of a database to the files that it creates next to it.
pub(crate) fn create_file(path: &Path) -> io::Result<()> {
    match file_options().create_new(true).write(true).open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// The mode of a directory or file, if other users have any permission on it.
fn open_to_others(path: &Path) -> Option<u32> {
    let mode = fs::metadata(path).ok()?.permissions().mode() & 0o7777;
    Some(mode).filter(|mode| mode & OTHERS != 0)
}

/// Removes the permissions of other users, which an older version, another umask or a `chmod` may have given them.
pub(crate) fn tighten(path: &Path) {
    let Some(mode) = open_to_others(path) else { return };
    let shown = path.display();
    // Another user with write permission could have placed a link here that leads elsewhere.
    if path.is_symlink() {
        tracing::warn!(path = %shown, "the target of this link is accessible to other users and was left unchanged: run chmod go-rwx on it");
        return;
    }
    match fs::set_permissions(path, Permissions::from_mode(mode & !OTHERS)) {
        Ok(()) => tracing::warn!(path = %shown, "this was accessible to other users; access is now restricted to the owner"),
        Err(error) => {
            tracing::warn!(path = %shown, %error, "this is accessible to other users and could not be restricted: run chmod go-rwx on it");
        }
    }
}

/// Warns the operator if other users have any permission on a directory.
pub(crate) fn warn_if_open(path: &Path) {
    if open_to_others(path).is_some() {
        let path = path.display();
        tracing::warn!(%path, "the data directory is accessible to other users and contains other files: use a separate directory");
    }
}

/// Writes a file atomically. Replaces any file or link of this name; a link is not followed.
pub(crate) fn write_file(path: &Path, text: &str) -> io::Result<()> {
    let draft = path.with_extension("new");
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file: File = file_options().create_new(true).write(true).custom_flags(OFlags::NOFOLLOW.bits().cast_signed()).open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    sync_directory(path.parent().unwrap_or(path))
}
