//! DescribeImageTags.

use super::scalars::{MAX_RESULTS, REGISTRY_ID, REPOSITORY_NAME, TEXT};
use super::structure::structure;
use crate::timestamp::Timestamp;
use serde::Serialize;

structure!(DescribeImageTagsRequest {
    registry_id("registryId"): Option<String> = REGISTRY_ID,
    repository_name("repositoryName"): String = REPOSITORY_NAME,
    next_token("nextToken"): Option<String> = TEXT,
    max_results("maxResults"): Option<u64> = MAX_RESULTS,
});

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeImageTagsResponse {
    pub image_tag_details: Vec<ImageTagDetail>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageTagDetail {
    pub image_tag: String,
    /// The time when the tag was set to this image.
    pub created_at: Timestamp,
    pub image_detail: ReferencedImageDetail,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReferencedImageDetail {
    pub image_digest: String,
    /// The total of config and layers as stored, or the size of an index's largest child.
    pub image_size_in_bytes: u64,
    /// The time when the manifest was first pushed.
    pub image_pushed_at: Timestamp,
    pub image_manifest_media_type: String,
    /// The artifact type, or else the media type of the config.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_media_type: Option<String>,
}
