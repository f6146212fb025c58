//! DescribeImages, PutImage, BatchDeleteImage.

use super::scalars::{IMAGE_TAG, MAX_RESULTS, REGISTRY_ID, REGISTRY_ID_OR_ALIAS, REPOSITORY_NAME, SIZE_IN_BYTES, TEXT, TIMESTAMP};
use super::shape::{Shape, optional, required};
use crate::Timestamp;
use serde::{Deserialize, Serialize};

static IMAGE_MANIFEST: Shape = Shape::text(Some(1), 4_194_304);
static IMAGE_FAILURE_CODE: Shape = Shape::one_of(&[
    "InvalidImageDigest",
    "InvalidImageTag",
    "ImageTagDoesNotMatchDigest",
    "ImageNotFound",
    "MissingDigestAndTag",
    "ImageReferencedByManifestList",
    "KmsError",
]);

/// What DescribeImages takes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeImagesRequest {
    /// The registry; the caller's own if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_id: Option<String>,
    /// The repository.
    pub repository_name: String,
    /// The images to describe; all of the repository, page by page, if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_ids: Option<Vec<ImageIdentifier>>,
    /// Where the listing goes on, out of the answer before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
    /// The most entries of one page; 100 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_results: Option<u64>,
}

/// The shape of [`DescribeImagesRequest`].
pub static DESCRIBE_IMAGES_REQUEST: Shape = Shape::Structure(&[
    optional("registryId", &REGISTRY_ID),
    required("repositoryName", &REPOSITORY_NAME),
    optional("imageIds", &IMAGE_IDENTIFIER_LIST),
    optional("nextToken", &TEXT),
    optional("maxResults", &MAX_RESULTS),
]);

/// What DescribeImages answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeImagesResponse {
    /// The images.
    pub image_details: Vec<ImageDetail>,
    /// Where the listing goes on; absent at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// The shape of [`DescribeImagesResponse`].
pub static DESCRIBE_IMAGES_RESPONSE: Shape =
    Shape::Structure(&[optional("imageDetails", &IMAGE_DETAIL_LIST), optional("nextToken", &TEXT)]);

/// `ImageDetailList`
pub static IMAGE_DETAIL_LIST: Shape = Shape::list(&IMAGE_DETAIL);

/// What BatchDeleteImage takes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchDeleteImageRequest {
    /// The registry, by id or by alias; the caller's own if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_id: Option<String>,
    /// The repository.
    pub repository_name: String,
    /// What to delete: tags by tag, images by digest.
    pub image_ids: Vec<ImageIdentifier>,
}

/// The shape of [`BatchDeleteImageRequest`].
pub static BATCH_DELETE_IMAGE_REQUEST: Shape = Shape::Structure(&[
    optional("registryId", &REGISTRY_ID_OR_ALIAS),
    required("repositoryName", &REPOSITORY_NAME),
    required("imageIds", &IMAGE_IDENTIFIER_LIST),
]);

/// What BatchDeleteImage answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchDeleteImageResponse {
    /// What was deleted.
    pub image_ids: Vec<ImageIdentifier>,
    /// What was not, and why.
    pub failures: Vec<ImageFailure>,
}

/// The shape of [`BatchDeleteImageResponse`].
pub static BATCH_DELETE_IMAGE_RESPONSE: Shape =
    Shape::Structure(&[optional("imageIds", &IMAGE_IDENTIFIER_LIST), optional("failures", &IMAGE_FAILURE_LIST)]);

/// `ImageFailureList`
pub static IMAGE_FAILURE_LIST: Shape = Shape::list(&IMAGE_FAILURE);

/// What PutImage takes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutImageRequest {
    /// The registry, by id or by alias; the caller's own if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_id: Option<String>,
    /// The repository.
    pub repository_name: String,
    /// The manifest, whose bytes are stored as they are.
    pub image_manifest: String,
    /// Needed if the manifest does not name its media type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_manifest_media_type: Option<String>,
    /// A tag to set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_tag: Option<String>,
    /// The digest that the manifest must have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_digest: Option<String>,
}

