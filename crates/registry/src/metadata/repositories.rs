//! Repositories.

use super::transaction::{Row, Sql, Tx, Value, statements};
use super::{Metadata, NamedLogo, catalog_data, resource_tags};
use crate::error::{Error, Result};
use crate::limits::Limits;
use roadstead_model::catalog_data::CatalogData;
use roadstead_model::page::Filling;
use roadstead_model::{Page, PageSize, RegistryId, Repository, RepositoryKey, RepositoryName, ResourceTag, Timestamp};
use std::convert::Infallible;
use std::sync::Arc;

statements! {
    SELECT_ID = "SELECT id FROM repository WHERE registry_id = ?1 AND name = ?2";
    SELECT_ONE = "SELECT name, created_at FROM repository WHERE registry_id = ?1 AND name = ?2";
    SELECT_PAGE = "SELECT name, created_at FROM repository WHERE registry_id = ?1 AND name > ?2 ORDER BY name LIMIT ?3";
    SELECT_NAMES = "SELECT name FROM repository WHERE registry_id = ?1 AND name > ?2 ORDER BY name LIMIT ?3";
    SELECT_PRIMARY_ALIASES = "SELECT name, registry_id FROM registry_alias WHERE is_primary AND status = 'ACTIVE'";
    INSERT = "INSERT INTO repository (id, registry_id, name, image_count, created_at) VALUES (?1, ?2, ?3, 0, ?4)
        ON CONFLICT (registry_id, name) DO NOTHING";
    COUNT_IN_REGISTRY = "UPDATE registry SET repository_count = repository_count + ?2 WHERE id = ?1 RETURNING repository_count";
    SELECT_IMAGE_COUNT = "SELECT image_count FROM repository WHERE id = ?1";
    SELECT_UPLOADS = "SELECT id FROM upload WHERE repository_id = ?1";
    DELETE_TAGS = "DELETE FROM tag WHERE repository_id = ?1";
    DELETE_CHILDREN = "DELETE FROM manifest_child WHERE parent_id IN (SELECT id FROM manifest WHERE repository_id = ?1)";
    DELETE_MANIFESTS = "DELETE FROM manifest WHERE repository_id = ?1";
    DELETE_BLOBS = "DELETE FROM repository_blob WHERE repository_id = ?1";
    DELETE_UPLOADS = "DELETE FROM upload WHERE repository_id = ?1";
    DELETE = "DELETE FROM repository WHERE id = ?1";
}

/// Whether a write may make the repository that it needs.
#[derive(Debug, Clone, Copy)]
pub(crate) enum IfMissing {
    /// It may not: the answer is that the repository does not exist.
    Fail,
    /// It may, as long as the registry holds no more than this many repositories.
    Create {
        /// The quota of repositories in a registry.
        limit: u64,
    },
}

/// What a new repository starts with.
#[derive(Debug, Clone, Default)]
pub(crate) struct NewRepository {
    pub(crate) catalog_data: Option<CatalogData>,
    pub(crate) logo: Option<NamedLogo>,
    pub(crate) tags: Vec<ResourceTag>,
}

impl Metadata {
    /// Makes a repository with its catalog data and resource tags, all or nothing.
    pub(crate) async fn create_repository(
        &self,
        key: RepositoryKey,
        new: NewRepository,
        limits: Limits,
        now: Timestamp,
    ) -> Result<CatalogData> {
        let id = self.next_id(now);
        self.write(async move |tx: &mut Tx<'_>| {
            if !insert(tx, &key, id, limits.repositories, now).await? {
                return Err(Error::RepositoryExists(key.clone()));
            }
            resource_tags::put(tx, &key, id, &new.tags, limits.resource_tags).await?;
            if let Some(data) = &new.catalog_data {
                catalog_data::put(tx, id, data, new.logo.as_ref()).await?;
            }
            catalog_data::select(tx, id).await
        })
        .await
    }

    /// The repositories of these names in the order of the names; fails if one is missing.
    pub(crate) async fn repositories(&self, keys: &[RepositoryKey]) -> Result<Vec<Repository>> {
        self.scan(async |tx: &mut Tx<'_>| {
            let mut found = Vec::with_capacity(keys.len());
            for key in keys {
                found.push(select_one(tx, key).await?);
            }
            Ok(found)
        })
        .await
    }

    /// A page of a registry's repositories, by name.
    pub(crate) async fn list_repositories(&self, registry: &RegistryId, after: &str, size: PageSize) -> Result<Page<Repository>> {
        self.scan(async |tx: &mut Tx<'_>| {
            let parameters: [Value<'_>; 3] = [registry.as_str().into(), after.into(), size.with_one_more().into()];
            let mut page = Filling::new(size);
            tx.fill(&mut page, &SELECT_PAGE, &parameters, |row| read(row, registry)).await?;
            Ok(page.finish(|repository: &Repository| repository.key.name.to_string()))
        })
        .await
    }

    /// A page of `<alias>/<name>` over all registries, in byte order.
    pub(crate) async fn list_all_repositories(&self, after: &str, size: PageSize) -> Result<Arc<Page<String>>> {
        let work = async |tx: &mut Tx<'_>| {
            let read = |row: &Row<'_>| Ok((row.text(0)? + "/", row.parsed(1, RegistryId::parse)?));
            let mut registries = tx.query(&SELECT_PRIMARY_ALIASES, &[], read).await?;
            // With the slash, since `a-b/x` comes before `a/x`.
            registries.sort();
            let mut page = Filling::new(size);
            for (prefix, registry) in registries {
                let start = match after.strip_prefix(prefix.as_str()) {
                    Some(name) => name,
                    None if prefix.as_str() < after => continue,
                    None => "",
                };
                let missing = size.with_one_more() - page.len() as i64;
                let parameters: [Value<'_>; 3] = [registry.as_str().into(), start.into(), missing.into()];
                let full = |name: &str| Ok::<_, Infallible>([prefix.as_str(), name].concat());
                tx.fill(&mut page, &SELECT_NAMES, &parameters, |row| row.parsed(0, full)).await?;
                if page.is_full() {
                    break;
                }
            }
            Ok(page.finish(String::clone))
        };
        self.scan_through(&self.caches.repositories, &[&size.get().to_string(), after], work).await
    }

    /// Deletes a repository, and with `force` all that is in it. Gives it back with the ids of its unfinished uploads.
    pub(crate) async fn delete_repository(&self, key: RepositoryKey, force: bool) -> Result<(Repository, Vec<String>)> {
        self.write(async move |tx: &mut Tx<'_>| {
            let repository = select_one(tx, &key).await?;
            let id = repository_id(tx, &key).await?;
            let images = tx.query_one(&SELECT_IMAGE_COUNT, &[id.into()], |row| row.integer(0)).await?;
            if images != Some(0) && !force {
                return Err(Error::RepositoryNotEmpty(key.clone()));
            }
            let uploads = tx.query(&SELECT_UPLOADS, &[id.into()], |row| row.text(0)).await?;
            for statement in [&DELETE_TAGS, &DELETE_CHILDREN, &DELETE_MANIFESTS, &DELETE_BLOBS, &DELETE_UPLOADS, &DELETE] {
                tx.execute(statement, &[id.into()]).await?;
            }
            count_in_registry(tx, &key.registry, -1).await?;
            Ok((repository, uploads))
        })
        .await
    }
}

