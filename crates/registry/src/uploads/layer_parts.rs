//! Layer uploads as in Amazon ECR: parts have a minimum size and are sent whole.

use super::body::Buffered;
use super::session::{SessionName, Upload, misplaced};
use crate::error::{Error, Result};
use crate::hashing::Hash;
use crate::installation::Installation;
use crate::repository_blob::BlobInfo;
use bytes::Bytes;
use roadstead_model::Digest;

/// A part of a layer, in memory.
#[derive(Debug, Clone)]
pub struct LayerPart {
    /// The offset of its first byte in the layer.
    pub first_byte: u64,
    /// The offset of its last byte in the layer.
    pub last_byte: u64,
    pub bytes: Bytes,
}

impl Installation {
    /// Appends a part, as UploadLayerPart does. Fails unless it begins at the session's length.
    pub async fn append_layer_part(&self, name: SessionName<'_>, part: LayerPart) -> Result<Upload> {
        let row = self.session(name).await?.row;
        let length = part.last_byte.checked_sub(part.first_byte).map_or(0, |difference| difference.saturating_add(1));
        if length != part.bytes.len() as u64 || length > self.0.limits.layer_part_maximum {
            return Err(misplaced(name.repository, name.id, row.received));
        }
        self.append_upload(name, Some(part.first_byte), &mut Buffered(Some(part.bytes))).await
    }

    /// Completes a session, as CompleteLayerUpload does. Fails if it is empty, a part was too small, a digest does not match the content,
    /// or the repository already holds the layer.
    pub async fn complete_layer_upload(&self, name: SessionName<'_>, digests: &[Digest]) -> Result<BlobInfo> {
        let (repository, row) = (name.repository, self.session(name).await?.row);
        if row.received == 0 {
            return Err(Error::UploadEmpty { repository: repository.clone(), id: name.id.to_owned() });
        }
        if row.has_short_part {
            return Err(Error::LayerPartTooSmall);
        }
        let digest = digests.first().ok_or_else(|| Error::Internal("no digest to complete an upload with".to_owned()))?;
        let computed = Hash::restore(&row.hash_state)?.finish();
        if let Some(other) = digests.iter().find(|other| other.algorithm() == computed.algorithm() && **other != computed) {
            return Err(Error::LayerDigestMismatch { expected: other.clone(), computed });
        }
        match self.reserve_blob(repository, digest).await {
            Ok(_) => {
                self.cancel_upload(name).await?;
                Err(Error::LayerExists { repository: repository.clone(), digest: digest.clone() })
            }
            Err(Error::LayerNotFound(_)) => self.complete_upload(name, digest).await,
            Err(error) => Err(error),
        }
    }
}
