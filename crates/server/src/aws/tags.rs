//! DescribeImageTags.

use super::access::Caller;
use super::error::Failure;
use super::listing::Listing;
use roadstead_model::ImageTag;
use roadstead_model::aws::tags::{DescribeImageTagsRequest, DescribeImageTagsResponse, ImageTagDetail, ReferencedImageDetail};

pub(super) async fn describe_image_tags(
    caller: &Caller<'_>,
    request: DescribeImageTagsRequest,
) -> Result<DescribeImageTagsResponse, Failure> {
    let repository = caller.repository()?;
    let listing = Listing::new(caller, repository.name.as_str());
    let (after, size) = listing.page(request.next_token.as_deref(), request.max_results)?;
    let page = caller.installation().list_image_tags(repository, after.as_deref(), size).await?;
    let next_token = listing.token(page.next.clone());
    Ok(DescribeImageTagsResponse { image_tag_details: page.items.iter().map(detail).collect(), next_token })
}

fn detail(ImageTag { tag, created_at, image }: &ImageTag) -> ImageTagDetail {
    let image_detail = ReferencedImageDetail {
        image_digest: image.digest.as_str().to_owned(),
        image_size_in_bytes: image.size_bytes,
        image_pushed_at: image.pushed_at,
        image_manifest_media_type: image.media_type.clone(),
        artifact_media_type: image.artifact_media_type.clone(),
    };
    ImageTagDetail { image_tag: tag.as_str().to_owned(), created_at: *created_at, image_detail }
}
