//! BatchCheckLayerAvailability.

use super::scalars::{REGISTRY_ID_OR_ALIAS, REPOSITORY_NAME};
use super::shape::Shape;
use super::structure::structure;
use serde::Serialize;

static BATCHED_DIGEST: Shape = Shape::text(Some(0), 1000);

structure!(BatchCheckLayerAvailabilityRequest {
    registry_id("registryId"): Option<String> = REGISTRY_ID_OR_ALIAS,
    repository_name("repositoryName"): String = REPOSITORY_NAME,
    layer_digests("layerDigests"): Vec<String> = Shape::List { min: Some(1), max: Some(100), item: &BATCHED_DIGEST },
});

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchCheckLayerAvailabilityResponse {
    pub layers: Vec<Layer>,
    pub failures: Vec<LayerFailure>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Layer {
    pub layer_digest: String,
    pub layer_availability: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer_size: Option<u64>,
    /// Known if a manifest of the repository references the layer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LayerFailure {
    pub layer_digest: String,
    pub failure_code: LayerFailureCode,
    pub failure_reason: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum LayerFailureCode {
    InvalidLayerDigest,
    MissingLayerDigest,
}
