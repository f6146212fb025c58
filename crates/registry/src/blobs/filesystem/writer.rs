//! Hashing and writing uploads, on threads that may block.

use super::ages;
use super::layout::{Layout, key};
use super::upload_file::UploadFile;
use crate::blobs::object::{ResumedUpload, Settled};
use crate::disk::{permissions, spawn_blocking, sync_directory};
use crate::error::{Error, Result};
use crate::hashing::Hash;
use bytes::Bytes;
use roadstead_model::Digest;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use tokio::task::JoinHandle;

/// After this many bytes they are synced in the background while more arrive, so that the sync at the end is short.
const SYNC_AHEAD_BYTES: u64 = 8 * 1024 * 1024;

/// The writer of an upload. Moves from one blocking task to the next, with the lease of the upload.
pub(super) struct Writer {
    layout: Layout,
    /// Its `received` and `hash` include all appended bytes.
    upload: ResumedUpload,
    /// Opened when the first bytes are appended.
    file: Option<UploadFile>,
    /// The number of bytes written since the last background sync started.
    dirty: u64,
    /// The last background sync.
    syncing: Option<JoinHandle<io::Result<()>>>,
}

impl Writer {
    pub(super) const fn new(layout: Layout, upload: ResumedUpload) -> Self {
        Self { layout, upload, file: None, dirty: 0, syncing: None }
    }

    /// Hashes and writes a batch. Blocks.
    pub(super) fn append(&mut self, batch: &[Bytes]) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        let file = match &mut self.file {
            Some(file) => file,
            file => file.insert(open(&self.layout, &self.upload)?),
        };
        let length = batch.iter().map(|bytes| bytes.len() as u64).sum::<u64>();
        batch.iter().for_each(|bytes| self.upload.hash.update(bytes));
        file.append(batch)?;
        self.upload.received += length;
        self.dirty += length;
        Ok(())
    }

    /// Starts a background sync, unless few bytes are dirty or the last one is still running.
    pub(super) async fn sync_ahead(&mut self) -> Result<()> {
        if self.dirty < SYNC_AHEAD_BYTES || self.syncing.as_ref().is_some_and(|syncing| !syncing.is_finished()) {
            return Ok(());
        }
        self.synced_ahead().await?;
        if let Some(file) = &self.file {
            let handle = file.handle()?;
            self.syncing = Some(spawn_blocking(move || handle.sync_data()));
            self.dirty = 0;
        }
        Ok(())
    }

    /// Waits for the background sync. Its error must not be dropped: the kernel reports a failed write-back only once.
    pub(super) async fn synced_ahead(&mut self) -> Result<()> {
        let Some(syncing) = &mut self.syncing else { return Ok(()) };
        let synced = syncing.await;
        self.syncing = None;
        Ok(synced.map_err(|error| Error::Internal(error.to_string()))??)
    }

    /// Appends the last batch and makes all bytes durable. The file is the state of the upload. Blocks.
    pub(super) fn settle(mut self, last: &[Bytes]) -> Result<Settled> {
        self.append(last)?;
        self.file.iter().try_for_each(UploadFile::make_durable)?;
        Ok(Settled { hash_state: self.upload.hash.save(), stored: None })
    }

    /// Truncates the bytes appended. Blocks.
    pub(super) fn abandon(self) -> io::Result<()> {
        self.file.iter().try_for_each(UploadFile::cut_to_start)
    }

    /// Appends the last batch and makes a durable blob from the upload. Fails if its digest is not the target. Blocks.
    pub(super) fn finish(mut self, last: &[Bytes]) -> Result<String> {
        self.append(last)?;
        if self.file.is_none() && self.upload.taken_over {
            self.file = Some(open(&self.layout, &self.upload)?);
        }
        let expected = self.upload.target.take().ok_or_else(|| Error::Internal("an upload was finished without a target".to_owned()))?;
        let key = key(&self.upload.id, &expected);
        let paths = Paths { upload: self.layout.upload(&self.upload.id), blob: self.layout.object(&key) };
        let file = match self.file {
            Some(file) => file.into_file(),
            None => paths.open_untouched(self.upload.received)?,
        };
        let computed = if self.upload.hash.algorithm() == expected.algorithm() {
            self.upload.hash.finish()
        } else {
            // The session was started with another algorithm, so read the file again.
            paths.digest(self.upload.received, &expected)?
        };
        if computed != expected {
            return Err(Error::LayerDigestMismatch { expected, computed });
        }
        ages::restart(&file)?;
        paths.publish(&file)?;
        Ok(key)
    }
}

