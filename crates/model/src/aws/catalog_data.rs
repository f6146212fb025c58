//! GetRepositoryCatalogData, PutRepositoryCatalogData, GetRegistryCatalogData, PutRegistryCatalogData.

use super::blob::Blob;
use super::scalars::{REGISTRY_ID, REPOSITORY_NAME};
use super::shape::Shape;
use super::structure::structure;
use serde::Serialize;

structure!(GetRepositoryCatalogDataRequest {
    registry_id("registryId"): Option<String> = REGISTRY_ID,
    repository_name("repositoryName"): String = REPOSITORY_NAME,
});

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryCatalogDataResponse {
    /// Empty if catalog data were never set.
    pub catalog_data: RepositoryCatalogData,
}

structure!(PutRepositoryCatalogDataRequest {
    registry_id("registryId"): Option<String> = REGISTRY_ID,
    repository_name("repositoryName"): String = REPOSITORY_NAME,
    catalog_data("catalogData"): RepositoryCatalogDataInput = RepositoryCatalogDataInput::SHAPE,
});

structure!(GetRegistryCatalogDataRequest {});

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RegistryCatalogDataResponse {
    pub registry_catalog_data: RegistryCatalogData,
}

structure!(PutRegistryCatalogDataRequest {
    /// The publisher's name as the gallery shows it.
    display_name("displayName"): Option<String> = Shape::text(Some(0), 100),
});

structure!(RepositoryCatalogDataInput {
    /// A short description, shown in search results.
    description("description"): Option<String> = Shape::text(None, 1024),
    /// Such as `ARM 64` and `x86-64`.
    architectures("architectures"): Option<Vec<String>> = Shape::List { min: None, max: Some(50), item: &Shape::text(Some(1), 50) },
    operating_systems("operatingSystems"): Option<Vec<String>> = Shape::List { min: None, max: Some(50), item: &Shape::text(Some(1), 50) },
    /// A PNG.
    logo_image_blob("logoImageBlob"): Option<Blob> = Shape::Blob { min: Some(0), max: Some(512_000) },
    /// Markdown.
    about_text("aboutText"): Option<String> = Shape::text(None, 25_600),
    /// Markdown.
    usage_text("usageText"): Option<String> = Shape::text(None, 25_600),
});

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryCatalogData {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Such as `ARM 64` and `x86-64`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub architectures: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operating_systems: Option<Vec<String>>,
    /// The URL of the logo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo_url: Option<String>,
    /// Markdown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about_text: Option<String>,
    /// Markdown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage_text: Option<String>,
    /// Whether AWS Marketplace has certified the content; never set here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub marketplace_certified: Option<bool>,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RegistryCatalogData {
    /// The publisher's name as the gallery shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
}
