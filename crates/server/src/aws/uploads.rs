//! InitiateLayerUpload, UploadLayerPart, CompleteLayerUpload.

use super::access::Caller;
use super::error::Failure;
use roadstead_model::Digest;
use roadstead_model::aws::Violation;
use roadstead_model::aws::uploads::*;
use roadstead_registry::LayerPart;

/// The part size that AWS recommends, in bytes (Amazon ECR Public service quotas, "Maximum layer part size").
const PART_SIZE: u64 = 10_485_760;

pub(super) async fn initiate_layer_upload(
    caller: &Caller<'_>,
    _: InitiateLayerUploadRequest,
) -> Result<InitiateLayerUploadResponse, Failure> {
    let repository = caller.repository()?;
    let upload = caller.installation().start_layer_upload(repository, &caller.principal()?.identity).await?;
    Ok(InitiateLayerUploadResponse { upload_id: upload.id, part_size: PART_SIZE })
}

pub(super) async fn upload_layer_part(caller: &Caller<'_>, request: UploadLayerPartRequest) -> Result<UploadLayerPartResponse, Failure> {
    let repository = caller.repository()?;
    let part =
        LayerPart { first_byte: request.part_first_byte, last_byte: request.part_last_byte, bytes: request.layer_part_blob.0.into() };
    let upload = caller.installation().append_layer_part(caller.session(&request.upload_id)?, part).await?;
    Ok(UploadLayerPartResponse {
        registry_id: repository.registry.to_string(),
        repository_name: repository.name.to_string(),
        upload_id: upload.id,
        last_byte_received: upload.received.saturating_sub(1),
    })
}

pub(super) async fn complete_layer_upload(
    caller: &Caller<'_>,
    request: CompleteLayerUploadRequest,
) -> Result<CompleteLayerUploadResponse, Failure> {
    let repository = caller.repository()?;
    // The shape allows digests of any algorithm.
    let digest = |text: &String| Digest::parse(text).map_err(|error| Violation::new("layerDigests", error));
    let digests = request.layer_digests.iter().map(digest).collect::<Result<Vec<_>, _>>()?;
    let layer = caller.installation().complete_layer_upload(caller.session(&request.upload_id)?, &digests).await?;
    Ok(CompleteLayerUploadResponse {
        registry_id: repository.registry.to_string(),
        repository_name: repository.name.to_string(),
        upload_id: request.upload_id,
        layer_digest: layer.digest.to_string(),
    })
}
