//! The rows that a new manifest references. The repository must hold them.

use super::Push;
use crate::error::{Error, Result};
use crate::manifests::find;
use crate::repository_blobs::rows::{find_all_linked, find_linked};
use roadstead_model::{Digest, media_type};

/// The row ids of the blobs and manifests that a manifest references.
#[derive(Debug, Default)]
pub(super) struct References {
    pub(super) blobs: Vec<i64>,
    pub(super) children: Vec<i64>,
    /// The sizes of the entries of an index in bytes, in order. A missing one has none.
    pub(super) sizes: Vec<u64>,
}

impl Push<'_, '_> {
    /// Finds all references. Fails with the missing blobs or, if there are none, with the missing children.
    pub(super) async fn references(&mut self) -> Result<References> {
        let mut references = References::default();
        self.find_blobs(&mut references).await?;
        self.find_children(&mut references).await?;
        Ok(references)
    }

    async fn find_blobs(&mut self, references: &mut References) -> Result<()> {
        let (manifest, mut missing) = (&self.new.manifest, Vec::new());
        // An external layer need not have been pushed.
        let external = manifest.layers.iter().filter(|layer| layer.external).map(|layer| &layer.digest);
        let required = manifest.required_blobs();
        let wanted: Vec<&Digest> = required.iter().copied().chain(external).collect();
        let found = find_all_linked(self.tx, self.repository, &wanted).await?;
        for (index, (digest, blob)) in wanted.into_iter().zip(found).enumerate() {
            match blob {
                Some(blob) => references.blobs.push(blob.id),
                None if index < required.len() => missing.push(digest.clone()),
                None => {}
            }
        }
        if missing.is_empty() { Ok(()) } else { Err(Error::LayersNotFound { repository: self.key.clone(), digests: missing }) }
    }

    /// Finds the entries of an index. Missing ones are allowed if sparse indexes are.
    async fn find_children(&mut self, references: &mut References) -> Result<()> {
        let mut missing = Vec::new();
        for entry in &self.new.manifest.manifests {
            let size = if let Some((id, image_size)) = find(self.tx, self.repository, &entry.digest).await? {
                references.children.push(id);
                image_size
            } else if !media_type::is_manifest(&entry.media_type)
                && let Some(blob) = find_linked(self.tx, self.repository, &entry.digest).await?
            {
                // Older BuildKit versions list cache layers in an index.
                references.blobs.push(blob.id);
                blob.info.size
            } else {
                missing.push(entry.digest.clone());
                0
            };
            references.sizes.push(size);
        }
        if missing.is_empty() || self.limits.sparse_indexes {
            return Ok(());
        }
        Err(Error::ReferencedImagesNotFound { repository: self.key.clone(), digests: missing })
    }
}
