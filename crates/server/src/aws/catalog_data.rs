//! GetRepositoryCatalogData, PutRepositoryCatalogData, GetRegistryCatalogData, PutRegistryCatalogData.

use super::access::Caller;
use super::error::Failure;
use crate::http::logo_path;
use roadstead_model::aws::catalog_data::*;
use roadstead_model::catalog_data::CatalogData;
use roadstead_registry::NewCatalogData;

pub(super) async fn get_repository_catalog_data(
    caller: &Caller<'_>,
    request: GetRepositoryCatalogDataRequest,
) -> Result<RepositoryCatalogDataResponse, Failure> {
    let repository = caller.repository("repositoryName", &request.repository_name)?;
    let data = caller.installation().catalog_data(&repository).await?;
    Ok(RepositoryCatalogDataResponse { catalog_data: catalog_data_response(caller, data) })
}

/// Answers the catalog data as they are now, with the logo's URL.
pub(super) async fn put_repository_catalog_data(
    caller: &Caller<'_>,
    request: PutRepositoryCatalogDataRequest,
) -> Result<RepositoryCatalogDataResponse, Failure> {
    let repository = caller.repository("repositoryName", &request.repository_name)?;
    let data = caller.installation().put_catalog_data(&repository, new_catalog_data(request.catalog_data)).await?;
    Ok(RepositoryCatalogDataResponse { catalog_data: catalog_data_response(caller, data) })
}

pub(super) async fn get_registry_catalog_data(
    caller: &Caller<'_>,
    _: GetRegistryCatalogDataRequest,
) -> Result<RegistryCatalogDataResponse, Failure> {
    let display_name = caller.installation().display_name(caller.registry_id()).await?;
    Ok(RegistryCatalogDataResponse { registry_catalog_data: RegistryCatalogData { display_name } })
}

/// Everybody may set a display name; the gallery shows it for verified accounts (Amazon ECR Public user guide).
pub(super) async fn put_registry_catalog_data(
    caller: &Caller<'_>,
    request: PutRegistryCatalogDataRequest,
) -> Result<RegistryCatalogDataResponse, Failure> {
    let display_name = request.display_name;
    caller.installation().set_display_name(caller.registry_id(), display_name.clone()).await?;
    Ok(RegistryCatalogDataResponse { registry_catalog_data: RegistryCatalogData { display_name } })
}

/// Catalog data as a caller sends them; a logo without a byte is none.
pub(super) fn new_catalog_data(input: RepositoryCatalogDataInput) -> NewCatalogData {
    let data = CatalogData {
        description: input.description,
        about_text: input.about_text,
        usage_text: input.usage_text,
        architectures: input.architectures.unwrap_or_default(),
        operating_systems: input.operating_systems.unwrap_or_default(),
        ..CatalogData::default()
    };
    NewCatalogData { data, logo: input.logo_image_blob.map(|blob| blob.0).filter(|bytes| !bytes.is_empty()) }
}

/// Catalog data as the API shows them: what was never said is left out.
pub(super) fn catalog_data_response(caller: &Caller<'_>, data: CatalogData) -> RepositoryCatalogData {
    let list = |items: Vec<String>| Some(items).filter(|items| !items.is_empty());
    RepositoryCatalogData {
        description: data.description,
        architectures: list(data.architectures),
        operating_systems: list(data.operating_systems),
        logo_url: data.logo_name.map(|name| caller.url(&logo_path::of(&name))),
        about_text: data.about_text,
        usage_text: data.usage_text,
        marketplace_certified: data.marketplace_certified.then_some(true),
    }
}