/// Opens the file of an upload. If an earlier request renamed it to the target and ended before a row named the blob, the file is first
/// renamed back.
fn open(layout: &Layout, upload: &ResumedUpload) -> io::Result<UploadFile> {
    let path = layout.upload(&upload.id);
    if let Some(target) = &upload.target
        && upload.received > 0
        && !path.exists()
    {
        fs::rename(layout.object(&key(&upload.id, target)), &path)?;
    }
    match upload.received {
        _ if !upload.taken_over => {}
        0 => remove(&path)?,
        length => detach(layout, &path, length)?,
    }
    UploadFile::open(&path, upload.received)
}

/// Removes a file. A former writer that is still alive writes to what it has open.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Replaces the file of an upload by a copy of its first bytes. A former writer that is still alive writes to the old file.
fn detach(layout: &Layout, path: &Path, length: u64) -> io::Result<()> {
    // Under the name of an upload, so that it is collected if this process ends before it is renamed.
    let copy = layout.upload(&uuid::Uuid::new_v4().to_string());
    let mut file = permissions::file_options().create_new(true).write(true).open(&copy)?;
    io::copy(&mut File::open(path)?.take(length), &mut file)?;
    file.sync_all()?;
    fs::rename(&copy, path)?;
    path.parent().map_or(Ok(()), sync_directory)
}

/// The paths of an upload that becomes a blob. The file is at `blob` already if an earlier request was interrupted after the rename.
struct Paths {
    upload: PathBuf,
    blob: PathBuf,
}

impl Paths {
    fn open(&self, options: &OpenOptions) -> io::Result<File> {
        match options.open(&self.upload) {
            Err(error) if error.kind() == ErrorKind::NotFound => options.open(&self.blob),
            opened => opened,
        }
    }

    /// Opens the file of a session that has not appended anything.
    fn open_untouched(&self, length: u64) -> io::Result<File> {
        if length == 0 {
            return Ok(UploadFile::open(&self.upload, 0)?.into_file());
        }
        let file = self.open(OpenOptions::new().write(true))?;
        if file.metadata()?.len() != length {
            // Truncate bytes of a failed request beyond the committed offset.
            file.set_len(length)?;
        }
        Ok(file)
    }

    /// Reads the file and computes its digest by the algorithm of `expected`.
    fn digest(&self, length: u64, expected: &Digest) -> io::Result<Digest> {
        let mut hash = Hash::new(expected.algorithm());
        let mut file = self.open(OpenOptions::new().read(true))?.take(length);
        let mut buffer = vec![0; 1 << 18];
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(hash.finish()),
                read => hash.update(&buffer[..read]),
            }
        }
    }

    /// Renames the file to the path of its blob and makes it durable.
    fn publish(&self, file: &File) -> io::Result<()> {
        let directory = self.blob.parent().unwrap_or(&self.blob);
        let is_new = !directory.is_dir();
        permissions::create_directory(directory)?;
        if self.upload.exists() {
            fs::rename(&self.upload, &self.blob)?;
        }
        // Rename before syncing: a journaling filesystem then writes everything in one transaction.
        file.sync_all()?;
        sync_directory(directory)?;
        if is_new { directory.ancestors().skip(1).take(2).try_for_each(sync_directory) } else { Ok(()) }
    }
}
