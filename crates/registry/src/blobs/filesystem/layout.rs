//! The files of a store and the meaning of their names.
//!
//! ```text
//! blobs/
//!   installation                           the id of the installation that the store belongs to
//!   uploads/<upload>                       the bytes of an unfinished upload
//!   sha256/<first two hex>/<hex>.<upload>  a blob; the path below `blobs` is its key
//!   sha512/…
//! ```

use crate::blobs::object::StoredObject;
use roadstead_model::{Algorithm, Digest};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The file with the id of the installation that the store belongs to.
pub(super) const CLAIM: &str = "installation";

/// The directory of unfinished uploads.
pub(super) const UPLOADS: &str = "uploads";

/// The directory of a store.
#[derive(Debug, Clone)]
pub(super) struct Layout(Arc<Path>);

impl Layout {
    pub(super) fn new(root: &Path) -> Self {
        Self(root.into())
    }

    pub(super) fn root(&self) -> Arc<Path> {
        self.0.clone()
    }

    pub(super) fn uploads(&self) -> PathBuf {
        self.0.join(UPLOADS)
    }

    pub(super) fn upload(&self, id: &str) -> PathBuf {
        self.uploads().join(id)
    }

    /// The file of a blob, or a directory by its path in the store.
    pub(super) fn object(&self, key: &str) -> PathBuf {
        self.0.join(key)
    }
}

/// Whether a store in this directory has ever had a blob. Fails if that cannot be told, as with a link to a disk that is not mounted.
pub(in crate::blobs) fn had_blobs(root: &Path) -> io::Result<bool> {
    if fs::symlink_metadata(root).is_ok_and(|entry| entry.is_symlink()) {
        fs::metadata(root)?;
    }
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        if root.join(algorithm.as_str()).try_exists()? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The key of the blob made from an upload, unique to that upload.
pub(super) fn key(upload: &str, digest: &Digest) -> String {
    let hex = digest.hex();
    format!("{}/{}/{hex}.{upload}", digest.algorithm().as_str(), &hex[..2])
}

/// The object in a file, by its directory and name. `None` for files that do not belong to the store.
pub(super) fn object_named(directory: &str, name: &str, size: u64) -> Option<StoredObject> {
    if directory == UPLOADS {
        return uuid::Uuid::try_parse(name).ok().map(|id| StoredObject { upload: id.to_string(), key: None, size });
    }
    let (algorithm, _) = directory.split_once('/')?;
    let (hex, upload) = name.split_once('.')?;
    Digest::parse(&format!("{algorithm}:{hex}")).ok()?;
    Some(StoredObject { upload: upload.to_owned(), key: Some(format!("{directory}/{name}")), size })
}
