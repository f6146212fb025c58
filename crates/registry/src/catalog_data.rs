//! Catalog data of repositories and display names of registries, for the gallery.

use crate::error::{Error, Result};
use crate::gallery::texts::{self, Texts};
use crate::installation::Installation;
use crate::metadata::{FromRow, Row, Tx, params, statements};
use crate::{repository_row, stale};
use roadstead_model::catalog_data::{CatalogData, Logo};
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

/// Catalog data sent by a caller.
#[derive(Debug, Clone, Default)]
pub struct NewCatalogData {
    /// Texts and lists. `logo_name` and `marketplace_certified` are ignored, because callers cannot set them.
    pub data: CatalogData,
    /// An unchecked logo.
    pub logo: Option<Vec<u8>>,
}

/// Catalog data ready to be stored.
#[derive(Debug, Clone)]
pub(crate) struct CheckedCatalogData {
    data: CatalogData,
    texts: Texts,
    /// A new logo and its unique name, the last segment of its URL.
    logo: Option<(String, Logo)>,
}

impl NewCatalogData {
    /// Checks the logo and generates its name, and renders the texts.
    pub(crate) fn checked(self) -> Result<CheckedCatalogData> {
        let logo = self.logo.map(Logo::parse).transpose()?;
        let logo = logo.map(|logo| (uuid::Uuid::new_v4().to_string(), logo));
        Ok(CheckedCatalogData { texts: Texts::of(&self.data), data: self.data, logo })
    }
}

impl Installation {
    /// The catalog data of a repository, empty by default.
    pub async fn catalog_data(&self, repository: &RepositoryKey) -> Result<CatalogData> {
        let find = async |tx: &mut Tx<'_>| {
            let id = repository_row::require(tx, repository).await?;
            select(tx, id).await
        };
        self.0.metadata.read(find).await
    }

    /// Replaces the catalog data of a repository. Omitted texts and lists are deleted. An omitted logo is kept, because callers cannot
    /// read it back to send it again.
    pub async fn put_catalog_data(&self, repository: &RepositoryKey, new: NewCatalogData) -> Result<CatalogData> {
        let (repository, checked) = (repository.clone(), new.checked()?);
        let replace = async move |tx: &mut Tx<'_>| {
            let id = repository_row::require(tx, &repository).await?;
            put(tx, id, &checked).await?;
            stale::mark(tx, id).await?;
            select(tx, id).await
        };
        self.0.metadata.write(replace).await
    }

    /// The logo with this name, a PNG.
    pub async fn logo(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.0.metadata.read(async |tx: &mut Tx<'_>| tx.query_one(&SELECT_LOGO, params![name]).await).await
    }

    /// The display name of a registry.
    pub async fn display_name(&self, registry: &RegistryId) -> Result<Option<String>> {
        let found = self.0.metadata.read(async |tx: &mut Tx<'_>| tx.query_one(&SELECT_DISPLAY_NAME, params![registry]).await).await?;
        found.ok_or_else(|| Error::RegistryNotFound(registry.to_string()))
    }

    /// Sets or removes the display name of a registry.
    pub async fn set_display_name(&self, registry: &RegistryId, display_name: Option<String>) -> Result<()> {
        let registry = registry.clone();
        let update = async move |tx: &mut Tx<'_>| match tx.execute(&UPDATE_DISPLAY_NAME, params![registry, display_name]).await? {
            0 => Err(Error::RegistryNotFound(registry.to_string())),
            _ => stale::mark_registry(tx, &registry).await,
        };
        self.0.metadata.write(update).await
    }
}

/// Replaces the catalog data of a repository. Without a new logo the stored one is kept.
pub(crate) async fn put(tx: &mut Tx<'_>, repository: i64, new: &CheckedCatalogData) -> Result<()> {
    let CatalogData { description, about_text, usage_text, architectures, operating_systems, .. } = &new.data;
    let (architectures, operating_systems) = (list(architectures)?, list(operating_systems)?);
    let (logo_name, logo) = (new.logo.as_ref().map(|(name, _)| name), new.logo.as_ref().map(|(_, logo)| logo.as_bytes()));
    let parameters = params![repository, description, about_text, usage_text, architectures, operating_systems, logo_name, logo];
    tx.execute(&UPSERT, parameters).await?;
    texts::put(tx, repository, &new.texts).await
}

pub(crate) async fn select(tx: &mut Tx<'_>, repository: i64) -> Result<CatalogData> {
    Ok(tx.query_one(&SELECT, params![repository]).await?.unwrap_or_default())
}

fn list(items: &[String]) -> Result<String> {
    serde_json::to_string(items).map_err(|error| Error::Internal(error.to_string()))
}

impl FromRow for CatalogData {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            description: row.read()?,
            about_text: row.read()?,
            usage_text: row.read()?,
            architectures: row.read()?,
            operating_systems: row.read()?,
            marketplace_certified: row.read()?,
            logo_name: row.read()?,
        })
    }
}
