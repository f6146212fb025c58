//! Tags.

use crate::error::Result;
use crate::installation::Installation;
use roadstead_model::{ImageTag, Page, PageSize, RepositoryKey, Tag};
use std::sync::Arc;

impl Installation {
    /// A page of tags with their images in byte order of the tags, beginning behind `after`, which need not exist.
    ///
    /// A walk through all pages meets every tag that exists throughout the walk exactly once, whatever happens to others.
    pub async fn list_image_tags(&self, repository: &RepositoryKey, after: Option<&str>, size: PageSize) -> Result<Arc<Page<ImageTag>>> {
        self.0.metadata.list_image_tags(repository, after.unwrap_or_default(), size).await
    }

    /// A page of tags in byte order, beginning behind `after`, which need not exist.
    pub async fn list_tags(&self, repository: &RepositoryKey, after: Option<&str>, size: PageSize) -> Result<Arc<Page<Tag>>> {
        self.0.metadata.list_tags(repository, after.unwrap_or_default(), size).await
    }

    /// Removes a tag and leaves its manifest, tagged or not (OCI distribution specification, "Deleting tags").
    pub async fn delete_tag(&self, repository: &RepositoryKey, tag: &Tag) -> Result<()> {
        self.0.metadata.delete_tag(repository.clone(), tag.clone()).await
    }
}