/// The row id of a repository, if it exists.
pub(super) async fn find_repository(tx: &mut Tx<'_>, key: &RepositoryKey) -> Result<Option<i64>> {
    let parameters: [Value<'_>; 2] = [key.registry.as_str().into(), key.name.as_str().into()];
    tx.query_one(&SELECT_ID, &parameters, |row| row.integer(0)).await
}

/// Gives back what was looked for in a repository. Only a miss pays for looking whether the repository exists at all.
pub(super) async fn found_in<T>(tx: &mut Tx<'_>, key: &RepositoryKey, found: Option<T>) -> Result<Option<T>> {
    if found.is_none() {
        repository_id(tx, key).await?;
    }
    Ok(found)
}

/// The row id of a repository, which must exist.
pub(super) async fn repository_id(tx: &mut Tx<'_>, key: &RepositoryKey) -> Result<i64> {
    find_repository(tx, key).await?.ok_or_else(|| not_found(key))
}

/// The row id of a repository, which is made first if it is missing and may be.
pub(super) async fn repository_id_or_new(
    tx: &mut Tx<'_>,
    key: &RepositoryKey,
    missing: IfMissing,
    new: i64,
    now: Timestamp,
) -> Result<i64> {
    if let IfMissing::Create { limit } = missing
        && insert(tx, key, new, limit, now).await?
    {
        return Ok(new);
    }
    repository_id(tx, key).await
}

pub(super) fn not_found(key: &RepositoryKey) -> Error {
    Error::RepositoryNotFound(key.clone())
}

async fn insert(tx: &mut Tx<'_>, key: &RepositoryKey, id: i64, limit: u64, now: Timestamp) -> Result<bool> {
    let parameters: [Value<'_>; 4] = [id.into(), key.registry.as_str().into(), key.name.as_str().into(), now.micros().into()];
    if tx.execute(&INSERT, &parameters).await? == 0 {
        return Ok(false);
    }
    if count_in_registry(tx, &key.registry, 1).await? > i64::try_from(limit).unwrap_or(i64::MAX) {
        return Err(Error::LimitExceeded(format!(
            "The registry with id '{}' already has the maximum allowed number of repositories which is '{limit}'",
            key.registry
        )));
    }
    Ok(true)
}

async fn count_in_registry(tx: &mut Tx<'_>, registry: &RegistryId, change: i64) -> Result<i64> {
    let count = tx.query_one(&COUNT_IN_REGISTRY, &[registry.as_str().into(), change.into()], |row| row.integer(0)).await?;
    count.ok_or_else(|| Error::RegistryNotFound(registry.to_string()))
}

async fn select_one(tx: &mut Tx<'_>, key: &RepositoryKey) -> Result<Repository> {
    let parameters: [Value<'_>; 2] = [key.registry.as_str().into(), key.name.as_str().into()];
    let row = tx.query_one(&SELECT_ONE, &parameters, |row| read(row, &key.registry)).await?;
    row.ok_or_else(|| not_found(key))
}

fn read(row: &Row<'_>, registry: &RegistryId) -> Result<Repository> {
    Ok(Repository {
        key: RepositoryKey::new(registry.clone(), row.parsed(0, RepositoryName::parse)?),
        created_at: Timestamp::from_micros(row.integer(1)?),
    })
}
