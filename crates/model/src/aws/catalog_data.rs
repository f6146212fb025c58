//! What the gallery shows: GetRepositoryCatalogData, PutRepositoryCatalogData, GetRegistryCatalogData,
//! PutRegistryCatalogData.

use super::blob::Blob;
use super::scalars::{BOOLEAN, REGISTRY_ID, REPOSITORY_NAME};
use super::shape::{Shape, optional, required};
use serde::{Deserialize, Serialize};

static DESCRIPTION: Shape = Shape::text(None, 1024);
static ARCHITECTURE: Shape = Shape::text(Some(1), 50);
static ARCHITECTURE_LIST: Shape = Shape::List { min: None, max: Some(50), item: &ARCHITECTURE };
static OPERATING_SYSTEM: Shape = Shape::text(Some(1), 50);
static OPERATING_SYSTEM_LIST: Shape = Shape::List { min: None, max: Some(50), item: &OPERATING_SYSTEM };
static LOGO_IMAGE_BLOB: Shape = Shape::Blob { min: Some(0), max: Some(512_000) };
static RESOURCE_URL: Shape = Shape::text(None, 2048);
static ABOUT_TEXT: Shape = Shape::text(None, 25_600);
static USAGE_TEXT: Shape = Shape::text(None, 25_600);
static DISPLAY_NAME: Shape = Shape::text(Some(0), 100);

/// What GetRepositoryCatalogData takes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetRepositoryCatalogDataRequest {
    /// The registry; the caller's own if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_id: Option<String>,
    /// The repository.
    pub repository_name: String,
}

/// The shape of [`GetRepositoryCatalogDataRequest`].
pub static GET_REPOSITORY_CATALOG_DATA_REQUEST: Shape =
    Shape::Structure(&[optional("registryId", &REGISTRY_ID), required("repositoryName", &REPOSITORY_NAME)]);

/// What GetRepositoryCatalogData answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GetRepositoryCatalogDataResponse {
    /// An empty object if none were ever put.
    pub catalog_data: RepositoryCatalogData,
}

/// The shape of [`GetRepositoryCatalogDataResponse`].
pub static GET_REPOSITORY_CATALOG_DATA_RESPONSE: Shape = Shape::Structure(&[optional("catalogData", &REPOSITORY_CATALOG_DATA)]);

/// What PutRepositoryCatalogData takes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutRepositoryCatalogDataRequest {
    /// The registry; the caller's own if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_id: Option<String>,
    /// The repository.
    pub repository_name: String,
    /// The new catalog data.
    pub catalog_data: RepositoryCatalogDataInput,
}

/// The shape of [`PutRepositoryCatalogDataRequest`].
pub static PUT_REPOSITORY_CATALOG_DATA_REQUEST: Shape = Shape::Structure(&[
    optional("registryId", &REGISTRY_ID),
    required("repositoryName", &REPOSITORY_NAME),
    required("catalogData", &REPOSITORY_CATALOG_DATA_INPUT),
]);

/// What PutRepositoryCatalogData answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PutRepositoryCatalogDataResponse {
    /// The whole catalog data as they are now.
    pub catalog_data: RepositoryCatalogData,
}

/// The shape of [`PutRepositoryCatalogDataResponse`].
pub static PUT_REPOSITORY_CATALOG_DATA_RESPONSE: Shape = Shape::Structure(&[optional("catalogData", &REPOSITORY_CATALOG_DATA)]);

/// What GetRegistryCatalogData takes: nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct GetRegistryCatalogDataRequest {}

/// The shape of [`GetRegistryCatalogDataRequest`].
pub static GET_REGISTRY_CATALOG_DATA_REQUEST: Shape = Shape::Structure(&[]);

/// What GetRegistryCatalogData answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GetRegistryCatalogDataResponse {
    /// The registry's catalog data.
    pub registry_catalog_data: RegistryCatalogData,
}

/// The shape of [`GetRegistryCatalogDataResponse`].
pub static GET_REGISTRY_CATALOG_DATA_RESPONSE: Shape = Shape::Structure(&[required("registryCatalogData", &REGISTRY_CATALOG_DATA)]);

/// What PutRegistryCatalogData takes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutRegistryCatalogDataRequest {
    /// The publisher's name as the gallery shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
}

/// The shape of [`PutRegistryCatalogDataRequest`].
pub static PUT_REGISTRY_CATALOG_DATA_REQUEST: Shape = Shape::Structure(&[optional("displayName", &DISPLAY_NAME)]);

/// What PutRegistryCatalogData answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PutRegistryCatalogDataResponse {
    /// The registry's catalog data as they are now.
    pub registry_catalog_data: RegistryCatalogData,
}

/// The shape of [`PutRegistryCatalogDataResponse`].
pub static PUT_REGISTRY_CATALOG_DATA_RESPONSE: Shape = Shape::Structure(&[required("registryCatalogData", &REGISTRY_CATALOG_DATA)]);

/// Catalog data of a repository as a caller gives them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryCatalogDataInput {
    /// A short description, shown in search results.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Such as `ARM 64` and `x86-64`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub architectures: Option<Vec<String>>,
    /// Such as `Linux`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operating_systems: Option<Vec<String>>,
    /// A PNG.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo_image_blob: Option<Blob>,
    /// Markdown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about_text: Option<String>,
    /// Markdown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage_text: Option<String>,
}

/// The shape of [`RepositoryCatalogDataInput`].
pub static REPOSITORY_CATALOG_DATA_INPUT: Shape = Shape::Structure(&[
    optional("description", &DESCRIPTION),
    optional("architectures", &ARCHITECTURE_LIST),
    optional("operatingSystems", &OPERATING_SYSTEM_LIST),
    optional("logoImageBlob", &LOGO_IMAGE_BLOB),
    optional("aboutText", &ABOUT_TEXT),
    optional("usageText", &USAGE_TEXT),
]);

/// Catalog data of a repository as the API shows them.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryCatalogData {
    /// A short description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Such as `ARM 64` and `x86-64`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub architectures: Option<Vec<String>>,
    /// Such as `Linux`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operating_systems: Option<Vec<String>>,
    /// Where the logo is served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo_url: Option<String>,
    /// Markdown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about_text: Option<String>,
    /// Markdown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage_text: Option<String>,
    /// Whether AWS Marketplace vouches for it; never set here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub marketplace_certified: Option<bool>,
}

/// The shape of [`RepositoryCatalogData`].
pub static REPOSITORY_CATALOG_DATA: Shape = Shape::Structure(&[
    optional("description", &DESCRIPTION),
    optional("architectures", &ARCHITECTURE_LIST),
    optional("operatingSystems", &OPERATING_SYSTEM_LIST),
    optional("logoUrl", &RESOURCE_URL),
    optional("aboutText", &ABOUT_TEXT),
    optional("usageText", &USAGE_TEXT),
    optional("marketplaceCertified", &BOOLEAN),
]);

/// Catalog data of a registry.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RegistryCatalogData {
    /// The publisher's name as the gallery shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
}

/// The shape of [`RegistryCatalogData`].
pub static REGISTRY_CATALOG_DATA: Shape = Shape::Structure(&[optional("displayName", &DISPLAY_NAME)]);
