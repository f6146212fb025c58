//! DescribeImages, PutImage, BatchDeleteImage.

use super::access::Caller;
use super::error::Failure;
use super::listing::{Listing, refuse_paging};
use bytes::Bytes;
use roadstead_model::aws::Violation;
use roadstead_model::aws::images::*;
use roadstead_model::aws::scalars::LAYER_DIGEST_FORM;
use roadstead_model::aws::shape::Pattern;
use roadstead_model::manifest::ManifestError;
use roadstead_model::{Digest, Image as Row, ImageId, Manifest, RepositoryKey, Tag};
use roadstead_registry::{Condition, DeleteFailure, Error, ImageIdText, ManifestPush};

pub(super) async fn describe_images(caller: &Caller<'_>, request: DescribeImagesRequest) -> Result<DescribeImagesResponse, Failure> {
    let repository = caller.repository()?;
    let (token, max_results) = (request.next_token.as_deref(), request.max_results);
    let (rows, next_token) = match request.image_ids {
        Some(ids) => {
            refuse_paging("imageIds", token, max_results)?;
            (named_images(caller, repository, &ids).await?, None)
        }
        None => {
            let listing = Listing::new(caller, repository.name.as_str());
            let (after, size) = listing.page(token, max_results)?;
            let page = caller.installation().list_images(repository, after.as_deref(), size).await?;
            (page.items, listing.token(page.next))
        }
    };
    let shown = |row| detail(row, repository);
    Ok(DescribeImagesResponse { image_details: rows.into_iter().map(shown).collect(), next_token })
}

async fn named_images(caller: &Caller<'_>, repository: &RepositoryKey, ids: &[ImageIdentifier]) -> Result<Vec<Row>, Failure> {
    let mut parsed = Vec::with_capacity(ids.len());
    for id in ids {
        match image_id(id)? {
            Some(id) => parsed.push(id),
            None => {
                // No image can have this tag or digest. If the repository does not exist, that error takes precedence.
                caller.installation().repositories(std::slice::from_ref(repository)).await?;
                let (digest, tag) = (id.image_digest.clone(), id.image_tag.clone());
                return Err(Error::ImageNotFound { repository: repository.clone(), digest, tag }.into());
            }
        }
    }
    Ok(caller.installation().describe_images(repository, &parsed).await?)
}

/// AWS's pattern of tags, which its service model omits (observed in the private service: datawire/forge#99,
/// alexjurkiewicz/ecr-scan-image#40). It allows more than the OCI specification.
static IMAGE_TAG_FORM: Pattern = Pattern::new("[a-zA-Z0-9-_.]+");

fn check_form(member: &'static str, pattern: &Pattern, text: Option<&str>) -> Result<(), Violation> {
    if text.is_none_or(|text| pattern.matches(text)) {
        return Ok(());
    }
    Err(Violation::new(member, format!("must satisfy regular expression '{}'", pattern.as_str())))
}

/// Parses the id of an image. Returns `None` if no image can have it, and fails if it does not match AWS's patterns.
fn image_id(id: &ImageIdentifier) -> Result<Option<ImageId>, Violation> {
    if id.image_digest.is_none() && id.image_tag.is_none() {
        return Err(Violation::new("imageIds", "both tag and digest cannot be null"));
    }
    check_form("imageDigest", &LAYER_DIGEST_FORM, id.image_digest.as_deref())?;
    check_form("imageTag", &IMAGE_TAG_FORM, id.image_tag.as_deref())?;
    let digest = id.image_digest.as_deref().map(Digest::parse).transpose();
    let tag = id.image_tag.as_deref().map(Tag::parse).transpose();
    Ok(digest.ok().zip(tag.ok()).map(|(digest, tag)| ImageId { digest, tag }))
}

fn detail(Row { summary, tags }: Row, repository: &RepositoryKey) -> ImageDetail {
    ImageDetail {
        registry_id: repository.registry.to_string(),
        repository_name: repository.name.to_string(),
        image_digest: summary.digest.to_string(),
        image_tags: (!tags.is_empty()).then(|| tags.iter().map(Tag::to_string).collect()),
        image_size_in_bytes: summary.size_bytes,
        image_pushed_at: summary.pushed_at,
        image_manifest_media_type: summary.media_type,
        artifact_media_type: summary.artifact_media_type,
    }
}

