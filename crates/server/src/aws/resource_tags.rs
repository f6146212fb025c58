//! TagResource, UntagResource, ListTagsForResource.

use super::access::Caller;
use super::error::Failure;
use roadstead_model::aws::resource_tags::*;
use roadstead_model::aws::{Exception, Violation};
use roadstead_model::{Arn, RepositoryKey, ResourceTag as Row};

pub(super) async fn tag_resource(caller: &Caller<'_>, request: TagResourceRequest) -> Result<TagResourceResponse, Failure> {
    let repository = repository(&request.resource_arn)?;
    caller.installation().tag_resource(&repository, stored_tags(request.tags)?).await?;
    Ok(TagResourceResponse {})
}

pub(super) async fn untag_resource(caller: &Caller<'_>, request: UntagResourceRequest) -> Result<UntagResourceResponse, Failure> {
    let repository = repository(&request.resource_arn)?;
    caller.installation().untag_resource(&repository, request.tag_keys).await?;
    Ok(UntagResourceResponse {})
}

pub(super) async fn list_tags_for_resource(
    caller: &Caller<'_>,
    request: ListTagsForResourceRequest,
) -> Result<ListTagsForResourceResponse, Failure> {
    let repository = repository(&request.resource_arn)?;
    let tags = caller.installation().resource_tags(&repository).await?;
    Ok(ListTagsForResourceResponse {
        tags: tags.into_iter().map(|tag| ResourceTag { key: Some(tag.key), value: Some(tag.value) }).collect(),
    })
}

/// The tags of a request as they are stored. The service model lets both halves be absent; AWS's guide says that a tag has
/// a key and that its value may be empty.
pub(super) fn stored_tags(tags: Vec<ResourceTag>) -> Result<Vec<Row>, Failure> {
    let row = |tag: ResourceTag| {
        let refused = || Failure::exception(Exception::InvalidTagParameter, "A tag must have a key");
        Ok(Row { key: tag.key.ok_or_else(refused)?, value: tag.value.unwrap_or_default() })
    };
    tags.into_iter().map(row).collect()
}

fn repository(arn: &str) -> Result<RepositoryKey, Violation> {
    Arn::parse_repository(arn).ok_or_else(|| Violation::new("resourceArn", "Invalid ARN"))
}
