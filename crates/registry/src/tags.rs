//! Tags.

use crate::Installation;
use crate::error::Result;
use crate::images::ImageSummary;
use crate::metadata::RepositoryKey;
use roadstead_model::{Page, PageSize, RegistryId, RepositoryName, Tag, Timestamp};
use std::sync::Arc;

/// A tag and the image that it points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageTag {
    /// The tag.
    pub tag: Tag,
    /// When the tag came to point at this image.
    pub created_at: Timestamp,
    /// The image.
    pub image: ImageSummary,
}

impl Installation {
    /// A page of tags with their images in byte order of the tags, beginning behind `after`, which need not exist.
    ///
    /// A walk through all pages meets every tag that exists throughout the walk exactly once, whatever happens to others.
    pub async fn list_image_tags(
        &self,
        registry: &RegistryId,
        name: &RepositoryName,
        after: Option<&str>,
        size: PageSize,
    ) -> Result<Arc<Page<ImageTag>>> {
        self.0.metadata.list_image_tags(registry, name, after.unwrap_or_default(), size).await
    }

    /// A page of tags in byte order, beginning behind `after`, which need not exist.
    pub async fn list_tags(
        &self,
        registry: &RegistryId,
        name: &RepositoryName,
        after: Option<&str>,
        size: PageSize,
    ) -> Result<Arc<Page<Tag>>> {
        self.0.metadata.list_tags(registry, name, after.unwrap_or_default(), size).await
    }

    /// Removes a tag and leaves its manifest, tagged or not (OCI distribution specification, "Deleting tags").
    pub async fn delete_tag(&self, registry: &RegistryId, name: &RepositoryName, tag: &Tag) -> Result<()> {
        self.0.metadata.delete_tag(RepositoryKey::new(registry, name), tag.clone()).await
    }
}
