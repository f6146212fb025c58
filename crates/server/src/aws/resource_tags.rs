//! TagResource, UntagResource, ListTagsForResource.

use super::access::Caller;
use super::error::Failure;
use roadstead_model::ResourceTag as Row;
use roadstead_model::aws::Exception;
use roadstead_model::aws::resource_tags::*;

pub(super) async fn tag_resource(caller: &Caller<'_>, request: TagResourceRequest) -> Result<TagResourceResponse, Failure> {
    let repository = caller.repository()?;
    caller.installation().tag_resource(repository, stored_tags(request.tags)?).await?;
    Ok(TagResourceResponse {})
}

pub(super) async fn untag_resource(caller: &Caller<'_>, request: UntagResourceRequest) -> Result<UntagResourceResponse, Failure> {
    let repository = caller.repository()?;
    caller.installation().untag_resource(repository, request.tag_keys).await?;
    Ok(UntagResourceResponse {})
}

pub(super) async fn list_tags_for_resource(
    caller: &Caller<'_>,
    _: ListTagsForResourceRequest,
) -> Result<ListTagsForResourceResponse, Failure> {
    let repository = caller.repository()?;
    let tags = caller.installation().resource_tags(repository).await?;
    Ok(ListTagsForResourceResponse {
        tags: tags.into_iter().map(|tag| ResourceTag { key: Some(tag.key), value: Some(tag.value) }).collect(),
    })
}

/// Converts the tags of a request. In the service model both members are optional; AWS's guide requires a key and allows an empty
/// value.
pub(super) fn stored_tags(tags: Vec<ResourceTag>) -> Result<Vec<Row>, Failure> {
    let row = |tag: ResourceTag| {
        let refused = || Failure::exception(Exception::InvalidTagParameter, "A tag must have a key");
        Ok(Row { key: tag.key.ok_or_else(refused)?, value: tag.value.unwrap_or_default() })
    };
    tags.into_iter().map(row).collect()
}
