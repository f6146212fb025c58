//! The WAL index, which shows whether anything has been committed.
//!
//! It is the file whose name ends in `-shm`. SQLite uses its header in the same way (SQLite documentation, "WAL-mode File Format",
//! section 2.1). Another engine must identify commits differently for the cache.

use crate::disk::mapping::SharedWords;
use crate::metadata::cache::{State, Version};
use std::fs::File;
use std::io;
use std::path::Path;

/// The length of a header in words of 32 bits.
const HEADER: usize = 12;

/// An open WAL index. It must outlive all connections, because closing the file releases every lock that this process holds on it.
pub(super) struct WalIndex {
    /// The two copies of the header.
    headers: SharedWords,
    _file: File,
}

impl WalIndex {
    /// Opens the index of a database that is in WAL mode and has been read.
    pub(super) fn open(database: &Path) -> io::Result<Self> {
        let file = File::open(database.with_extension("db-shm"))?;
        Ok(Self { headers: SharedWords::new(&file, 2 * HEADER)?, _file: file })
    }

    /// Identifies the last commit. `None` while a commit is being published. Writers update the second copy of the header first, and
    /// readers read the first copy first, so equal copies are consistent.
    pub(super) fn version(&self) -> Option<Version> {
        let mut words = self.headers.read();
        let [first, second]: [[u32; HEADER]; 2] = [(); 2].map(|()| std::array::from_fn(|_| words.next().unwrap_or_default()));
        (first == second).then_some(Version(State::Log(first)))
    }
}
