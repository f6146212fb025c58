//! CreateRepository, DescribeRepositories, DeleteRepository.

use super::access::Caller;
use super::catalog_data::{catalog_data_response, new_catalog_data};
use super::error::Failure;
use super::listing::{Listing, refuse_paging};
use super::resource_tags::stored_tags;
use roadstead_model::aws::repositories::*;
use roadstead_model::{Arn, Repository as Row};

pub(super) async fn create_repository(caller: &Caller<'_>, request: CreateRepositoryRequest) -> Result<CreateRepositoryResponse, Failure> {
    let repository = caller.repository()?;
    let tags = stored_tags(request.tags.unwrap_or_default())?;
    let data = request.catalog_data.map(new_catalog_data);
    let (row, data) = caller.installation().create_repository_with(repository, data, tags).await?;
    let repository = repository_response(row, &caller.registry_uri().await?);
    Ok(CreateRepositoryResponse { repository, catalog_data: catalog_data_response(caller, data) })
}

pub(super) async fn describe_repositories(
    caller: &Caller<'_>,
    request: DescribeRepositoriesRequest,
) -> Result<DescribeRepositoriesResponse, Failure> {
    let (token, max_results) = (request.next_token.as_deref(), request.max_results);
    let (rows, next_token) = if request.repository_names.is_some() {
        refuse_paging("repositoryNames", token, max_results)?;
        (caller.installation().repositories(caller.repositories()).await?, None)
    } else {
        let listing = Listing::new(caller, "");
        let (after, size) = listing.page(token, max_results)?;
        let page = caller.installation().list_repositories(caller.registry_id(), after.as_deref(), size).await?;
        (page.items, listing.token(page.next))
    };
    let uri = caller.registry_uri().await?;
    Ok(DescribeRepositoriesResponse { repositories: rows.into_iter().map(|row| repository_response(row, &uri)).collect(), next_token })
}

pub(super) async fn delete_repository(caller: &Caller<'_>, request: DeleteRepositoryRequest) -> Result<DeleteRepositoryResponse, Failure> {
    let repository = caller.repository()?;
    let force = request.force.unwrap_or(false);
    let row = caller.installation().delete_repository(repository, force).await?;
    Ok(DeleteRepositoryResponse { repository: repository_response(row, &caller.registry_uri().await?) })
}

/// Converts a repository of the registry with this URI.
fn repository_response(Row { key, created_at }: Row, registry_uri: &str) -> Repository {
    Repository {
        registry_id: key.registry.to_string(),
        repository_uri: format!("{registry_uri}/{}", key.name),
        repository_name: key.name.to_string(),
        repository_arn: Arn::Repository(key).to_string(),
        created_at,
    }
}
