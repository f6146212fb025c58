//! CreateRepository, DescribeRepositories, DeleteRepository.

use super::catalog_data::{RepositoryCatalogData, RepositoryCatalogDataInput};
use super::resource_tags::{RESOURCE_TAG_LIST, ResourceTag};
use super::scalars::{BOOLEAN, MAX_RESULTS, REGISTRY_ID, REPOSITORY_NAME, TEXT};
use super::shape::Shape;
use super::structure::structure;
use crate::timestamp::Timestamp;
use serde::Serialize;

structure!(CreateRepositoryRequest {
    repository_name("repositoryName"): String = REPOSITORY_NAME,
    catalog_data("catalogData"): Option<RepositoryCatalogDataInput> = RepositoryCatalogDataInput::SHAPE,
    tags("tags"): Option<Vec<ResourceTag>> = RESOURCE_TAG_LIST,
});

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateRepositoryResponse {
    pub repository: Repository,
    /// Empty if the request has none.
    pub catalog_data: RepositoryCatalogData,
}

structure!(DescribeRepositoriesRequest {
    registry_id("registryId"): Option<String> = REGISTRY_ID,
    repository_names("repositoryNames"): Option<Vec<String>> = Shape::List { min: Some(1), max: Some(100), item: &REPOSITORY_NAME },
    next_token("nextToken"): Option<String> = TEXT,
    max_results("maxResults"): Option<u64> = MAX_RESULTS,
});

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeRepositoriesResponse {
    pub repositories: Vec<Repository>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

structure!(DeleteRepositoryRequest {
    registry_id("registryId"): Option<String> = REGISTRY_ID,
    repository_name("repositoryName"): String = REPOSITORY_NAME,
    /// Whether to delete a repository that contains images.
    force("force"): Option<bool> = BOOLEAN,
});

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteRepositoryResponse {
    pub repository: Repository,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Repository {
    pub repository_arn: String,
    pub registry_id: String,
    pub repository_name: String,
    /// `<host>/<primary alias>/<name>`, as for `docker pull`.
    pub repository_uri: String,
    pub created_at: Timestamp,
}
