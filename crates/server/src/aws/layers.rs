//! BatchCheckLayerAvailability.

use super::access::Caller;
use super::error::Failure;
use roadstead_model::Digest;
use roadstead_model::aws::layers::*;
use roadstead_registry::{Asker, LayerInfo};

pub(super) async fn batch_check_layer_availability(
    caller: &Caller<'_>,
    request: BatchCheckLayerAvailabilityRequest,
) -> Result<BatchCheckLayerAvailabilityResponse, Failure> {
    let repository = caller.repository()?;
    let (digests, malformed): (Vec<_>, Vec<_>) =
        request.layer_digests.into_iter().map(|text| Digest::parse(&text).map_err(|_| text)).partition(Result::is_ok);
    let digests: Vec<Digest> = digests.into_iter().flatten().collect();
    // A caller that only reads must not keep unreferenced blobs from being collected.
    let may_push = caller.may("ecr-public:PutImage");
    let asker = if may_push { Asker::Pusher } else { Asker::Other(caller.server().config.gc_grace / 2) };
    let found = caller.installation().find_layers(repository, &digests, asker).await?;
    let missing = digests.iter().zip(&found).filter(|(_, found)| found.is_none()).map(|(digest, _)| missing(digest));
    let failures = malformed.into_iter().filter_map(Result::err).map(malformed_digest).chain(missing).collect();
    Ok(BatchCheckLayerAvailabilityResponse { layers: found.iter().flatten().map(available).collect(), failures })
}

fn available(LayerInfo { digest, size, media_type }: &LayerInfo) -> Layer {
    Layer { layer_digest: digest.to_string(), layer_availability: "AVAILABLE", layer_size: Some(*size), media_type: media_type.clone() }
}

/// The wording is that of moto, which emulates the private service; AWS's own is not known.
fn missing(digest: &Digest) -> LayerFailure {
    let failure_reason = format!("Layer digest '{digest}' could not be found");
    LayerFailure { layer_digest: digest.to_string(), failure_code: LayerFailureCode::MissingLayerDigest, failure_reason }
}

fn malformed_digest(layer_digest: String) -> LayerFailure {
    let failure_reason = "Invalid layer digest: it must be 'sha256:' and 64 hexadecimal digits, or 'sha512:' and 128".to_owned();
    LayerFailure { layer_digest, failure_code: LayerFailureCode::InvalidLayerDigest, failure_reason }
}
