//! Memory-mapped files: the one place of this crate with `unsafe`.
//!
//! Stored blobs are sent straight from the page cache. A mapping is sound because its file never changes: a blob is written once, under
//! a name that no other blob ever has, and then only removed, which leaves the mapping intact. If an operator truncates the file,
//! accessing the missing pages kills the process (`SIGBUS`). This process therefore never accesses mapped bytes itself: the kernel does
//! when it sends the pages, and reports an error. Bytes that have to be accessed are read from the file ([`Mapping::copy`]).
//! [`Mapping::load`] reports pages that the disk cannot read.
//!
//! Files that other processes write to concurrently are read as [`SharedWords`], word by word.
#![allow(unsafe_code)]

use memmap2::{Advice, Mmap, MmapOptions, MmapRaw};
use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// The unit of loading, in bytes.
const WINDOW: usize = 1 << 20;

/// The first words of a file that other processes write to through their own mappings, and that is never truncated.
#[derive(Debug)]
pub(crate) struct SharedWords {
    map: MmapRaw,
    count: usize,
}

impl SharedWords {
    /// Fails if the file has fewer words.
    pub(crate) fn new(file: &File, count: usize) -> io::Result<Self> {
        let length = count * size_of::<AtomicU32>();
        if file.metadata()?.len() < length as u64 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        Ok(Self { map: MmapOptions::new().len(length).map_raw_read_only(file)?, count })
    }

    /// Reads the words in order: each is at least as recent as those before it.
    pub(crate) fn read(&self) -> impl Iterator<Item = u32> + '_ {
        let words = self.map.as_ptr().cast_mut().cast::<u32>();
        (0..self.count).map(move |at| {
            // SAFETY: The mapping begins at a page, so the words are aligned. It has `count` of them and lives as long as `self`. Only
            // other processes write to them, so the atomic reads race with nothing in this program.
            unsafe { AtomicU32::from_ptr(words.add(at)) }.load(Ordering::Acquire)
        })
    }
}

/// A file whose content never changes.
#[derive(Debug)]
pub(crate) struct Mapping {
    file: File,
    map: Mmap,
    /// Which windows have been loaded. The kernel may evict their pages, but rarely those of a blob in use.
    loaded: Vec<AtomicBool>,
}

impl Mapping {
    pub(crate) fn new(file: File) -> io::Result<Self> {
        // SAFETY: the file never changes; see the documentation of this module.
        let map = unsafe { Mmap::map(&file)? };
        let loaded = (0..map.len().div_ceil(WINDOW)).map(|_| AtomicBool::new(false)).collect();
        Ok(Self { file, map, loaded })
    }

    /// Whether the file has been removed, so that only this mapping keeps its bytes on the disk.
    pub(crate) fn is_removed(&self) -> bool {
        self.file.metadata().is_ok_and(|metadata| metadata.nlink() == 0)
    }

    /// Whether the file still has all the bytes that it had when it was mapped.
    pub(crate) fn is_whole(&self) -> bool {
        self.file.metadata().is_ok_and(|metadata| metadata.len() >= self.map.len() as u64)
    }

    /// Copies a range. Fails if the file no longer has it. Blocks, unless the range was loaded.
    pub(crate) fn copy(&self, start: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(length);
        while bytes.len() < length {
            let from = start + bytes.len() as u64;
            match rustix::io::pread(&self.file, spare_capacity(&mut bytes), from) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        bytes.truncate(length);
        Ok(bytes)
    }

    fn windows(&self, start: usize, length: usize) -> impl Iterator<Item = (usize, &AtomicBool)> {
        let windows = start / WINDOW..(start + length).div_ceil(WINDOW).min(self.loaded.len());
        windows.map(|window| (window, &self.loaded[window]))
    }

    /// Whether a range was loaded.
    pub(crate) fn is_loaded(&self, start: usize, length: usize) -> bool {
        self.windows(start, length).all(|(_, loaded)| loaded.load(Ordering::Relaxed))
    }

    /// Loads a range from the disk into the page cache. Blocks.
    pub(crate) fn load(&self, start: usize, length: usize) -> io::Result<()> {
        for (window, loaded) in self.windows(start, length) {
            let from = window * WINDOW;
            match self.map.advise_range(Advice::PopulateRead, from, WINDOW.min(self.map.len() - from)) {
                // Linux before 5.14 lacks this advice: there the pages are loaded when they are sent.
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
    use std::os::unix::fs::FileExt;

    #[test]
    fn words_are_read_from_the_file_each_time() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        assert!(SharedWords::new(file.as_file(), 2).is_err());
        let write = |file: &mut tempfile::NamedTempFile, words: [u32; 2]| {
            file.as_file().write_all_at(&words.map(u32::to_ne_bytes).concat(), 0).unwrap();
        };
        write(&mut file, [1, 2]);
        let words = SharedWords::new(file.as_file(), 2).unwrap();
        assert!(words.read().eq([1, 2]));
        write(&mut file, [u32::MAX, 3]);
        assert!(words.read().eq([u32::MAX, 3]));
    }

    #[test]
    fn a_mapping_has_the_bytes_of_the_file_also_after_its_removal() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let bytes: Vec<u8> = (0..WINDOW + 5).map(|at| (at % 251) as u8).collect();
        file.write_all(&bytes).unwrap();
        let mapping = Mapping::new(file.reopen().unwrap()).unwrap();
        assert!(!mapping.is_loaded(WINDOW, 5) && !mapping.is_removed());
        mapping.load(WINDOW, 5).unwrap();
        assert!(mapping.is_loaded(WINDOW, 5) && !mapping.is_loaded(0, 1));
        assert!(mapping.copy(WINDOW as u64 - 1, 6).unwrap() == bytes[WINDOW - 1..]);
        file.close().unwrap();
        assert!(mapping.is_removed() && mapping.is_whole());
        assert!(mapping.as_ref() == bytes);
    }

    #[test]
    fn a_truncated_file_is_an_error_and_does_not_kill_the_process() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(3 * WINDOW as u64).unwrap();
        let mapping = Mapping::new(file.reopen().unwrap()).unwrap();
        file.as_file().set_len(WINDOW as u64 + 5).unwrap();
        assert!(!mapping.is_whole());
        assert!(mapping.load(0, WINDOW).is_ok() && mapping.load(2 * WINDOW, WINDOW).is_err());
        assert_eq!(mapping.copy(WINDOW as u64, 5).unwrap(), [0; 5]);
        assert_eq!(mapping.copy(WINDOW as u64, 6).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    }
}
