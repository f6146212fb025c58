//! Repositories.

use crate::Installation;
use crate::catalog_data::NewCatalogData;
use crate::error::Result;
use crate::metadata::{IfMissing, NewRepository, RepositoryKey};
use crate::resource_tags::ResourceTag;
use roadstead_model::catalog_data::CatalogData;
use roadstead_model::{Page, PageSize, RegistryId, RepositoryName, Timestamp};
use std::sync::Arc;

/// A repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// The registry that it belongs to.
    pub registry: RegistryId,
    /// Its name there.
    pub name: RepositoryName,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Installation {
    /// Makes a repository.
    pub async fn create_repository(&self, registry: &RegistryId, name: &RepositoryName) -> Result<Repository> {
        let (repository, _) = self.create_repository_with(registry, name, None, Vec::new()).await?;
        Ok(repository)
    }

    /// Makes a repository with catalog data and resource tags: if one of them is refused, nothing is made.
    pub async fn create_repository_with(
        &self,
        registry: &RegistryId,
        name: &RepositoryName,
        catalog_data: Option<NewCatalogData>,
        tags: Vec<ResourceTag>,
    ) -> Result<(Repository, CatalogData)> {
        ResourceTag::check_all(&tags)?;
        let logo = catalog_data.as_ref().map(NewCatalogData::named_logo).transpose()?.flatten();
        let new = NewRepository { catalog_data: catalog_data.map(|new| new.data), logo, tags };
        let (key, now) = (RepositoryKey::new(registry, name), self.now());
        let data = self.0.metadata.create_repository(key, new, self.0.limits.clone(), now).await?;
        Ok((Repository { registry: registry.clone(), name: name.clone(), created_at: now }, data))
    }

    /// Deletes a repository. One that holds images is deleted only with `force`.
    pub async fn delete_repository(&self, registry: &RegistryId, name: &RepositoryName, force: bool) -> Result<Repository> {
        let key = RepositoryKey::new(registry, name);
        let (repository, uploads) = self.0.metadata.delete_repository(key, force).await?;
        for upload in uploads {
            self.0.upload_quota.release(registry, name);
            self.forget_upload(&upload).await;
        }
        Ok(repository)
    }

    /// The repositories of these names, in their order; fails if one does not exist.
    pub async fn repositories(&self, registry: &RegistryId, names: &[RepositoryName]) -> Result<Vec<Repository>> {
        self.0.metadata.repositories(registry, names).await
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
