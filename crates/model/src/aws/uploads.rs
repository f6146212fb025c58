//! InitiateLayerUpload, UploadLayerPart, CompleteLayerUpload.

use super::blob::Blob;
use super::scalars::{LAYER_DIGEST, PART_SIZE, REGISTRY_ID, REGISTRY_ID_OR_ALIAS, REPOSITORY_NAME, UPLOAD_ID};
use super::shape::{Shape, optional, required};
use serde::{Deserialize, Serialize};

/// The most bytes that one part may hold, in bytes (`LayerPartBlob`).
pub const LARGEST_PART: u64 = 20_971_520;

static LAYER_PART_BLOB: Shape = Shape::Blob { min: Some(0), max: Some(LARGEST_PART) };
static LAYER_DIGEST_LIST: Shape = Shape::List { min: Some(1), max: Some(100), item: &LAYER_DIGEST };

/// What InitiateLayerUpload takes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InitiateLayerUploadRequest {
    /// The registry, by id or by alias; the caller's own if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_id: Option<String>,
    /// The repository.
    pub repository_name: String,
}

/// The shape of [`InitiateLayerUploadRequest`].
pub static INITIATE_LAYER_UPLOAD_REQUEST: Shape =
    Shape::Structure(&[optional("registryId", &REGISTRY_ID_OR_ALIAS), required("repositoryName", &REPOSITORY_NAME)]);

/// What InitiateLayerUpload answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InitiateLayerUploadResponse {
    /// Names the upload in the calls that follow.
    pub upload_id: String,
    /// How large each part should be, in bytes.
    pub part_size: u64,
}

/// The shape of [`InitiateLayerUploadResponse`].
pub static INITIATE_LAYER_UPLOAD_RESPONSE: Shape = Shape::Structure(&[optional("uploadId", &UPLOAD_ID), optional("partSize", &PART_SIZE)]);

/// What UploadLayerPart takes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UploadLayerPartRequest {
    /// The registry, by id or by alias; the caller's own if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_id: Option<String>,
    /// The repository.
    pub repository_name: String,
    /// The upload.
    pub upload_id: String,
    /// The position of the part's first byte within the layer.
    pub part_first_byte: u64,
    /// The position of its last byte.
    pub part_last_byte: u64,
    /// The bytes.
    pub layer_part_blob: Blob,
}

/// The shape of [`UploadLayerPartRequest`].
pub static UPLOAD_LAYER_PART_REQUEST: Shape = Shape::Structure(&[
    optional("registryId", &REGISTRY_ID_OR_ALIAS),
    required("repositoryName", &REPOSITORY_NAME),
    required("uploadId", &UPLOAD_ID),
    required("partFirstByte", &PART_SIZE),
    required("partLastByte", &PART_SIZE),
    required("layerPartBlob", &LAYER_PART_BLOB),
]);

/// What UploadLayerPart answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UploadLayerPartResponse {
    /// The registry of the repository.
    pub registry_id: String,
    /// The repository.
    pub repository_name: String,
    /// The upload.
    pub upload_id: String,
    /// The position of the last byte that was received.
    pub last_byte_received: u64,
}

/// The shape of [`UploadLayerPartResponse`].
pub static UPLOAD_LAYER_PART_RESPONSE: Shape = Shape::Structure(&[
    optional("registryId", &REGISTRY_ID),
    optional("repositoryName", &REPOSITORY_NAME),
    optional("uploadId", &UPLOAD_ID),
    optional("lastByteReceived", &PART_SIZE),
]);

/// What CompleteLayerUpload takes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CompleteLayerUploadRequest {
    /// The registry, by id or by alias; the caller's own if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_id: Option<String>,
    /// The repository.
    pub repository_name: String,
    /// The upload.
    pub upload_id: String,
    /// The digests that the layer must have.
    pub layer_digests: Vec<String>,
}

/// The shape of [`CompleteLayerUploadRequest`].
pub static COMPLETE_LAYER_UPLOAD_REQUEST: Shape = Shape::Structure(&[
    optional("registryId", &REGISTRY_ID_OR_ALIAS),
    required("repositoryName", &REPOSITORY_NAME),
    required("uploadId", &UPLOAD_ID),
    required("layerDigests", &LAYER_DIGEST_LIST),
]);

/// What CompleteLayerUpload answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CompleteLayerUploadResponse {
    /// The registry of the repository.
    pub registry_id: String,
    /// The repository.
    pub repository_name: String,
    /// The upload.
    pub upload_id: String,
    /// The digest of the layer.
    pub layer_digest: String,
}

/// The shape of [`CompleteLayerUploadResponse`].
pub static COMPLETE_LAYER_UPLOAD_RESPONSE: Shape = Shape::Structure(&[
    optional("registryId", &REGISTRY_ID),
    optional("repositoryName", &REPOSITORY_NAME),
    optional("uploadId", &UPLOAD_ID),
    optional("layerDigest", &LAYER_DIGEST),
]);
