//! The space of a file system.

use std::path::Path;

/// The space of the file system of the data directory, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskSpace {
    /// What is free for the user that the process runs as.
    pub free: u64,
    pub size: u64,
}

impl DiskSpace {
    /// The space of the file system that has this directory. `None` if it cannot be found out.
    pub(crate) fn of(directory: &Path) -> Option<Self> {
        let found = rustix::fs::statvfs(directory).ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
        Some(Self { free: bytes(found.f_bavail), size: bytes(found.f_blocks) })
    }
}
