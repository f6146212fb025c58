//! Whose blobs a store has. It says so itself, because its disk may be another one than that of the metadata.

use super::Filesystem;
use super::layout::CLAIM;
use crate::disk::{blocking, permissions, sync_directory};
use crate::error::{Error, Result};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

impl Filesystem {
    /// Records that the blobs here are those of an installation. Fails if they are those of another one.
    pub(in crate::blobs) async fn claim(&self, installation: &str) -> Result<()> {
        if self.read_record(CLAIM).await?.is_none() {
            let (root, own) = (self.layout.root(), installation.to_owned());
            blocking(move || put_claim(&root, &own)).await?;
        }
        self.check_claim(installation).await
    }

    /// Fails if the directory is not the one that was claimed, as when a disk was mounted there since.
    pub(in crate::blobs) async fn check_claim(&self, installation: &str) -> Result<()> {
        let (owner, root) = (self.read_record(CLAIM).await?, self.layout.root());
        match owner {
            Some(owner) if owner == installation => Ok(()),
            Some(_) => {
                let text = format!("'{}' has the blobs of another installation: choose another directory with --data", root.display());
                Err(Error::Refused(text))
            }
            None => Err(Error::Unavailable(format!("'{}' is not the directory that it was: is its disk mounted?", root.display()))),
        }
    }
}

/// Writes a claim unless another server does so at the same time.
fn put_claim(root: &Path, installation: &str) -> io::Result<()> {
    let (path, draft) = (root.join(CLAIM), root.join(format!("{CLAIM}-{}", uuid::Uuid::new_v4())));
    permissions::write_file(&draft, installation)?;
    // A link appears with its whole content. Some file systems have none; few servers share those.
    match fs::hard_link(&draft, &path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => fs::rename(&draft, &path)?,
        _ => fs::remove_file(&draft)?,
    }
    sync_directory(root)
}
