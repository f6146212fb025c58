//! BatchCheckLayerAvailability.

use super::scalars::{LAYER_DIGEST, REGISTRY_ID_OR_ALIAS, REPOSITORY_NAME, SIZE_IN_BYTES, TEXT};
use super::shape::{Shape, optional, required};
use serde::{Deserialize, Serialize};

static BATCHED_DIGEST: Shape = Shape::text(Some(0), 1000);
static BATCHED_DIGEST_LIST: Shape = Shape::List { min: Some(1), max: Some(100), item: &BATCHED_DIGEST };
static LAYER_AVAILABILITY: Shape = Shape::one_of(&["AVAILABLE", "UNAVAILABLE"]);
static LAYER_FAILURE_CODE: Shape = Shape::one_of(&["InvalidLayerDigest", "MissingLayerDigest"]);

/// What BatchCheckLayerAvailability takes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchCheckLayerAvailabilityRequest {
    /// The registry, by id or by alias; the caller's own if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_id: Option<String>,
    /// The repository.
    pub repository_name: String,
    /// The layers to look for.
    pub layer_digests: Vec<String>,
}

/// The shape of [`BatchCheckLayerAvailabilityRequest`].
pub static BATCH_CHECK_LAYER_AVAILABILITY_REQUEST: Shape = Shape::Structure(&[
    optional("registryId", &REGISTRY_ID_OR_ALIAS),
    required("repositoryName", &REPOSITORY_NAME),
    required("layerDigests", &BATCHED_DIGEST_LIST),
]);

/// What BatchCheckLayerAvailability answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchCheckLayerAvailabilityResponse {
    /// The layers that are there.
    pub layers: Vec<Layer>,
    /// Those that are not, and why.
    pub failures: Vec<LayerFailure>,
}

/// The shape of [`BatchCheckLayerAvailabilityResponse`].
pub static BATCH_CHECK_LAYER_AVAILABILITY_RESPONSE: Shape =
    Shape::Structure(&[optional("layers", &LAYER_LIST), optional("failures", &LAYER_FAILURE_LIST)]);

/// `LayerList`
pub static LAYER_LIST: Shape = Shape::list(&LAYER);
/// `LayerFailureList`
pub static LAYER_FAILURE_LIST: Shape = Shape::list(&LAYER_FAILURE);

/// A layer of a repository.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Layer {
    /// Its digest.
    pub layer_digest: String,
    /// `AVAILABLE` or `UNAVAILABLE`.
    pub layer_availability: &'static str,
    /// Its size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer_size: Option<u64>,
    /// Its media type, if a manifest of the repository tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
}

/// The shape of [`Layer`].
pub static LAYER: Shape = Shape::Structure(&[
    optional("layerDigest", &LAYER_DIGEST),
    optional("layerAvailability", &LAYER_AVAILABILITY),
    optional("layerSize", &SIZE_IN_BYTES),
    optional("mediaType", &TEXT),
]);

/// A layer that is not there, and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LayerFailure {
    /// The digest as the request named it.
    pub layer_digest: String,
    /// `InvalidLayerDigest` or `MissingLayerDigest`.
    pub failure_code: &'static str,
    /// The reason in a sentence.
    pub failure_reason: String,
}

/// The shape of [`LayerFailure`].
pub static LAYER_FAILURE: Shape = Shape::Structure(&[
    optional("layerDigest", &BATCHED_DIGEST),
    optional("failureCode", &LAYER_FAILURE_CODE),
    optional("failureReason", &TEXT),
]);
