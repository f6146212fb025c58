//! DescribeImages, PutImage, BatchDeleteImage.

use super::scalars::{IMAGE_TAG, MAX_RESULTS, REGISTRY_ID, REGISTRY_ID_OR_ALIAS, REPOSITORY_NAME, TEXT};
use super::shape::Shape;
use super::structure::{Structure, structure};
use crate::timestamp::Timestamp;
use serde::Serialize;

structure!(DescribeImagesRequest {
    registry_id("registryId"): Option<String> = REGISTRY_ID,
    repository_name("repositoryName"): String = REPOSITORY_NAME,
    /// If absent, all images of the repository are listed page by page.
    image_ids("imageIds"): Option<Vec<ImageIdentifier>> = IMAGE_IDENTIFIER_LIST,
    next_token("nextToken"): Option<String> = TEXT,
    max_results("maxResults"): Option<u64> = MAX_RESULTS,
});

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeImagesResponse {
    pub image_details: Vec<ImageDetail>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

structure!(BatchDeleteImageRequest {
    registry_id("registryId"): Option<String> = REGISTRY_ID_OR_ALIAS,
    repository_name("repositoryName"): String = REPOSITORY_NAME,
    /// An id with a tag deletes the tag; one with only a digest deletes the image.
    image_ids("imageIds"): Vec<ImageIdentifier> = IMAGE_IDENTIFIER_LIST,
});

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchDeleteImageResponse {
    pub image_ids: Vec<ImageIdentifier>,
    pub failures: Vec<ImageFailure>,
}

structure!(PutImageRequest {
    registry_id("registryId"): Option<String> = REGISTRY_ID_OR_ALIAS,
    repository_name("repositoryName"): String = REPOSITORY_NAME,
    /// Stored byte for byte.
    image_manifest("imageManifest"): String = Shape::text(Some(1), 4_194_304),
    /// Required if the manifest has no `mediaType`.
    image_manifest_media_type("imageManifestMediaType"): Option<String> = TEXT,
    image_tag("imageTag"): Option<String> = IMAGE_TAG,
    image_digest("imageDigest"): Option<String> = TEXT,
});

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PutImageResponse {
    pub image: Image,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    pub registry_id: String,
    pub repository_name: String,
    /// The digest, and the tag if the request has one.
    pub image_id: ImageIdentifier,
    pub image_manifest: String,
    pub image_manifest_media_type: String,
}

structure!(/// A digest, a tag, or both.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
ImageIdentifier {
    #[serde(skip_serializing_if = "Option::is_none")]
    image_digest("imageDigest"): Option<String> = TEXT,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_tag("imageTag"): Option<String> = IMAGE_TAG,
});

pub static IMAGE_IDENTIFIER_LIST: Shape = Shape::List { min: Some(1), max: Some(100), item: &ImageIdentifier::SHAPE };

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageDetail {
    pub registry_id: String,
    pub repository_name: String,
    pub image_digest: String,
    /// Absent if the image has no tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_tags: Option<Vec<String>>,
    /// The total of config and layers as stored, or the size of an index's largest child.
    pub image_size_in_bytes: u64,
    /// The time when the manifest was first pushed.
    pub image_pushed_at: Timestamp,
    pub image_manifest_media_type: String,
    /// The artifact type, or else the media type of the config.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_media_type: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageFailure {
    pub image_id: ImageIdentifier,
    pub failure_code: ImageFailureCode,
    pub failure_reason: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum ImageFailureCode {
    InvalidImageDigest,
    InvalidImageTag,
    ImageTagDoesNotMatchDigest,
    ImageNotFound,
    MissingDigestAndTag,
    ImageReferencedByManifestList,
    /// Never returned here.
    KmsError,
}