/// The shape of [`PutImageRequest`].
pub static PUT_IMAGE_REQUEST: Shape = Shape::Structure(&[
    optional("registryId", &REGISTRY_ID_OR_ALIAS),
    required("repositoryName", &REPOSITORY_NAME),
    required("imageManifest", &IMAGE_MANIFEST),
    optional("imageManifestMediaType", &TEXT),
    optional("imageTag", &IMAGE_TAG),
    optional("imageDigest", &TEXT),
]);

/// What PutImage answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PutImageResponse {
    /// The image that was put.
    pub image: Image,
}

/// The shape of [`PutImageResponse`].
pub static PUT_IMAGE_RESPONSE: Shape = Shape::Structure(&[optional("image", &IMAGE)]);

/// An image with its manifest.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    /// The registry of the repository.
    pub registry_id: String,
    /// The repository.
    pub repository_name: String,
    /// Its digest, and the tag if one was set.
    pub image_id: ImageIdentifier,
    /// The manifest.
    pub image_manifest: String,
    /// The media type of the manifest.
    pub image_manifest_media_type: String,
}

/// The shape of [`Image`].
pub static IMAGE: Shape = Shape::Structure(&[
    optional("registryId", &REGISTRY_ID_OR_ALIAS),
    optional("repositoryName", &REPOSITORY_NAME),
    optional("imageId", &IMAGE_IDENTIFIER),
    optional("imageManifest", &IMAGE_MANIFEST),
    optional("imageManifestMediaType", &TEXT),
]);

/// What names an image: a digest, a tag, or both.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageIdentifier {
    /// `sha256:…`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_digest: Option<String>,
    /// A tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_tag: Option<String>,
}

/// The shape of [`ImageIdentifier`].
pub static IMAGE_IDENTIFIER: Shape = Shape::Structure(&[optional("imageDigest", &TEXT), optional("imageTag", &IMAGE_TAG)]);

/// `ImageIdentifierList`
pub static IMAGE_IDENTIFIER_LIST: Shape = Shape::List { min: Some(1), max: Some(100), item: &IMAGE_IDENTIFIER };

/// An image as the API shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageDetail {
    /// The registry of the repository.
    pub registry_id: String,
    /// The repository.
    pub repository_name: String,
    /// The digest of its manifest.
    pub image_digest: String,
    /// Its tags; absent if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_tags: Option<Vec<String>>,
    /// Config and layers as stored; of an index, its largest child.
    pub image_size_in_bytes: u64,
    /// When its manifest was first pushed.
    pub image_pushed_at: Timestamp,
    /// The media type of its manifest.
    pub image_manifest_media_type: String,
    /// The artifact type, else the media type of its config.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_media_type: Option<String>,
}

/// The shape of [`ImageDetail`].
pub static IMAGE_DETAIL: Shape = Shape::Structure(&[
    optional("registryId", &REGISTRY_ID),
    optional("repositoryName", &REPOSITORY_NAME),
    optional("imageDigest", &TEXT),
    optional("imageTags", &IMAGE_TAG_LIST),
    optional("imageSizeInBytes", &SIZE_IN_BYTES),
    optional("imagePushedAt", &TIMESTAMP),
    optional("imageManifestMediaType", &TEXT),
    optional("artifactMediaType", &TEXT),
]);

/// `ImageTagList`
pub static IMAGE_TAG_LIST: Shape = Shape::list(&IMAGE_TAG);

/// An image that was not deleted, and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageFailure {
    /// The image as the request named it.
    pub image_id: ImageIdentifier,
    /// One of the service model's codes.
    pub failure_code: &'static str,
    /// The reason in a sentence.
    pub failure_reason: String,
}

/// The shape of [`ImageFailure`].
pub static IMAGE_FAILURE: Shape = Shape::Structure(&[
    optional("imageId", &IMAGE_IDENTIFIER),
    optional("failureCode", &IMAGE_FAILURE_CODE),
    optional("failureReason", &TEXT),
]);
