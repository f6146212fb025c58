//! GetRepositoryCatalogData, PutRepositoryCatalogData, GetRegistryCatalogData, PutRegistryCatalogData.

use super::access::Caller;
use super::error::Failure;
use crate::http::logo_path;
use roadstead_model::aws::catalog_data::*;
use roadstead_model::catalog_data::CatalogData;
use roadstead_registry::NewCatalogData;

pub(super) async fn get_repository_catalog_data(
    caller: &Caller<'_>,
    _: GetRepositoryCatalogDataRequest,
) -> Result<RepositoryCatalogDataResponse, Failure> {
    let repository = caller.repository()?;
    let data = caller.installation().catalog_data(repository).await?;
    Ok(RepositoryCatalogDataResponse { catalog_data: catalog_data_response(caller, data) })
}

pub(super) async fn put_repository_catalog_data(
    caller: &Caller<'_>,
    request: PutRepositoryCatalogDataRequest,
) -> Result<RepositoryCatalogDataResponse, Failure> {
    let repository = caller.repository()?;
    let data = caller.installation().put_catalog_data(repository, new_catalog_data(request.catalog_data)).await?;
    Ok(RepositoryCatalogDataResponse { catalog_data: catalog_data_response(caller, data) })
}

pub(super) async fn get_registry_catalog_data(
    caller: &Caller<'_>,
    _: GetRegistryCatalogDataRequest,
) -> Result<RegistryCatalogDataResponse, Failure> {
    let display_name = caller.installation().display_name(caller.registry_id()).await?;
    Ok(RegistryCatalogDataResponse { registry_catalog_data: RegistryCatalogData { display_name } })
}

/// Any account may set a display name. AWS's gallery shows those of verified accounts (Amazon ECR Public user guide).
pub(super) async fn put_registry_catalog_data(
    caller: &Caller<'_>,
    request: PutRegistryCatalogDataRequest,
) -> Result<RegistryCatalogDataResponse, Failure> {
    let display_name = request.display_name;
    caller.installation().set_display_name(caller.registry_id(), display_name.clone()).await?;
    Ok(RegistryCatalogDataResponse { registry_catalog_data: RegistryCatalogData { display_name } })
}

/// Converts the catalog data of a request. An empty logo counts as absent.
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

/// Converts catalog data for a response, without empty members.
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
