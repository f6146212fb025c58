//! Files of blobs, mapped into memory.

use crate::disk::blocking;
use crate::disk::mapping::Mapping;
use crate::error::Result;
use bytes::Bytes;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;

/// An open file of a blob. Clones share its mapping.
#[derive(Debug, Clone)]
pub(crate) struct OpenFile {
    mapping: Arc<Mapping>,
    /// The same mapping, for zero-copy slices.
    bytes: Bytes,
}

struct Shared(Arc<Mapping>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        (*self.0).as_ref()
    }
}

impl OpenFile {
    /// Opens a file and returns its length. An empty file cannot be mapped and is `None`. Blocks.
    pub(super) fn open(path: &Path) -> io::Result<(Option<Self>, u64)> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        if length == 0 {
            return Ok((None, 0));
        }
        let mapping = Arc::new(Mapping::new(file)?);
        Ok((Some(Self { bytes: Bytes::from_owner(Shared(mapping.clone())), mapping }), length))
    }

    /// Whether the file still has all the bytes that it had when it was opened.
    pub(super) fn is_whole(&self) -> bool {
        self.mapping.is_whole()
    }

    /// Whether any process has deleted the file.
    pub(super) fn is_deleted(&self) -> bool {
        self.mapping.is_removed()
    }

    pub(in crate::blobs) async fn read(&self, offset: u64, length: usize) -> Result<Bytes> {
        let part = self.loaded(offset, length).await?;
        if self.is_whole() { Ok(part) } else { Err(io::Error::from(ErrorKind::UnexpectedEof).into()) }
    }

    pub(in crate::blobs) async fn copy(&self, offset: u64, length: usize) -> Result<Bytes> {
        self.loaded(offset, length).await?;
        Ok(self.mapping.copy(offset, length)?.into())
    }

    /// Returns a range once it is in the page cache.
    async fn loaded(&self, offset: u64, length: usize) -> Result<Bytes> {
        let range = usize::try_from(offset).ok().and_then(|start| Some(start..start.checked_add(length)?));
        let range = range.filter(|range| range.end <= self.bytes.len()).ok_or_else(|| io::Error::from(ErrorKind::UnexpectedEof))?;
        // Use a blocking thread only if the range may have to be read from the disk.
        if !self.mapping.is_loaded(range.start, length) {
            let (mapping, start) = (self.mapping.clone(), range.start);
            blocking(move || mapping.load(start, length)).await?;
        }
        Ok(self.bytes.slice(range))
    }
}
