//! describeImageTags: all tags of a repository, also those that the gallery's lists leave out.

use super::failure::Failure;
use super::naming::repository;
use crate::http::Call;
use crate::server::Server;
use roadstead_model::aws::Violation;
use roadstead_model::aws::gallery::{
    DescribeImageTagsRequest, DescribeImageTagsResponse, ImageTagDetail, Operation, ReferencedImageDetail,
};
use roadstead_model::{ImageTag, PageSize};

pub(super) async fn describe_image_tags(
    server: &Server,
    call: &Call,
    request: DescribeImageTagsRequest,
) -> Result<DescribeImageTagsResponse, Failure> {
    let installation = server.installation.at(call.arrival);
    let repository = repository(&installation, &request.registry_alias_name, &request.repository_name).await?;
    let token_key = &server.keys.page_token;
    let binding = [Operation::DescribeImageTags.name(), repository.registry.as_str(), repository.name.as_str()];
    let after = request.next_token.map(|token| token_key.open(&binding, &token)).transpose();
    let after = after.map_err(|_| Violation::new("nextToken", "must be a token of this listing"))?;
    let size = request.max_results.map_or(PageSize::DEFAULT, PageSize::clamped);
    let page = installation.list_image_tags(&repository, after.as_deref(), size).await?;
    let next_token = page.next.as_deref().map(|position| token_key.seal(&binding, position));
    Ok(DescribeImageTagsResponse { image_tag_details: page.items.iter().map(detail).collect(), next_token })
}

fn detail(ImageTag { tag, created_at, image }: &ImageTag) -> ImageTagDetail {
    let image_detail = ReferencedImageDetail {
        image_digest: image.digest.to_string(),
        image_size_in_bytes: image.size_bytes,
        image_pushed_at: image.pushed_at.into(),
        image_manifest_media_type: image.media_type.clone(),
        artifact_media_type: image.artifact_media_type.clone(),
    };
    ImageTagDetail { image_tag: tag.to_string(), created_at: (*created_at).into(), image_detail }
}
