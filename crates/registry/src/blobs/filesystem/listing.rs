//! Listing the objects of a store. A page is one directory: the blobs of an algorithm are spread evenly over 256 of them.

use super::ages;
use super::layout::{self, Layout, UPLOADS};
use crate::blobs::object::StoredObject;
use crate::disk::blocking;
use crate::error::Result;
use roadstead_model::{Algorithm, Timestamp};
use std::fs::{self, DirEntry};
use std::io::{self, ErrorKind};
use std::path::Path;

pub(crate) struct Listing {
    layout: Layout,
    /// The remaining directories, as paths below the root.
    directories: std::vec::IntoIter<String>,
    older_than: Timestamp,
}

impl Listing {
    pub(super) async fn begin(layout: Layout, older_than: Timestamp) -> Result<Self> {
        let root = layout.clone();
        let directories = blocking(move || directories(&root)).await?;
        Ok(Self { layout, directories: directories.into_iter(), older_than })
    }

    pub(in crate::blobs) async fn next_page(&mut self) -> Result<Option<Vec<StoredObject>>> {
        let Some(directory) = self.directories.next() else { return Ok(None) };
        let (path, older_than) = (self.layout.object(&directory), self.older_than);
        blocking(move || objects(&path, &directory, older_than)).await.map(Some)
    }
}

pub(super) fn directories(layout: &Layout) -> io::Result<Vec<String>> {
    let mut directories = vec![UPLOADS.to_owned()];
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512].map(Algorithm::as_str) {
        let entries = entries(&layout.object(algorithm))?;
        directories.extend(entries.iter().map(|entry| format!("{algorithm}/{}", entry.file_name().to_string_lossy())));
    }
    Ok(directories)
}

fn objects(path: &Path, directory: &str, older_than: Timestamp) -> io::Result<Vec<StoredObject>> {
    let mut objects = Vec::new();
    for entry in entries(path)? {
        // The file may have been removed meanwhile.
        let Ok(file) = entry.metadata() else { continue };
        if file.is_file() && ages::is_older(&file, older_than)? {
            objects.extend(layout::object_named(directory, &entry.file_name().to_string_lossy(), file.len()));
        }
    }
    Ok(objects)
}

/// The keys of the files in a directory whose names begin with this text, with their sizes.
pub(super) fn named(path: &Path, directory: &str, beginning: &str) -> io::Result<Vec<(String, u64)>> {
    let mut named = Vec::new();
    for entry in entries(path)? {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(beginning) {
            named.push((format!("{directory}/{name}"), entry.metadata()?.len()));
        }
    }
    Ok(named)
}

/// The entries of a directory; empty if it does not exist or is a file, as desktops leave them beside directories.
fn entries(directory: &Path) -> io::Result<Vec<DirEntry>> {
    match fs::read_dir(directory) {
        Ok(entries) => entries.collect(),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}
