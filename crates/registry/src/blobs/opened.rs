//! The blobs that were read last, kept open: to open and map a file for every download costs more than to send a small one.

use crate::mapping::Mapping;
use bytes::Bytes;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many are kept.
const CAPACITY: usize = 64;

/// An open blob. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Opened {
    /// None of a blob whose bytes are in memory.
    mapping: Option<Arc<Mapping>>,
    bytes: Bytes,
}

/// Blobs by key, the last one first.
#[derive(Debug, Default)]
pub(super) struct LastOpened(Mutex<Vec<(String, Opened)>>);

struct Shared(Arc<Mapping>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        (*self.0).as_ref()
    }
}

impl Opened {
    /// A blob that is in memory.
    pub(super) fn of_bytes(bytes: Bytes) -> Self {
        Self { mapping: None, bytes }
    }

    /// Opens a blob. It blocks.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        if file.metadata()?.len() == 0 {
            // It cannot be mapped.
            return Ok(Self::of_bytes(Bytes::new()));
        }
        let mapping = Arc::new(Mapping::new(file)?);
        Ok(Self { bytes: Bytes::from_owner(Shared(mapping.clone())), mapping: Some(mapping) })
    }

    /// A part, if the blob has it.
    pub(super) fn part(&self, start: u64, length: usize) -> Option<Bytes> {
        let start = usize::try_from(start).ok()?;
        let end = start.checked_add(length).filter(|end| *end <= self.bytes.len())?;
        Some(self.bytes.slice(start..end))
    }

    /// How many bytes it has.
    pub(super) fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Whether it still has all the bytes that it was opened with.
    pub(super) fn is_whole(&self) -> bool {
        self.mapping.as_ref().is_none_or(|mapping| mapping.is_whole())
    }

    /// The file that it is mapped from, if it is.
    pub(super) fn mapping(&self) -> Option<&Arc<Mapping>> {
        self.mapping.as_ref()
    }

    /// What has to be loaded before a part can be sent without waiting for the disk.
    pub(super) fn not_loaded(&self, start: u64, length: usize) -> Option<&Arc<Mapping>> {
        let start = usize::try_from(start).ok()?;
        self.mapping.as_ref().filter(|mapping| !mapping.is_loaded(start, length))
    }
}

impl LastOpened {
    fn lock(&self) -> MutexGuard<'_, Vec<(String, Opened)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, key: &str) -> Option<Opened> {
        let mut blobs = self.lock();
        let at = blobs.iter().position(|(other, _)| other == key)?;
        blobs[..=at].rotate_right(1);
        blobs.first().map(|(_, blob)| blob.clone())
    }

    /// Keeps a blob, and lets go of those that are too many or were removed, by whichever process.
    pub(super) fn put(&self, key: &str, blob: &Opened) {
        let mut blobs = self.lock();
        blobs.retain(|(_, blob)| blob.mapping.as_ref().is_none_or(|mapping| !mapping.is_removed()));
        blobs.truncate(CAPACITY - 1);
        blobs.insert(0, (key.to_owned(), blob.clone()));
    }

    /// Lets go of a blob, so that its bytes leave the disk.
    pub(super) fn forget(&self, key: &str) {
        self.lock().retain(|(other, _)| other != key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_are_kept_and_removed_ones_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let last = LastOpened::default();
        let open = |name: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, name).unwrap();
            let blob = Opened::open(&path).unwrap();
            last.put(name, &blob);
            blob
        };
        let first = open("first");
        assert_eq!(first.part(1, 3).unwrap(), "irs");
        assert!(first.part(1, 5).is_none());
        open("gone");
        std::fs::remove_file(folder.path().join("gone")).unwrap();
        (0..CAPACITY - 1).for_each(|number| drop((open(&number.to_string()), last.get("first").unwrap())));
        assert!(last.get("gone").is_none());
        last.forget("first");
        assert!(last.get("first").is_none() && last.get("0").is_some());
    }
}
