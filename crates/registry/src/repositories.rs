//! Creation, listings and deletion of repositories.

use crate::catalog_data::{self, NewCatalogData};
use crate::error::{Error, Result};
use crate::installation::Installation;
use crate::metadata::{FromRow, Row, Tx, params, statements};
use crate::repository_row::{self, IfMissing};
use crate::{resource_tags, stale};
use roadstead_model::catalog_data::CatalogData;
use roadstead_model::page::Filling;
use roadstead_model::{Page, PageSize, RegistryId, Repository, RepositoryKey, ResourceTag};
use std::sync::Arc;

statements! {
    SELECT_ONE = "SELECT registry_id, name, created_at FROM repository WHERE registry_id = ?1 AND name = ?2";
    SELECT_PAGE = "SELECT registry_id, name, created_at FROM repository WHERE registry_id = ?1 AND name > ?2 ORDER BY name LIMIT ?3";
    SELECT_NAMES = "SELECT CAST(?4 AS TEXT) || name FROM repository WHERE registry_id = ?1 AND name > ?2 ORDER BY name LIMIT ?3";
    SELECT_PRIMARY_ALIASES = "SELECT name || '/', registry_id FROM registry_alias WHERE is_primary AND status = 'ACTIVE'";
    SELECT_IMAGE_COUNT = "SELECT image_count FROM repository WHERE id = ?1";
    SELECT_UPLOADS = "SELECT id, stored FROM upload WHERE repository_id = ?1";
    DELETE_TAGS = "DELETE FROM tag WHERE repository_id = ?1";
    DELETE_CHILDREN = "DELETE FROM manifest_child WHERE parent_id IN (SELECT id FROM manifest WHERE repository_id = ?1)";
    DELETE_MANIFESTS = "DELETE FROM manifest WHERE repository_id = ?1";
    DELETE_BLOBS = "DELETE FROM repository_blob WHERE repository_id = ?1";
    DELETE_UPLOADS = "DELETE FROM upload WHERE repository_id = ?1";
    DELETE = "DELETE FROM repository WHERE id = ?1";
}

impl Installation {
    pub async fn create_repository(&self, key: &RepositoryKey) -> Result<Repository> {
        let (repository, _) = self.create_repository_with(key, None, Vec::new()).await?;
        Ok(repository)
    }

    /// Creates a repository with catalog data and resource tags, atomically.
    pub async fn create_repository_with(
        &self,
        key: &RepositoryKey,
        catalog_data: Option<NewCatalogData>,
        tags: Vec<ResourceTag>,
    ) -> Result<(Repository, CatalogData)> {
        tags.iter().try_for_each(ResourceTag::check)?;
        let catalog_data = catalog_data.map(NewCatalogData::checked).transpose()?;
        let (now, key, limits) = (self.now(), key.clone(), self.0.limits.clone());
        let repository = Repository { key: key.clone(), created_at: now };
        let create = async move |tx: &mut Tx<'_>| {
            let id = tx.next_id(now);
            if !repository_row::insert(tx, &key, id, limits.repositories, now).await? {
                return Err(Error::RepositoryExists(key.clone()));
            }
            resource_tags::put(tx, &key, id, &tags, limits.resource_tags).await?;
            if let Some(new) = &catalog_data {
                catalog_data::put(tx, id, new).await?;
            }
            catalog_data::select(tx, id).await
        };
        Ok((repository, self.0.metadata.write(create).await?))
    }

    /// Deletes a repository. Fails if it contains images, unless `force` is set.
    pub async fn delete_repository(&self, key: &RepositoryKey, force: bool) -> Result<Repository> {
        let owned = key.clone();
        let delete = async move |tx: &mut Tx<'_>| {
            let (repository, id) = (select_one(tx, &owned).await?, repository_row::require(tx, &owned).await?);
            if !force && tx.query_one(&SELECT_IMAGE_COUNT, params![id]).await? != Some(0_u64) {
                return Err(Error::RepositoryNotEmpty(owned.clone()));
            }
            let uploads: Vec<(String, Option<Vec<u8>>)> = tx.query(&SELECT_UPLOADS, params![id]).await?;
            for statement in [&DELETE_TAGS, &DELETE_CHILDREN, &DELETE_MANIFESTS, &DELETE_BLOBS, &DELETE_UPLOADS, &DELETE] {
                tx.execute(statement, params![id]).await?;
            }
            repository_row::add_to_count(tx, &owned.registry, -1).await?;
            stale::mark(tx, id).await?;
            Ok((repository, uploads))
        };
        let (deleted, uploads) = self.0.metadata.write(delete).await?;
        for (upload, stored) in uploads {
            self.forget_upload(key, &upload, stored.as_deref()).await;
        }
        Ok(deleted)
    }

    /// The repositories with these keys, in the same order. Fails if one does not exist.
    pub async fn repositories(&self, keys: &[RepositoryKey]) -> Result<Vec<Repository>> {
        let select = async |tx: &mut Tx<'_>| {
            let mut found = Vec::with_capacity(keys.len());
            for key in keys {
                found.push(select_one(tx, key).await?);
            }
            Ok(found)
        };
        self.0.metadata.scan(select).await
    }

    /// A page of the repositories of a registry with names after `after`, in bytewise order.
    pub async fn list_repositories(&self, registry: &RegistryId, after: Option<&str>, size: PageSize) -> Result<Page<Repository>> {
        let select = async |tx: &mut Tx<'_>| {
            let mut page = Filling::new(size);
            let after = after.unwrap_or_default();
            tx.fill(&mut page, &SELECT_PAGE, params![registry, after, size.with_one_more()]).await?;
            Ok(page.finish(|repository: &Repository| repository.key.name.to_string()))
        };
        self.0.metadata.scan(select).await
    }

    /// A page of the repositories of all registries as `<alias>/<name>`, after `after` in bytewise order.
    pub async fn list_all_repositories(&self, after: Option<&str>, size: PageSize) -> Result<Arc<Page<String>>> {
        let after = after.unwrap_or_default();
        let select = async |tx: &mut Tx<'_>| {
            let mut registries: Vec<(String, RegistryId)> = tx.query(&SELECT_PRIMARY_ALIASES, params![]).await?;
            // Prefixes include the slash, because `a-b/x` precedes `a/x`.
            registries.sort();
            let mut page = Filling::new(size);
            for (prefix, registry) in registries {
                let start = match after.strip_prefix(prefix.as_str()) {
                    Some(name) => name,
                    None if prefix.as_str() < after => continue,
                    None => "",
                };
                let missing = size.with_one_more() - page.len() as i64;
                tx.fill(&mut page, &SELECT_NAMES, params![registry, start, missing, prefix]).await?;
                if page.is_full() {
                    break;
                }
            }
            Ok(page.finish(String::clone))
        };
        self.0.metadata.scan_through(self.arrived(), &self.0.caches.repositories, &[&size.get().to_string(), after], select).await
    }

    /// Whether a write creates a missing repository.
    pub(crate) fn if_missing(&self, create: bool) -> IfMissing {
        if create { IfMissing::Create { limit: self.0.limits.repositories } } else { IfMissing::Fail }
    }
}

async fn select_one(tx: &mut Tx<'_>, key: &RepositoryKey) -> Result<Repository> {
    let found = tx.query_one(&SELECT_ONE, params![key.registry, key.name]).await?;
    found.ok_or_else(|| Error::RepositoryNotFound(key.clone()))
}

impl FromRow for Repository {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self { key: row.read()?, created_at: row.read()? })
    }
}
