//! The files of a store and the meaning of their names.
//!
//! ```text
//! blobs/
//!   uploads/<upload>                       the bytes of an unfinished upload
//!   sha256/<first two hex>/<hex>.<upload>  a blob; the path below `blobs` is its key
//!   sha512/…
//! ```

use crate::blobs::object::StoredObject;
use roadstead_model::Digest;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The directory of unfinished uploads.
pub(super) const UPLOADS: &str = "uploads";

/// The directory of a store.
#[derive(Debug, Clone)]
pub(super) struct Layout(Arc<Path>);

impl Layout {
    pub(super) fn new(root: &Path) -> Self {
        Self(root.into())
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
