//! Access to local files, for the engines and stores that use them.

mod blocking;
pub(crate) mod mapping;
pub(crate) mod permissions;
mod space;

pub use blocking::{BlockingTasks, blocking_tasks};
pub(crate) use blocking::{blocking, spawn_blocking};
pub use space::DiskSpace;
use std::fs::File;
use std::io;
use std::path::Path;

/// Makes the entries of a directory durable: files that were created, renamed or removed there. Blocks.
pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}
