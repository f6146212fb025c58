//! Ages of files: their modification times, by the clock of the machine that wrote them.

use roadstead_model::Timestamp;
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Resets the age of a file to zero.
pub(super) fn restart(file: &File) -> io::Result<()> {
    file.set_modified(SystemTime::now())
}

/// Whether a file was last written before `time`.
pub(super) fn is_older(file: &Metadata, time: Timestamp) -> io::Result<bool> {
    let time = UNIX_EPOCH + Duration::from_micros(u64::try_from(time.micros()).unwrap_or(0));
    Ok(file.modified()? < time)
}

/// Whether a file exists and was written at or after `time`. Blocks.
pub(super) fn written_since(path: &Path, time: Timestamp) -> io::Result<bool> {
    match fs::metadata(path) {
        Ok(file) => Ok(!is_older(&file, time)?),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
