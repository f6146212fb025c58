//! The WAL index, which tells whether anything has been committed.
//!
//! It is the file whose name ends in `-shm`, and its header is where SQLite itself looks (SQLite documentation, "WAL-mode File Format",
//! section 2.1). So this file is what ties the cache of reads to local files: another engine identifies its commits in another way.

use crate::disk::mapping::SharedWords;
use crate::metadata::cache::Version;
use std::fs::File;
use std::io;
use std::path::Path;

/// How many words the header has.
const HEADER: usize = 12;

/// Open as long as any connection: closing the file would end every lock that this process holds on it.
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

    /// Identifies the last commit; `None` while one is being published. A writer updates the second copy of the header first, and a
    /// reader reads the first copy first, so copies that are equal are consistent.
    pub(super) fn version(&self) -> Option<Version> {
        let mut words = self.headers.read();
        let [first, second]: [[u32; HEADER]; 2] = [(); 2].map(|()| std::array::from_fn(|_| words.next().unwrap_or_default()));
        (first == second).then_some(Version(first))
    }
}
