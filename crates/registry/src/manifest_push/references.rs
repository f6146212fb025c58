//! What a manifest refers to, and its repository must hold.

use super::Push;
use crate::error::{Error, Result};
use crate::manifests::find;
use crate::repository_blobs::rows::find_linked;
use roadstead_model::{Descriptor, media_type};

/// What an entry of an index turned out to be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Child {
    /// A manifest of the repository, with its image size.
    Manifest { id: i64, image_size: u64 },
    /// A blob of the repository (older BuildKit lists its cache layers in an index).
    Blob { id: i64, size: u64 },
}

impl Child {
    pub(super) const fn image_size(&self) -> u64 {
        match self {
            Self::Manifest { image_size, .. } => *image_size,
            Self::Blob { size, .. } => *size,
        }
    }
}

impl Push<'_, '_> {
    /// The row ids of the blobs that the manifest holds on to. Fails with all required ones that are missing.
    pub(super) async fn required_blobs(&mut self) -> Result<Vec<i64>> {
        let manifest = &self.new.manifest;
        let required = manifest.required_blobs();
        let (mut found, mut missing) = (Vec::with_capacity(required.len()), Vec::new());
        for digest in required {
            match find_linked(self.tx, self.repository, digest).await? {
                Some(blob) => found.push(blob.id),
                None => missing.push(digest.clone()),
            }
        }
        for external in manifest.layers.iter().filter(|layer| layer.external) {
            // A layer that may be stored elsewhere is kept all the same once it was pushed here.
            found.extend(find_linked(self.tx, self.repository, &external.digest).await?.map(|blob| blob.id));
        }
        if missing.is_empty() { Ok(found) } else { Err(Error::LayersNotFound { repository: self.key.clone(), digests: missing }) }
    }

    /// What the entries of an index are. Fails with all that are missing, unless sparse indexes are allowed.
    pub(super) async fn children(&mut self) -> Result<Vec<Child>> {
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        for entry in &self.new.manifest.manifests {
            match self.find_child(entry).await? {
                Some(child) => found.push(child),
                None if self.limits.sparse_indexes => {}
                None => missing.push(entry.digest.clone()),
            }
        }
        if missing.is_empty() { Ok(found) } else { Err(Error::ReferencedImagesNotFound { repository: self.key.clone(), digests: missing }) }
    }

    async fn find_child(&mut self, entry: &Descriptor) -> Result<Option<Child>> {
        if let Some((id, image_size)) = find(self.tx, self.repository, &entry.digest).await? {
            return Ok(Some(Child::Manifest { id, image_size }));
        }
        if media_type::is_manifest(&entry.media_type) {
            return Ok(None);
        }
        Ok(find_linked(self.tx, self.repository, &entry.digest).await?.map(|blob| Child::Blob { id: blob.id, size: blob.info.size }))
    }
}
