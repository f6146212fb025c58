//! The store in a directory of a local filesystem; see `layout.rs` for its files.

mod ages;
mod claim;
mod layout;
mod listing;
mod open_file;
mod open_files;
mod records;
mod session;
mod upload_file;
mod writer;

use super::object::ResumedUpload;
use super::reader::BlobReader;
use crate::disk::{blocking, permissions, sync_directory};
use crate::error::{Error, Result};
use bytes::Bytes;
use layout::Layout;
use open_files::OpenFiles;
use roadstead_model::{Algorithm, Digest, Timestamp};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

pub(super) use layout::had_blobs;
pub(super) use listing::Listing;
pub(super) use open_file::OpenFile;
pub(super) use session::Session;

pub(crate) struct Filesystem {
    layout: Layout,
    /// A directory that exists while the disk is mounted.
    landmark: PathBuf,
    open_files: OpenFiles,
}

impl Filesystem {
    pub(super) fn open(root: &Path) -> Result<Self> {
        let layout = Layout::new(root);
        let uploads = layout.uploads();
        if !uploads.is_dir() {
            permissions::create_directory(&uploads)?;
            sync_directory(root)?;
        }
        Ok(Self { layout, landmark: uploads, open_files: OpenFiles::default() })
    }

    /// Creates nothing: a copy of a place of backups may be on a disk that cannot be written to, and lack empty directories.
    pub(super) fn open_to_read(root: &Path) -> Self {
        let layout = Layout::new(root);
        let landmarks = [layout.uploads(), layout.object(Algorithm::Sha256.as_str())];
        let landmark = landmarks.into_iter().find(|path| path.is_dir()).unwrap_or_else(|| root.to_owned());
        Self { layout, landmark, open_files: OpenFiles::default() }
    }

    pub(super) async fn check_ready(&self) -> Result<()> {
        let landmark = self.landmark.clone();
        blocking(move || fs::read_dir(landmark).map(drop)).await
    }

    pub(super) fn resume(&self, upload: ResumedUpload) -> Session {
        Session::new(self.layout.clone(), upload)
    }

    pub(super) async fn open_blob(&self, key: &str, size: u64) -> Result<BlobReader> {
        if let Some(file) = self.open_files.get(key).filter(OpenFile::is_whole) {
            return Ok(BlobReader::of_file(file));
        }
        self.open_files.remove(key);
        let Some(file) = self.open_file(key, size).await? else { return Ok(BlobReader::of_bytes(Bytes::new())) };
        self.open_files.insert(key, &file);
        Ok(BlobReader::of_file(file))
    }

    pub(super) async fn open_once(&self, key: &str, size: u64) -> Result<BlobReader> {
        let file = self.open_file(key, size).await?;
        Ok(file.map_or_else(|| BlobReader::of_bytes(Bytes::new()), BlobReader::of_file))
    }

    /// Opens a file of this size; `None` if it is empty.
    async fn open_file(&self, key: &str, size: u64) -> Result<Option<OpenFile>> {
        let path = self.layout.object(key);
        let (file, length) = blocking(move || OpenFile::open(&path)).await?;
        if length != size {
            return Err(Error::Internal(format!("the stored blob '{key}' has {length} bytes, not {size}: something else changed it")));
        }
        Ok(file)
    }

    pub(super) async fn named(&self, digest: &Digest) -> Result<Vec<(String, u64)>> {
        let key = layout::key("", digest);
        let (directory, name) = key.rsplit_once('/').map(|(directory, name)| (directory.to_owned(), name.to_owned())).unwrap_or_default();
        let path = self.layout.object(&directory);
        blocking(move || listing::named(&path, &directory, &name)).await
    }

    pub(super) async fn upload_written_since(&self, upload: &str, time: Timestamp) -> Result<bool> {
        let path = self.layout.upload(upload);
        blocking(move || ages::written_since(&path, time)).await
    }

    pub(super) async fn list_older_than(&self, time: Timestamp) -> Result<Listing> {
        Listing::begin(self.layout.clone(), time).await
    }

    pub(super) async fn size(&self, key: &str) -> Result<Option<u64>> {
        let path = self.layout.object(key);
        blocking(move || match fs::metadata(path) {
            Ok(file) => Ok(Some(file.len())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        })
        .await
    }

    /// Links a blob of another directory. File systems without links, or that forbid this one, make it a matter of copying.
    pub(super) async fn link(&self, from: &Self, key: &str, upload: &str, digest: &Digest) -> Result<Option<String>> {
        let new = layout::key(upload, digest);
        let (source, target) = (from.layout.object(key), self.layout.object(&new));
        let linked = blocking(move || {
            permissions::create_directory(target.parent().unwrap_or(&target))?;
            match fs::hard_link(source, target) {
                Err(error) if error.kind() == ErrorKind::NotFound => Err(error),
                linked => Ok::<_, io::Error>(linked.is_ok()),
            }
        });
        Ok(linked.await?.then_some(new))
    }

    pub(super) async fn settle_links(&self) -> Result<()> {
        let layout = self.layout.clone();
        blocking(move || {
            let directories = listing::directories(&layout)?;
            directories.iter().try_for_each(|directory| sync_directory(&layout.object(directory)))?;
            ["sha256", "sha512", "."]
                .iter()
                .map(|directory| layout.object(directory))
                .filter(|path| path.is_dir())
                .try_for_each(|path| sync_directory(&path))
        })
        .await
    }

    pub(super) async fn delete_upload(&self, upload: &str) {
        remove(self.layout.upload(upload)).await;
    }

    pub(super) async fn delete(&self, key: &str) {
        remove(self.layout.object(key)).await;
        self.open_files.remove(key);
    }
}

async fn remove(path: PathBuf) {
    let shown = path.clone();
    let removed = blocking(move || match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    });
    if let Err(error) = removed.await {
        tracing::warn!(%error, path = %shown.display(), "cannot remove a file");
    }
}