/// Stores a manifest whose layers and children exist. Unlike at the OCI door, putting the same image under the same tag again is
/// an error.
pub(super) async fn put_image(caller: &Caller<'_>, request: PutImageRequest) -> Result<PutImageResponse, Failure> {
    let repository = caller.repository()?;
    check_form("imageDigest", &LAYER_DIGEST_FORM, request.image_digest.as_deref())?;
    check_form("imageTag", &IMAGE_TAG_FORM, request.image_tag.as_deref())?;
    let digest = request.image_digest.as_deref().map(Digest::parse).transpose().map_err(|error| Violation::new("imageDigest", error))?;
    let tag = request.image_tag.as_deref().map(Tag::parse).transpose().map_err(|error| Violation::new("imageTag", error))?;
    if request.image_manifest_media_type.as_deref().is_none_or(str::is_empty) && Manifest::is_untyped(request.image_manifest.as_bytes()) {
        // AWS guesses no media type (observed in the private service: aws/containers-roadmap#1873, CircleCI-Public/aws-ecr-orb#393).
        return Err(Error::from(ManifestError::Syntax).into());
    }
    let manifest = Bytes::from(request.image_manifest);
    let push = ManifestPush {
        bytes: manifest.clone(),
        media_type: request.image_manifest_media_type,
        digest,
        tags: tag.into_iter().collect(),
        condition: Condition::None,
        create_repository: false,
    };
    let put = caller.installation().put_manifest(repository, push).await?;
    let image_tag = request.image_tag;
    if put.unchanged {
        return Err(Error::ImageExists { repository: repository.clone(), digest: put.digest, tag: image_tag }.into());
    }
    let image = Image {
        registry_id: repository.registry.to_string(),
        repository_name: repository.name.to_string(),
        image_id: ImageIdentifier { image_digest: Some(put.digest.to_string()), image_tag },
        // The bytes are UTF-8. They are not copied, because no other reference to them remains.
        image_manifest: String::from_utf8(manifest.into()).unwrap_or_default(),
        image_manifest_media_type: put.media_type,
    };
    Ok(PutImageResponse { image })
}

pub(super) async fn batch_delete_image(caller: &Caller<'_>, request: BatchDeleteImageRequest) -> Result<BatchDeleteImageResponse, Failure> {
    let repository = caller.repository()?;
    let ids = request.image_ids.into_iter().map(|id| ImageIdText { digest: id.image_digest, tag: id.image_tag });
    let done = caller.installation().delete_images(repository, ids.collect()).await?;
    let deleted = done
        .deleted
        .into_iter()
        .map(|(digest, tag)| ImageIdentifier { image_digest: Some(digest.to_string()), image_tag: tag.map(|tag| tag.to_string()) });
    let failures = done.failures.into_iter().map(|(id, reason)| image_failure(id, &reason));
    Ok(BatchDeleteImageResponse { image_ids: deleted.collect(), failures: failures.collect() })
}

