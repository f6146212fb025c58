//! An LRU cache of open files, because opening and mapping a file costs more than sending a small one.

use super::open_file::OpenFile;
use parking_lot::Mutex;

/// The number of cached files, few enough for a linear search.
const CAPACITY: usize = 64;

/// Files by key, most recently used first.
#[derive(Debug, Default)]
pub(super) struct OpenFiles(Mutex<Vec<(String, OpenFile)>>);

impl OpenFiles {
    pub(super) fn get(&self, key: &str) -> Option<OpenFile> {
        let mut files = self.0.lock();
        let at = files.iter().position(|(other, _)| other == key)?;
        files[..=at].rotate_right(1);
        files.first().map(|(_, file)| file.clone())
    }

    /// Inserts a file. Evicts files that another process has deleted, and the least recently used one if the cache is full.
    pub(super) fn insert(&self, key: &str, file: &OpenFile) {
        let mut files = self.0.lock();
        files.retain(|(_, file)| !file.is_deleted());
        files.truncate(CAPACITY - 1);
        files.insert(0, (key.to_owned(), file.clone()));
    }

    /// Evicts a file. The disk space of a deleted file is freed only when no reader has it open.
    pub(super) fn remove(&self, key: &str) {
        self.0.lock().retain(|(other, _)| other != key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn recently_used_files_are_kept_and_deleted_ones_are_not() {
        let directory = tempfile::tempdir().unwrap();
        let files = OpenFiles::default();
        let open = |name: &str| {
            let path = directory.path().join(name);
            std::fs::write(&path, name).unwrap();
            let file = OpenFile::open(&path).unwrap().0.unwrap();
            files.insert(name, &file);
            file
        };
        let first = open("first");
        assert_eq!(first.read(1, 3).await.unwrap(), "irs");
        assert!(first.read(1, 5).await.is_err());
        open("gone");
        std::fs::remove_file(directory.path().join("gone")).unwrap();
        (0..CAPACITY - 1).for_each(|number| drop((open(&number.to_string()), files.get("first").unwrap())));
        assert!(files.get("gone").is_none());
        files.remove("first");
        assert!(files.get("first").is_none() && files.get("0").is_some());
    }
}
