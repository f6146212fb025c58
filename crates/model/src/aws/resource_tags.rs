//! TagResource, UntagResource, ListTagsForResource.

use super::scalars::ARN;
use super::shape::{Shape, optional, required};
use serde::{Deserialize, Serialize};

static TAG_KEY: Shape = Shape::text(Some(1), 128);
static TAG_VALUE: Shape = Shape::text(Some(0), 256);
static TAG_KEY_LIST: Shape = Shape::List { min: Some(0), max: Some(200), item: &TAG_KEY };

/// What TagResource takes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TagResourceRequest {
    /// The ARN of a repository.
    pub resource_arn: String,
    /// The tags to add or to overwrite.
    pub tags: Vec<ResourceTag>,
}

/// The shape of [`TagResourceRequest`].
pub static TAG_RESOURCE_REQUEST: Shape = Shape::Structure(&[required("resourceArn", &ARN), required("tags", &RESOURCE_TAG_LIST)]);

/// What TagResource answers: nothing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TagResourceResponse {}

/// The shape of [`TagResourceResponse`].
pub static TAG_RESOURCE_RESPONSE: Shape = Shape::Structure(&[]);

/// What UntagResource takes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UntagResourceRequest {
    /// The ARN of a repository.
    pub resource_arn: String,
    /// The keys to remove.
    pub tag_keys: Vec<String>,
}

/// The shape of [`UntagResourceRequest`].
pub static UNTAG_RESOURCE_REQUEST: Shape = Shape::Structure(&[required("resourceArn", &ARN), required("tagKeys", &TAG_KEY_LIST)]);

/// What UntagResource answers: nothing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UntagResourceResponse {}

/// The shape of [`UntagResourceResponse`].
pub static UNTAG_RESOURCE_RESPONSE: Shape = Shape::Structure(&[]);

/// What ListTagsForResource takes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListTagsForResourceRequest {
    /// The ARN of a repository.
    pub resource_arn: String,
}

/// The shape of [`ListTagsForResourceRequest`].
pub static LIST_TAGS_FOR_RESOURCE_REQUEST: Shape = Shape::Structure(&[required("resourceArn", &ARN)]);

/// What ListTagsForResource answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListTagsForResourceResponse {
    /// The tags.
    pub tags: Vec<ResourceTag>,
}

/// The shape of [`ListTagsForResourceResponse`].
pub static LIST_TAGS_FOR_RESOURCE_RESPONSE: Shape = Shape::Structure(&[optional("tags", &RESOURCE_TAG_LIST)]);

/// A tag of an AWS resource; not an image tag.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResourceTag {
    /// The key. The service model does not require it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The value. The service model does not require it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// The shape of [`ResourceTag`].
pub static RESOURCE_TAG: Shape = Shape::Structure(&[optional("Key", &TAG_KEY), optional("Value", &TAG_VALUE)]);

/// `TagList`
pub static RESOURCE_TAG_LIST: Shape = Shape::List { min: Some(0), max: Some(200), item: &RESOURCE_TAG };
