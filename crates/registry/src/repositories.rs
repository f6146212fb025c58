//! Repositories.

use crate::catalog_data::NewCatalogData;
use crate::error::Result;
use crate::installation::Installation;
use crate::metadata::{IfMissing, NewRepository};
use roadstead_model::catalog_data::CatalogData;
use roadstead_model::{Page, PageSize, RegistryId, Repository, RepositoryKey, ResourceTag};
use std::sync::Arc;

impl Installation {
    /// Makes a repository.
    pub async fn create_repository(&self, repository: &RepositoryKey) -> Result<Repository> {
        let (repository, _) = self.create_repository_with(repository, None, Vec::new()).await?;
        Ok(repository)
    }

    /// Makes a repository with catalog data and resource tags: if one of them is refused, nothing is made.
    pub async fn create_repository_with(
        &self,
        repository: &RepositoryKey,
        catalog_data: Option<NewCatalogData>,
        tags: Vec<ResourceTag>,
    ) -> Result<(Repository, CatalogData)> {
        tags.iter().try_for_each(ResourceTag::check)?;
        let logo = catalog_data.as_ref().map(NewCatalogData::named_logo).transpose()?.flatten();
        let new = NewRepository { catalog_data: catalog_data.map(|new| new.data), logo, tags };
        let now = self.now();
        let data = self.0.metadata.create_repository(repository.clone(), new, self.0.limits.clone(), now).await?;
        Ok((Repository { key: repository.clone(), created_at: now }, data))
    }

    /// Deletes a repository. One that holds images is deleted only with `force`.
    pub async fn delete_repository(&self, repository: &RepositoryKey, force: bool) -> Result<Repository> {
        let (deleted, uploads) = self.0.metadata.delete_repository(repository.clone(), force).await?;
        for upload in uploads {
            self.0.upload_quota.release(repository);
            self.forget_upload(&upload).await;
        }
        Ok(deleted)
    }

    /// These repositories, in their order; fails if one does not exist.
    pub async fn repositories(&self, keys: &[RepositoryKey]) -> Result<Vec<Repository>> {
        self.0.metadata.repositories(keys).await
    }

    /// A page of a registry's repositories in byte order of their names, beginning behind `after`.
    pub async fn list_repositories(&self, registry: &RegistryId, after: Option<&str>, size: PageSize) -> Result<Page<Repository>> {
        self.0.metadata.list_repositories(registry, after.unwrap_or_default(), size).await
    }

    /// A page of `<alias>/<name>` over every registry in byte order, beginning behind `after`.
    pub async fn list_all_repositories(&self, after: Option<&str>, size: PageSize) -> Result<Arc<Page<String>>> {
        self.0.metadata.list_all_repositories(after.unwrap_or_default(), size).await
    }

    /// What a write does about a missing repository.
    pub(crate) fn if_missing(&self, create: bool) -> IfMissing {
        if create { IfMissing::Create { limit: self.0.limits.repositories } } else { IfMissing::Fail }
    }
}
