//! Catalog data of repositories and registries.

use super::Metadata;
use super::repositories::repository_id;
use super::transaction::{Row, Sql, Tx, Value, statements};
use crate::error::{Error, Result};
use roadstead_model::catalog_data::CatalogData;
use roadstead_model::{RegistryId, RepositoryKey};

statements! {
    SELECT = "SELECT description, about_text, usage_text, architectures, operating_systems, marketplace_certified, logo_name
        FROM repository_catalog_data WHERE repository_id = ?1";
    SELECT_LOGO = "SELECT logo FROM repository_catalog_data WHERE logo_name = ?1";
    UPSERT = "INSERT INTO repository_catalog_data (repository_id, description, about_text, usage_text, architectures, operating_systems,
            marketplace_certified, logo_name, logo) VALUES (?1, ?2, ?3, ?4, ?5, ?6, FALSE, ?7, ?8)
        ON CONFLICT (repository_id) DO UPDATE SET description = excluded.description, about_text = excluded.about_text,
            usage_text = excluded.usage_text, architectures = excluded.architectures, operating_systems = excluded.operating_systems,
            logo_name = COALESCE(excluded.logo_name, repository_catalog_data.logo_name),
            logo = COALESCE(excluded.logo, repository_catalog_data.logo)";
    SELECT_DISPLAY_NAME = "SELECT display_name FROM registry WHERE id = ?1";
    UPDATE_DISPLAY_NAME = "UPDATE registry SET display_name = ?2 WHERE id = ?1";
}

/// A logo and the name that its URL gets.
#[derive(Debug, Clone)]
pub(crate) struct NamedLogo {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

impl Metadata {
    /// What a repository says about itself; nothing when it never said anything.
    pub(crate) async fn catalog_data(&self, key: &RepositoryKey) -> Result<CatalogData> {
        self.read(async |tx: &mut Tx<'_>| {
            let repository = repository_id(tx, key).await?;
            select(tx, repository).await
        })
        .await
    }

    /// Replaces what a repository says about itself. Without a logo it keeps the one that it has.
    pub(crate) async fn put_catalog_data(&self, key: RepositoryKey, data: CatalogData, logo: Option<NamedLogo>) -> Result<CatalogData> {
        self.write(async move |tx: &mut Tx<'_>| {
            let repository = repository_id(tx, &key).await?;
            put(tx, repository, &data, logo.as_ref()).await?;
            select(tx, repository).await
        })
        .await
    }

    /// The logo of this name.
    pub(crate) async fn logo(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.read(async |tx: &mut Tx<'_>| tx.query_one(&SELECT_LOGO, &[name.into()], |row| row.bytes(0)).await).await
    }

    /// The name that a registry shows.
    pub(crate) async fn display_name(&self, registry: &RegistryId) -> Result<Option<String>> {
        self.read(async |tx: &mut Tx<'_>| {
            let row = tx.query_one(&SELECT_DISPLAY_NAME, &[registry.as_str().into()], |row| row.optional_text(0)).await?;
            row.ok_or_else(|| Error::RegistryNotFound(registry.to_string()))
        })
        .await
    }

    /// Sets the name that a registry shows.
    pub(crate) async fn set_display_name(&self, registry: RegistryId, display_name: Option<String>) -> Result<()> {
        self.write(async move |tx: &mut Tx<'_>| {
            let changed = tx.execute(&UPDATE_DISPLAY_NAME, &[registry.as_str().into(), display_name.as_deref().into()]).await?;
            if changed == 1 { Ok(()) } else { Err(Error::RegistryNotFound(registry.to_string())) }
        })
        .await
    }
}

/// Writes catalog data within another write.
pub(super) async fn put(tx: &mut Tx<'_>, repository: i64, data: &CatalogData, logo: Option<&NamedLogo>) -> Result<()> {
    let (architectures, operating_systems) = (list(&data.architectures)?, list(&data.operating_systems)?);
    let parameters: [Value<'_>; 8] = [
        repository.into(),
        data.description.as_deref().into(),
        data.about_text.as_deref().into(),
        data.usage_text.as_deref().into(),
        architectures.as_str().into(),
        operating_systems.as_str().into(),
        logo.map(|logo| logo.name.as_str()).into(),
        logo.map_or(Value::Null, |logo| logo.bytes.as_slice().into()),
    ];
    tx.execute(&UPSERT, &parameters).await.map(drop)
}

pub(super) async fn select(tx: &mut Tx<'_>, repository: i64) -> Result<CatalogData> {
    Ok(tx.query_one(&SELECT, &[repository.into()], read).await?.unwrap_or_default())
}

fn list(items: &[String]) -> Result<String> {
    serde_json::to_string(items).map_err(|error| Error::Internal(error.to_string()))
}

fn read(row: &Row<'_>) -> Result<CatalogData> {
    Ok(CatalogData {
        description: row.optional_text(0)?,
        about_text: row.optional_text(1)?,
        usage_text: row.optional_text(2)?,
        architectures: row.parsed(3, |text| serde_json::from_str(text))?,
        operating_systems: row.parsed(4, |text| serde_json::from_str(text))?,
        marketplace_certified: row.boolean(5)?,
        logo_name: row.optional_text(6)?,
    })
}
