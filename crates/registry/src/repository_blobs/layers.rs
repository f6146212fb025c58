//! Blobs as layers of images.

use super::availability::Asker;
use super::rows::find_linked;
use crate::error::{Error, Result};
use crate::installation::Installation;
use crate::metadata::{Tx, params, statements};
use crate::repository_blob::{BlobInfo, BlobRow, LayerInfo};
use crate::repository_row;
use roadstead_model::{Digest, Manifest, RepositoryKey};

statements! {
    SELECT_FIRST_USER = "SELECT manifest_id FROM manifest_blob WHERE repository_id = ?1 AND blob_id = ?2 ORDER BY manifest_id LIMIT 1";
    SELECT_CONTENT_OF_USER = "SELECT bytes FROM manifest_content WHERE manifest_id = ?1";
}

/// A layer, and whether a manifest of the repository references it.
type Layer = (LayerInfo, bool);

impl Installation {
    /// Returns for each digest, in order, the blob that the repository holds.
    pub async fn find_layers(&self, repository: &RepositoryKey, digests: &[Digest], asker: Asker) -> Result<Vec<Option<LayerInfo>>> {
        let mut layers = Vec::with_capacity(digests.len());
        for found in self.linked_layers(repository, digests).await? {
            layers.push(match found {
                Some((layer, needed)) if needed || self.is_available_to(asker, repository, &layer.digest).await? => Some(layer),
                _ => None,
            });
        }
        Ok(layers)
    }

    async fn linked_layers(&self, repository: &RepositoryKey, digests: &[Digest]) -> Result<Vec<Option<Layer>>> {
        let work = async |tx: &mut Tx<'_>| {
            let repository = repository_row::require(tx, repository).await?;
            let mut layers = Vec::with_capacity(digests.len());
            // Layers requested together mostly belong to one manifest, so keep the last one.
            let mut manifest = None;
            for digest in digests {
                layers.push(match find_linked(tx, repository, digest).await? {
                    Some(blob) => Some(describe(tx, repository, blob, &mut manifest).await?),
                    None => None,
                });
            }
            Ok(layers)
        };
        self.0.metadata.read(work).await
    }

    /// Whether the repository still holds a blob for this asker.
    async fn is_available_to(&self, asker: Asker, repository: &RepositoryKey, digest: &Digest) -> Result<bool> {
        match self.look_for_blob(repository, digest, async || Ok::<_, Error>(asker)).await {
            Ok(_) => Ok(true),
            Err(Error::LayerNotFound(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Describes a blob by the first manifest that references it. `manifest` holds the last manifest read.
async fn describe(tx: &mut Tx<'_>, repository: i64, blob: BlobRow, manifest: &mut Option<(i64, Option<Manifest>)>) -> Result<Layer> {
    let BlobRow { id, info: BlobInfo { digest, size } } = blob;
    let Some(user) = tx.query_one(&SELECT_FIRST_USER, params![repository, id]).await? else {
        return Ok((LayerInfo { digest, size, media_type: None }, false));
    };
    if manifest.as_ref().is_none_or(|(id, _)| *id != user) {
        *manifest = None;
        let bytes: Option<Vec<u8>> = tx.query_one(&SELECT_CONTENT_OF_USER, params![user]).await?;
        *manifest = Some((user, bytes.and_then(|bytes| Manifest::parse(&bytes, None).ok())));
    }
    let mut parts = manifest.iter().filter_map(|(_, manifest)| manifest.as_ref()).flat_map(|m| m.config.iter().chain(&m.layers));
    let media_type = parts.find(|part| part.digest == digest).map(|part| part.media_type.clone());
    Ok((LayerInfo { digest, size, media_type: media_type.filter(|text| !text.is_empty()) }, true))
}
