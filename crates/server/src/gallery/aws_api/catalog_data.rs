//! getRepositoryCatalogData, getRegistryCatalogData.

use super::failure::Failure;
use super::naming::repository;
use crate::gallery::links::Links;
use crate::gallery::urls;
use crate::http::Call;
use crate::server::Server;
use roadstead_model::aws::catalog_data::{RegistryCatalogData, RepositoryCatalogData};
use roadstead_model::aws::gallery::{
    CatalogData, GetRegistryCatalogDataRequest, GetRegistryCatalogDataResponse, GetRepositoryCatalogDataRequest,
    GetRepositoryCatalogDataResponse, InsightData,
};
use roadstead_registry::TextKind;

pub(super) async fn get_repository_catalog_data(
    server: &Server,
    call: &Call,
    request: GetRepositoryCatalogDataRequest,
) -> Result<GetRepositoryCatalogDataResponse, Failure> {
    let installation = server.installation.at(call.arrival);
    let repository = repository(&installation, &request.registry_alias_name, &request.repository_name).await?;
    let (view, _) = installation.repository_view(&repository, TextKind::About).await?;
    let featured = installation.featured_tag(&repository).await?.tag;
    let pulls = installation.pull_totals(&repository).await?;
    let list = |items: Vec<String>| Some(items).filter(|items| !items.is_empty());
    let data = RepositoryCatalogData {
        description: view.description,
        architectures: list(view.architectures),
        operating_systems: list(view.operating_systems),
        logo_url: view.logo_name.map(|name| urls::absolute(&call.origin, &urls::logo(&name))),
        about_text: view.about_text,
        usage_text: view.usage_text,
        // AWS Marketplace certifies nothing here.
        marketplace_certified: None,
    };
    let catalog_data = CatalogData { data, source_code_repository: Links::new(&view.settings, featured.as_ref()).source };
    Ok(GetRepositoryCatalogDataResponse { catalog_data, insight_data: InsightData { download_count: pulls.total } })
}

/// The display name of a publisher that is verified. Nobody else may call himself what he likes.
pub(super) async fn get_registry_catalog_data(
    server: &Server,
    request: GetRegistryCatalogDataRequest,
) -> Result<GetRegistryCatalogDataResponse, Failure> {
    let registry = server.installation.resolve_alias(&request.registry_alias_name).await?;
    let is_verified = server.installation.describe_registry(&registry).await?.verified;
    let display_name = if is_verified { server.installation.display_name(&registry).await? } else { None };
    Ok(GetRegistryCatalogDataResponse { registry_catalog_data: RegistryCatalogData { display_name } })
}
