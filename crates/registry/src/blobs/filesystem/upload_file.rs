//! The file of an upload.

use crate::disk::durability::sync_folder;
use crate::disk::permissions;
use bytes::Bytes;
use std::fs::File;
use std::io::{self, ErrorKind, IoSlice, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A file that is open for appending. All its methods block.
pub(super) struct UploadFile {
    file: File,
    /// Where it was opened to append at.
    start: u64,
    /// The folder to make durable as well, if the file is new in it.
    folder: Option<PathBuf>,
}

impl UploadFile {
    /// Opens a file to append at `offset`, and cuts off what lies beyond. At 0 the file is created if it does not exist.
    pub(super) fn open(path: &Path, offset: u64) -> io::Result<Self> {
        let is_new = offset == 0;
        let mut file = permissions::file_options().create(is_new).truncate(false).write(true).open(path)?;
        if file.metadata()?.len() < offset {
            return Err(io::Error::new(ErrorKind::UnexpectedEof, "an upload's file is shorter than its session says"));
        }
        file.set_len(offset)?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(Self { file, start: offset, folder: path.parent().filter(|_| is_new).map(Path::to_owned) })
    }

    /// Appends a batch. If that fails, everything since the file was opened is cut off: no row counts it, and on a full disk nothing
    /// else could free the space.
    pub(super) fn append(&self, batch: &[Bytes]) -> io::Result<()> {
        self.write_all(batch).inspect_err(|_| {
            if let Err(error) = self.cut_to_start() {
                tracing::warn!(%error, "cannot truncate a failed upload");
            }
        })
    }

    fn write_all(&self, batch: &[Bytes]) -> io::Result<()> {
        let mut slices: Vec<IoSlice<'_>> = batch.iter().map(|bytes| IoSlice::new(bytes)).collect();
        let mut left = slices.as_mut_slice();
        IoSlice::advance_slices(&mut left, 0);
        while !left.is_empty() {
            match (&self.file).write_vectored(left) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => IoSlice::advance_slices(&mut left, written),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Another handle on the file, to sync it with.
    pub(super) fn handle(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    pub(super) fn into_file(self) -> File {
        self.file
    }

    /// Cuts off everything since the file was opened.
    pub(super) fn cut_to_start(&self) -> io::Result<()> {
        self.file.set_len(self.start)
    }

    /// Makes everything in the file durable, and its name.
    pub(super) fn make_durable(&self) -> io::Result<()> {
        self.file.sync_all()?;
        self.folder.as_deref().map_or(Ok(()), sync_folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

    #[test]
    fn a_write_that_fails_leaves_nothing_of_what_was_written_since_the_file_was_opened() {
        let mut file = File::from(memfd_create("upload", MemfdFlags::ALLOW_SEALING).unwrap());
        file.write_all(b"noted").unwrap();
        let upload = UploadFile { file, start: 5, folder: None };
        upload.append(&[Bytes::from_static(b" and more")]).unwrap();
        assert_eq!(upload.file.metadata().unwrap().len(), 14);
        // As on a full disk: what is there stays, and nothing comes to it.
        fcntl_add_seals(&upload.file, SealFlags::GROW).unwrap();
        assert!(upload.append(&[Bytes::from_static(b" and what has no room")]).is_err());
        assert_eq!(upload.file.metadata().unwrap().len(), 5);
    }
}
