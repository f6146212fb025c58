//! Stored blobs in memory, without a copy of their own: what is sent comes straight from the pages in which the kernel
//! keeps the file anyway.
//!
//! This is the one place of the workspace with `unsafe`. A mapping is sound as long as nobody changes the file: blobs are
//! written once, under a name that no other blob ever has, and after that only removed, which leaves a mapping whole. A file
//! that somebody shortens by hand ends the process at the next look at what is missing; a page that the disk cannot read is
//! found by [`Mapping::load`], which says so.
#![allow(unsafe_code)]

use memmap2::{Advice, Mmap};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicBool, Ordering};

/// What is loaded at a time.
const WINDOW: usize = 1 << 20;

/// A blob.
#[derive(Debug)]
pub(super) struct Mapping {
    file: File,
    map: Mmap,
    /// For each window whether it has been loaded. The kernel may drop its pages again, but seldom those of a blob in use.
    loaded: Vec<AtomicBool>,
}

impl Mapping {
    pub(super) fn new(file: File) -> io::Result<Self> {
        // SAFETY: nobody changes the file; see above.
        let map = unsafe { Mmap::map(&file)? };
        let loaded = (0..map.len().div_ceil(WINDOW)).map(|_| AtomicBool::new(false)).collect();
        Ok(Self { file, map, loaded })
    }

    /// Whether the file has been removed, so that only this mapping keeps its bytes on the disk.
    pub(super) fn is_removed(&self) -> bool {
        self.file.metadata().is_ok_and(|metadata| metadata.nlink() == 0)
    }

    fn windows(&self, start: usize, length: usize) -> impl Iterator<Item = (usize, &AtomicBool)> {
        let windows = start / WINDOW..(start + length).div_ceil(WINDOW).min(self.loaded.len());
        windows.map(|window| (window, &self.loaded[window]))
    }

    /// Whether this part was loaded.
    pub(super) fn is_loaded(&self, start: usize, length: usize) -> bool {
        self.windows(start, length).all(|(_, loaded)| loaded.load(Ordering::Relaxed))
    }

    /// Reads this part from the disk into memory, unless it is there. It blocks.
    pub(super) fn load(&self, start: usize, length: usize) -> io::Result<()> {
        for (window, loaded) in self.windows(start, length) {
            let from = window * WINDOW;
            match self.map.advise_range(Advice::PopulateRead, from, WINDOW.min(self.map.len() - from)) {
                // Linux before 5.14 does not know how: there the bytes are read when they are sent.
                Err(error) if error.kind() != ErrorKind::InvalidInput => return Err(error),
                _ => loaded.store(true, Ordering::Relaxed),
            }
        }
        Ok(())
    }
}

impl AsRef<[u8]> for Mapping {
    fn as_ref(&self) -> &[u8] {
        &self.map
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_mapping_has_the_bytes_of_the_file_also_after_its_removal() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let bytes: Vec<u8> = (0..WINDOW + 5).map(|at| (at % 251) as u8).collect();
        file.write_all(&bytes).unwrap();
        let mapping = Mapping::new(file.reopen().unwrap()).unwrap();
        assert!(!mapping.is_loaded(WINDOW, 5) && !mapping.is_removed());
        mapping.load(WINDOW, 5).unwrap();
        assert!(mapping.is_loaded(WINDOW, 5) && !mapping.is_loaded(0, 1));
        file.close().unwrap();
        assert!(mapping.is_removed());
        assert!(mapping.as_ref() == bytes);
    }
}
