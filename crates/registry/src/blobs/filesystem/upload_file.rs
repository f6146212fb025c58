//! Files of uploads.

use crate::disk::{permissions, sync_directory};
use bytes::Bytes;
use std::fs::File;
use std::io::{self, ErrorKind, IoSlice, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A file that is open for appending. All methods block.
pub(super) struct UploadFile {
    file: File,
    /// The length of the file when it was opened.
    start: u64,
    /// The directory of a new file, which has to be synced too.
    directory: Option<PathBuf>,
}

impl UploadFile {
    /// Opens a file and truncates it to `offset`. At 0 the file is created if it does not exist.
    pub(super) fn open(path: &Path, offset: u64) -> io::Result<Self> {
        let is_new = offset == 0;
        let mut file = permissions::file_options().create(is_new).truncate(false).write(true).open(path)?;
        if file.metadata()?.len() < offset {
            return Err(io::Error::new(ErrorKind::UnexpectedEof, "an upload's file is shorter than its session says"));
        }
        file.set_len(offset)?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(Self { file, start: offset, directory: path.parent().filter(|_| is_new).map(Path::to_owned) })
    }

    /// Appends a batch. On failure, truncates the file to its length when it was opened: no row counts the bytes beyond, and on a full
    /// disk nothing else would free their space.
    pub(super) fn append(&self, batch: &[Bytes]) -> io::Result<()> {
        self.write_all(batch).inspect_err(|_| {
            if let Err(error) = self.cut_to_start() {
                tracing::warn!(%error, "cannot truncate a failed upload");
            }
        })
    }

    fn write_all(&self, batch: &[Bytes]) -> io::Result<()> {
        let mut slices: Vec<IoSlice<'_>> = batch.iter().map(|bytes| IoSlice::new(bytes)).collect();
        let mut remaining = slices.as_mut_slice();
        IoSlice::advance_slices(&mut remaining, 0);
        while !remaining.is_empty() {
            match (&self.file).write_vectored(remaining) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => IoSlice::advance_slices(&mut remaining, written),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Another handle on the file, for syncing it.
    pub(super) fn handle(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    pub(super) fn into_file(self) -> File {
        self.file
    }

    /// Truncates the file to its length when it was opened.
    pub(super) fn cut_to_start(&self) -> io::Result<()> {
        self.file.set_len(self.start)
    }

    /// Makes the file and its name durable.
    pub(super) fn make_durable(&self) -> io::Result<()> {
        self.file.sync_all()?;
        self.directory.as_deref().map_or(Ok(()), sync_directory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

    #[test]
    fn a_failed_write_truncates_the_file_to_its_length_when_it_was_opened() {
        let mut file = File::from(memfd_create("upload", MemfdFlags::ALLOW_SEALING).unwrap());
        file.write_all(b"bytes").unwrap();
        let upload = UploadFile { file, start: 5, directory: None };
        upload.append(&[Bytes::from_static(b" and more")]).unwrap();
        assert_eq!(upload.file.metadata().unwrap().len(), 14);
        // As on a full disk: the file cannot grow.
        fcntl_add_seals(&upload.file, SealFlags::GROW).unwrap();
        assert!(upload.append(&[Bytes::from_static(b" and what has no room")]).is_err());
        assert_eq!(upload.file.metadata().unwrap().len(), 5);
    }
}
