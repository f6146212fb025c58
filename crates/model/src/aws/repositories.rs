//! CreateRepository, DescribeRepositories, DeleteRepository.

use super::catalog_data::{REPOSITORY_CATALOG_DATA, REPOSITORY_CATALOG_DATA_INPUT, RepositoryCatalogData, RepositoryCatalogDataInput};
use super::resource_tags::{RESOURCE_TAG_LIST, ResourceTag};
use super::scalars::{ARN, BOOLEAN, MAX_RESULTS, REGISTRY_ID, REPOSITORY_NAME, TEXT, TIMESTAMP};
use super::shape::{Shape, optional, required};
use crate::Timestamp;
use serde::{Deserialize, Serialize};

/// What CreateRepository takes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateRepositoryRequest {
    /// The repository.
    pub repository_name: String,
    /// What the gallery shows about the repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub catalog_data: Option<RepositoryCatalogDataInput>,
    /// Resource tags of the repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<ResourceTag>>,
}

/// The shape of [`CreateRepositoryRequest`].
pub static CREATE_REPOSITORY_REQUEST: Shape = Shape::Structure(&[
    required("repositoryName", &REPOSITORY_NAME),
    optional("catalogData", &REPOSITORY_CATALOG_DATA_INPUT),
    optional("tags", &RESOURCE_TAG_LIST),
]);

/// What CreateRepository answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateRepositoryResponse {
    /// The new repository.
    pub repository: Repository,
    /// Its catalog data; an empty object if none were given.
    pub catalog_data: RepositoryCatalogData,
}

/// The shape of [`CreateRepositoryResponse`].
pub static CREATE_REPOSITORY_RESPONSE: Shape =
    Shape::Structure(&[optional("repository", &REPOSITORY), optional("catalogData", &REPOSITORY_CATALOG_DATA)]);

/// What DescribeRepositories takes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeRepositoriesRequest {
    /// The registry; the caller's own if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_id: Option<String>,
    /// The repositories to describe; all of the registry, page by page, if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository_names: Option<Vec<String>>,
    /// Where the listing goes on, out of the answer before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
    /// The most entries of one page; 100 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_results: Option<u64>,
}

/// The shape of [`DescribeRepositoriesRequest`].
pub static DESCRIBE_REPOSITORIES_REQUEST: Shape = Shape::Structure(&[
    optional("registryId", &REGISTRY_ID),
    optional("repositoryNames", &REPOSITORY_NAME_LIST),
    optional("nextToken", &TEXT),
    optional("maxResults", &MAX_RESULTS),
]);

/// `RepositoryNameList`
pub static REPOSITORY_NAME_LIST: Shape = Shape::List { min: Some(1), max: Some(100), item: &REPOSITORY_NAME };

/// What DescribeRepositories answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeRepositoriesResponse {
    /// The repositories.
    pub repositories: Vec<Repository>,
    /// Where the listing goes on; absent at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// The shape of [`DescribeRepositoriesResponse`].
pub static DESCRIBE_REPOSITORIES_RESPONSE: Shape =
    Shape::Structure(&[optional("repositories", &REPOSITORY_LIST), optional("nextToken", &TEXT)]);

/// `RepositoryList`
pub static REPOSITORY_LIST: Shape = Shape::list(&REPOSITORY);

/// What DeleteRepository takes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteRepositoryRequest {
    /// The registry; the caller's own if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_id: Option<String>,
    /// The repository.
    pub repository_name: String,
    /// Whether its images go with it; without, a repository that holds images stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub force: Option<bool>,
}

/// The shape of [`DeleteRepositoryRequest`].
pub static DELETE_REPOSITORY_REQUEST: Shape =
    Shape::Structure(&[optional("registryId", &REGISTRY_ID), required("repositoryName", &REPOSITORY_NAME), optional("force", &BOOLEAN)]);

/// What DeleteRepository answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteRepositoryResponse {
    /// The repository that was deleted.
    pub repository: Repository,
}

/// The shape of [`DeleteRepositoryResponse`].
pub static DELETE_REPOSITORY_RESPONSE: Shape = Shape::Structure(&[optional("repository", &REPOSITORY)]);

/// A repository as the API shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Repository {
    /// Its ARN.
    pub repository_arn: String,
    /// The registry of the repository.
    pub registry_id: String,
    /// Its name within the registry.
    pub repository_name: String,
    /// What `docker pull` takes: `<host>/<primary alias>/<name>`.
    pub repository_uri: String,
    /// When it was created.
    pub created_at: Timestamp,
}

/// The shape of [`Repository`].
pub static REPOSITORY: Shape = Shape::Structure(&[
    optional("repositoryArn", &ARN),
    optional("registryId", &REGISTRY_ID),
    optional("repositoryName", &REPOSITORY_NAME),
    optional("repositoryUri", &TEXT),
    optional("createdAt", &TIMESTAMP),
]);
