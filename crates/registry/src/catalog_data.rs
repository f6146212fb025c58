//! Catalog data: what repositories and registries say about themselves in the gallery.

use crate::error::Result;
use crate::installation::Installation;
use crate::metadata::NamedLogo;
use roadstead_model::catalog_data::{CatalogData, Logo};
use roadstead_model::{RegistryId, RepositoryKey};

/// Catalog data as a caller sends it.
#[derive(Debug, Clone, Default)]
pub struct NewCatalogData {
    /// The texts and lists. `logo_name` and `marketplace_certified` are not the caller's to set and are ignored.
    pub data: CatalogData,
    /// The bytes of a logo, which are checked.
    pub logo: Option<Vec<u8>>,
}

impl NewCatalogData {
    /// Checks the logo and gives it a name of its own.
    pub(crate) fn named_logo(&self) -> Result<Option<NamedLogo>> {
        let Some(sent) = &self.logo else { return Ok(None) };
        let logo = Logo::parse(sent.clone())?;
        Ok(Some(NamedLogo { name: uuid::Uuid::new_v4().to_string(), bytes: logo.as_bytes().to_vec() }))
    }
}

impl Installation {
    /// What a repository says about itself; nothing when it never said anything.
    pub async fn catalog_data(&self, repository: &RepositoryKey) -> Result<CatalogData> {
        self.0.metadata.catalog_data(repository).await
    }

    /// Replaces what a repository says about itself. Texts and lists that are not sent are gone; a logo that is not sent
    /// stays, since nobody can read a logo back to send it again.
    pub async fn put_catalog_data(&self, repository: &RepositoryKey, new: NewCatalogData) -> Result<CatalogData> {
        let logo = new.named_logo()?;
        self.0.metadata.put_catalog_data(repository.clone(), new.data, logo).await
    }

    /// The PNG of this name, if a repository shows it.
    pub async fn logo(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.0.metadata.logo(name).await
    }

    /// The name that a registry shows.
    pub async fn display_name(&self, registry: &RegistryId) -> Result<Option<String>> {
        self.0.metadata.display_name(registry).await
    }

    /// Sets or removes the name that a registry shows.
    pub async fn set_display_name(&self, registry: &RegistryId, display_name: Option<String>) -> Result<()> {
        self.0.metadata.set_display_name(registry.clone(), display_name).await
    }
}