/// Converts a failure to delete an image. The reasons are those observed in the private service. An id that matches AWS's patterns
/// is not malformed, even if no image can have it.
fn image_failure(id: ImageIdText, failure: &DeleteFailure) -> ImageFailure {
    let breaks = |pattern: &Pattern, text: &Option<String>| text.as_deref().is_none_or(|text| !pattern.matches(text));
    let invalid =
        |what: &str, pattern: &Pattern| format!("Invalid request parameters: image {what} should satisfy the regex '{}'", pattern.as_str());
    let (failure_code, failure_reason) = match failure {
        DeleteFailure::InvalidDigest if breaks(&LAYER_DIGEST_FORM, &id.digest) => {
            (ImageFailureCode::InvalidImageDigest, invalid("digest", &LAYER_DIGEST_FORM))
        }
        DeleteFailure::InvalidTag if breaks(&IMAGE_TAG_FORM, &id.tag) => {
            (ImageFailureCode::InvalidImageTag, invalid("tag", &IMAGE_TAG_FORM))
        }
        DeleteFailure::TagDoesNotMatchDigest => {
            (ImageFailureCode::ImageTagDoesNotMatchDigest, "Requested image tag does not map to the requested image digest".to_owned())
        }
        DeleteFailure::NotFound | DeleteFailure::InvalidDigest | DeleteFailure::InvalidTag => {
            (ImageFailureCode::ImageNotFound, "Requested image not found".to_owned())
        }
        DeleteFailure::MissingDigestAndTag => {
            (ImageFailureCode::MissingDigestAndTag, "Invalid request parameters: both tag and digest cannot be null".to_owned())
        }
        DeleteFailure::ReferencedByIndex(indexes) => {
            let indexes = indexes.iter().map(Digest::as_str).collect::<Vec<_>>().join(", ");
            (ImageFailureCode::ImageReferencedByManifestList, format!("Requested image referenced by manifest list: [{indexes}]"))
        }
    };
    ImageFailure { image_id: ImageIdentifier { image_digest: id.digest, image_tag: id.tag }, failure_code, failure_reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(digest: Option<&str>, tag: Option<&str>) -> ImageIdentifier {
        ImageIdentifier { image_digest: digest.map(str::to_owned), image_tag: tag.map(str::to_owned) }
    }

    #[test]
    fn an_image_id_is_valid_malformed_or_cannot_exist() {
        let digest = format!("sha256:{}", "a".repeat(64));
        assert!(image_id(&id(Some(&digest), Some("latest"))).is_ok_and(|id| id.is_some()));
        assert_eq!(image_id(&id(Some("sha256:ab"), None)), Ok(None), "well formed for AWS, but the digest of nothing");
        assert_eq!(image_id(&id(None, Some("-v1"))), Ok(None), "well formed for AWS, but no tag");
        let malformed = image_id(&id(None, Some("no tag"))).expect_err("no tag").to_string();
        let pattern = "must satisfy regular expression '[a-zA-Z0-9-_.]+'";
        assert_eq!(malformed, format!("Invalid parameter at 'imageTag' failed to satisfy constraint: '{pattern}'"));
        assert_eq!(image_id(&id(Some("ab"), None)).expect_err("no digest").member, "imageDigest");
        assert_eq!(image_id(&id(None, None)).expect_err("nothing").constraint, "both tag and digest cannot be null");
    }

    #[test]
    fn an_id_that_cannot_be_deleted_is_malformed_only_by_awss_patterns() {
        let code = |digest: Option<&str>, tag: Option<&str>, failure| {
            image_failure(ImageIdText { digest: digest.map(str::to_owned), tag: tag.map(str::to_owned) }, &failure).failure_code
        };
        assert_eq!(code(Some("ab"), None, DeleteFailure::InvalidDigest), ImageFailureCode::InvalidImageDigest);
        assert_eq!(code(Some("sha256:ab"), None, DeleteFailure::InvalidDigest), ImageFailureCode::ImageNotFound);
        assert_eq!(code(None, Some("no tag"), DeleteFailure::InvalidTag), ImageFailureCode::InvalidImageTag);
        assert_eq!(code(None, Some("-v1"), DeleteFailure::InvalidTag), ImageFailureCode::ImageNotFound);
    }

    #[test]
    fn every_failure_has_a_code_of_the_service_model() {
        for (failure, code) in [
            (DeleteFailure::InvalidDigest, ImageFailureCode::InvalidImageDigest),
            (DeleteFailure::InvalidTag, ImageFailureCode::InvalidImageTag),
            (DeleteFailure::TagDoesNotMatchDigest, ImageFailureCode::ImageTagDoesNotMatchDigest),
            (DeleteFailure::NotFound, ImageFailureCode::ImageNotFound),
            (DeleteFailure::MissingDigestAndTag, ImageFailureCode::MissingDigestAndTag),
            (DeleteFailure::ReferencedByIndex(vec![]), ImageFailureCode::ImageReferencedByManifestList),
        ] {
            assert_eq!(image_failure(ImageIdText { digest: None, tag: None }, &failure).failure_code, code, "{failure:?}");
        }
    }
}
