//! DescribeImageTags.

use super::scalars::{IMAGE_TAG, MAX_RESULTS, REGISTRY_ID, REPOSITORY_NAME, SIZE_IN_BYTES, TEXT, TIMESTAMP};
use super::shape::{Shape, optional, required};
use crate::Timestamp;
use serde::{Deserialize, Serialize};

/// What DescribeImageTags takes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeImageTagsRequest {
    /// The registry; the caller's own if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_id: Option<String>,
    /// The repository.
    pub repository_name: String,
    /// Where the listing goes on, out of the answer before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
    /// The most entries of one page; 100 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_results: Option<u64>,
}

/// The shape of [`DescribeImageTagsRequest`].
pub static DESCRIBE_IMAGE_TAGS_REQUEST: Shape = Shape::Structure(&[
    optional("registryId", &REGISTRY_ID),
    required("repositoryName", &REPOSITORY_NAME),
    optional("nextToken", &TEXT),
    optional("maxResults", &MAX_RESULTS),
]);

/// What DescribeImageTags answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeImageTagsResponse {
    /// The tags.
    pub image_tag_details: Vec<ImageTagDetail>,
    /// Where the listing goes on; absent at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// The shape of [`DescribeImageTagsResponse`].
pub static DESCRIBE_IMAGE_TAGS_RESPONSE: Shape =
    Shape::Structure(&[optional("imageTagDetails", &IMAGE_TAG_DETAIL_LIST), optional("nextToken", &TEXT)]);

/// `ImageTagDetailList`
pub static IMAGE_TAG_DETAIL_LIST: Shape = Shape::list(&IMAGE_TAG_DETAIL);

/// A tag and the image that it points at.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageTagDetail {
    /// The tag.
    pub image_tag: String,
    /// When the tag was set to this image.
    pub created_at: Timestamp,
    /// The image.
    pub image_detail: ReferencedImageDetail,
}

/// The shape of [`ImageTagDetail`].
pub static IMAGE_TAG_DETAIL: Shape = Shape::Structure(&[
    optional("imageTag", &IMAGE_TAG),
    optional("createdAt", &TIMESTAMP),
    optional("imageDetail", &REFERENCED_IMAGE_DETAIL),
]);

/// The image that a tag points at.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReferencedImageDetail {
    /// The digest of its manifest.
    pub image_digest: String,
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

/// The shape of [`ReferencedImageDetail`].
pub static REFERENCED_IMAGE_DETAIL: Shape = Shape::Structure(&[
    optional("imageDigest", &TEXT),
    optional("imageSizeInBytes", &SIZE_IN_BYTES),
    optional("imagePushedAt", &TIMESTAMP),
    optional("imageManifestMediaType", &TEXT),
    optional("artifactMediaType", &TEXT),
]);
