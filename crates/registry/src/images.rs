//! Descriptions and listings of images.

use crate::error::{Error, Result};
use crate::installation::Installation;
use crate::metadata::{Tx, params, statements};
use crate::{repository_row, tags};
use roadstead_model::measure::json_length;
use roadstead_model::page::{Filling, PAGE_BYTES};
use roadstead_model::{Digest, Image, ImageId, ImageSummary, Page, PageSize, RepositoryKey, Tag};

statements! {
    SELECT_SUMMARY = "SELECT id, digest, image_size, pushed_at, media_type, artifact_media_type FROM manifest
        WHERE repository_id = ?1 AND digest = ?2";
    SELECT_PAGE = "SELECT id, digest, image_size, pushed_at, media_type, artifact_media_type FROM manifest
        WHERE repository_id = ?1 AND digest > ?2 ORDER BY digest LIMIT ?3";
}

impl Installation {
    /// The images with these ids, in the same order. Fails if one does not exist or if the answer would exceed [`PAGE_BYTES`].
    pub async fn describe_images(&self, repository: &RepositoryKey, ids: &[ImageId]) -> Result<Vec<Image>> {
        let describe = async |tx: &mut Tx<'_>| {
            let repository_id = repository_row::require(tx, repository).await?;
            let mut images = Filling::of_any_number();
            for id in ids {
                let image = find(tx, repository, repository_id, id).await?;
                let bytes = text_bytes(&image);
                if bytes > PAGE_BYTES || !images.take(image, bytes) {
                    return Err(Error::AnswerTooLarge { maximum: PAGE_BYTES });
                }
            }
            Ok(images.into_items())
        };
        self.0.metadata.scan(describe).await
    }

    /// A page of the images with digests after `after`, in bytewise order, tagged or not.
    pub async fn list_images(&self, repository: &RepositoryKey, after: Option<&str>, size: PageSize) -> Result<Page<Image>> {
        let select = async |tx: &mut Tx<'_>| {
            let repository_id = repository_row::require(tx, repository).await?;
            let mut rows: Filling<(i64, ImageSummary)> = Filling::new(size);
            tx.fill(&mut rows, &SELECT_PAGE, params![repository_id, after.unwrap_or_default(), size.with_one_more()]).await?;
            let rows = rows.finish(|(_, summary)| summary.digest.to_string());
            let mut images = Filling::new(size);
            for (id, summary) in rows.items {
                let image = Image { summary, tags: tags::of_manifest(tx, id).await? };
                let bytes = text_bytes(&image);
                if !images.take(image, bytes) {
                    break;
                }
            }
            let images = images.finish(|image| image.summary.digest.to_string());
            Ok(Page { next: images.next.or(rows.next), ..images })
        };
        self.0.metadata.scan(select).await
    }
}

async fn find(tx: &mut Tx<'_>, repository: &RepositoryKey, repository_id: i64, id: &ImageId) -> Result<Image> {
    let tagged = match &id.tag {
        Some(tag) => tags::target(tx, repository_id, tag).await?.map(|(_, digest)| digest),
        None => None,
    };
    let digest = match (&id.digest, tagged) {
        (Some(digest), Some(tagged)) if *digest != tagged => None,
        (Some(_), None) if id.tag.is_some() => None,
        (digest, tagged) => tagged.or_else(|| digest.clone()),
    };
    if let Some(digest) = digest
        && let Some((manifest, summary)) = tx.query_one(&SELECT_SUMMARY, params![repository_id, digest]).await?
    {
        return Ok(Image { summary, tags: tags::of_manifest(tx, manifest).await? });
    }
    let (digest, tag) = (id.digest.as_ref().map(Digest::to_string), id.tag.as_ref().map(Tag::to_string));
    Err(Error::ImageNotFound { repository: repository.clone(), digest, tag })
}

/// The overhead of an image in an answer in bytes: repository, member names, numbers and time.
const IMAGE_FRAME: usize = 512;

/// The maximum size of an image in an answer in bytes. Media types may need escapes; digests and tags do not.
fn text_bytes(Image { summary, tags }: &Image) -> usize {
    let types = json_length(&(&summary.media_type, &summary.artifact_media_type)) as usize;
    let tags: usize = tags.iter().map(|tag| tag.as_str().len() + r#""","#.len()).sum();
    IMAGE_FRAME + summary.digest.as_str().len() + types + tags
}
