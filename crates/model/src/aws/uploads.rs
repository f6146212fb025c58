//! InitiateLayerUpload, UploadLayerPart, CompleteLayerUpload.

use super::blob::Blob;
use super::scalars::{LAYER_DIGEST, PART_SIZE, REGISTRY_ID_OR_ALIAS, REPOSITORY_NAME, UPLOAD_ID};
use super::shape::Shape;
use super::structure::structure;
use serde::Serialize;

/// The maximum length of a layer part, in bytes (`LayerPartBlob`).
pub const LARGEST_PART: u64 = 20_971_520;

structure!(InitiateLayerUploadRequest {
    registry_id("registryId"): Option<String> = REGISTRY_ID_OR_ALIAS,
    repository_name("repositoryName"): String = REPOSITORY_NAME,
});

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InitiateLayerUploadResponse {
    pub upload_id: String,
    /// The recommended length of a part, in bytes.
    pub part_size: u64,
}

structure!(UploadLayerPartRequest {
    registry_id("registryId"): Option<String> = REGISTRY_ID_OR_ALIAS,
    repository_name("repositoryName"): String = REPOSITORY_NAME,
    upload_id("uploadId"): String = UPLOAD_ID,
    part_first_byte("partFirstByte"): u64 = PART_SIZE,
    part_last_byte("partLastByte"): u64 = PART_SIZE,
    layer_part_blob("layerPartBlob"): Blob = Shape::Blob { min: Some(0), max: Some(LARGEST_PART) },
});

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UploadLayerPartResponse {
    pub registry_id: String,
    pub repository_name: String,
    pub upload_id: String,
    /// The offset of the last byte received.
    pub last_byte_received: u64,
}

structure!(CompleteLayerUploadRequest {
    registry_id("registryId"): Option<String> = REGISTRY_ID_OR_ALIAS,
    repository_name("repositoryName"): String = REPOSITORY_NAME,
    upload_id("uploadId"): String = UPLOAD_ID,
    layer_digests("layerDigests"): Vec<String> = Shape::List { min: Some(1), max: Some(100), item: &LAYER_DIGEST },
});

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CompleteLayerUploadResponse {
    pub registry_id: String,
    pub repository_name: String,
    pub upload_id: String,
    pub layer_digest: String,
}
