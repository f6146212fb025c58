//! Images: described by their ids, and listed.

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
    /// The images of these ids in their order; fails if one does not exist, or if they have more tags than an answer holds.
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

    /// A page of a repository's images in byte order of their digests, tagged or not, beginning behind `after`.
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

/// What an image takes in an answer beside its own texts: its repository, names of members, numbers, its time.
const IMAGE_FRAME: usize = 512;

/// The most bytes that an image takes in an answer. Media types may need escapes there, digests and tags never do.
fn text_bytes(Image { summary, tags }: &Image) -> usize {
    let types = json_length(&(&summary.media_type, &summary.artifact_media_type)) as usize;
    let tags: usize = tags.iter().map(|tag| tag.as_str().len() + r#""","#.len()).sum();
    IMAGE_FRAME + summary.digest.as_str().len() + types + tags
}
