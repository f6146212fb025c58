//! TagResource, UntagResource, ListTagsForResource.

use super::scalars::ARN;
use super::shape::Shape;
use super::structure::{Structure, structure};
use serde::Serialize;

static TAG_KEY: Shape = Shape::text(Some(1), 128);

structure!(TagResourceRequest {
    resource_arn("resourceArn"): String = ARN,
    tags("tags"): Vec<ResourceTag> = RESOURCE_TAG_LIST,
});

#[derive(Debug, Serialize)]
pub struct TagResourceResponse {}

structure!(UntagResourceRequest {
    resource_arn("resourceArn"): String = ARN,
    tag_keys("tagKeys"): Vec<String> = Shape::List { min: Some(0), max: Some(200), item: &TAG_KEY },
});

#[derive(Debug, Serialize)]
pub struct UntagResourceResponse {}

structure!(ListTagsForResourceRequest {
    resource_arn("resourceArn"): String = ARN,
});

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListTagsForResourceResponse {
    pub tags: Vec<ResourceTag>,
}

structure!(/// A tag of an AWS resource; not an image tag.
#[derive(Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
ResourceTag {
    #[serde(skip_serializing_if = "Option::is_none")]
    key("Key"): Option<String> = TAG_KEY,
    #[serde(skip_serializing_if = "Option::is_none")]
    value("Value"): Option<String> = Shape::text(Some(0), 256),
});

pub static RESOURCE_TAG_LIST: Shape = Shape::List { min: Some(0), max: Some(200), item: &ResourceTag::SHAPE };
