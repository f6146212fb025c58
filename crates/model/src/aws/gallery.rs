//! The operations of Amazon ECR Public's gallery: `POST /<operation>` with JSON in and out, unsigned.
//!
//! AWS documents none of them. The members are those that public clients of `api.us-east-1.gallery.ecr.aws` send and read, such as
//! ecosyste.ms (ecosyste-ms/packages#336) and MultiQC's download statistics. Unlike the control API, times are texts.

use super::catalog_data::{RegistryCatalogData, RepositoryCatalogData};
use super::scalars::{MAX_RESULTS, REGISTRY_ID_OR_ALIAS, REPOSITORY_NAME, TEXT};
use super::structure::{self, structure};
use super::violation::Invalid;
use crate::timestamp::IsoTime;
use serde::Serialize;

structure!(DescribeImageTagsRequest {
    registry_alias_name("registryAliasName"): String = REGISTRY_ID_OR_ALIAS,
    repository_name("repositoryName"): String = REPOSITORY_NAME,
    next_token("nextToken"): Option<String> = TEXT,
    max_results("maxResults"): Option<u64> = MAX_RESULTS,
});

structure!(GetRepositoryCatalogDataRequest {
    registry_alias_name("registryAliasName"): String = REGISTRY_ID_OR_ALIAS,
    repository_name("repositoryName"): String = REPOSITORY_NAME,
});

structure!(GetRegistryCatalogDataRequest {
    registry_alias_name("registryAliasName"): String = REGISTRY_ID_OR_ALIAS,
});

structure!(SearchRepositoryCatalogDataRequest {
    search_term("searchTerm"): Option<String> = TEXT,
    sort_configuration("sortConfiguration"): Option<SortConfiguration> = SortConfiguration::SHAPE,
    next_token("nextToken"): Option<String> = TEXT,
    max_results("maxResults"): Option<u64> = MAX_RESULTS,
});

structure!(SortConfiguration {
    /// `POPULARITY` is the only known key.
    sort_key("sortKey"): Option<String> = TEXT,
});

/// Each row has an operation, its path and its request.
macro_rules! operations {
    ($($name:ident($path:literal, $request:ty),)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Operation {
            $($name,)*
        }

        impl Operation {
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The path of the operation, without its slash.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $path,)*
                }
            }

            /// The operation at a path.
            pub fn at(path: &str) -> Option<Self> {
                match path.strip_prefix('/')? {
                    $($path => Some(Self::$name),)*
                    _ => None,
                }
            }
        }

        #[derive(Debug, PartialEq)]
        pub enum Request {
            $($name($request),)*
        }

        impl Request {
            /// Parses and validates the body of a request.
            pub fn read(operation: Operation, body: &str) -> Result<Self, Invalid> {
                match operation {
                    $(Operation::$name => structure::read(body).map(Self::$name),)*
                }
            }
        }
    };
}

operations! {
    DescribeImageTags("describeImageTags", DescribeImageTagsRequest),
    GetRegistryCatalogData("getRegistryCatalogData", GetRegistryCatalogDataRequest),
    GetRepositoryCatalogData("getRepositoryCatalogData", GetRepositoryCatalogDataRequest),
    SearchRepositoryCatalogData("searchRepositoryCatalogData", SearchRepositoryCatalogDataRequest),
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeImageTagsResponse {
    pub image_tag_details: Vec<ImageTagDetail>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageTagDetail {
    pub image_tag: String,
    /// The time when the tag was set to this image.
    pub created_at: IsoTime,
    pub image_detail: ReferencedImageDetail,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReferencedImageDetail {
    pub image_digest: String,
    /// The total of config and layers as stored, or the size of an index's largest child.
    pub image_size_in_bytes: u64,
    /// The time when the manifest was first pushed.
    pub image_pushed_at: IsoTime,
    pub image_manifest_media_type: String,
    /// The artifact type, or else the media type of the config.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_media_type: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GetRepositoryCatalogDataResponse {
    pub catalog_data: CatalogData,
    pub insight_data: InsightData,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CatalogData {
    #[serde(flatten)]
    pub data: RepositoryCatalogData,
    /// The URL of the source code. ecosyste.ms looks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_code_repository: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InsightData {
    pub download_count: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GetRegistryCatalogDataResponse {
    pub registry_catalog_data: RegistryCatalogData,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SearchRepositoryCatalogDataResponse {
    pub repository_catalog_search_result_list: Vec<SearchResult>,
    pub total_results: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SearchResult {
    pub repository_name: String,
    pub primary_registry_alias_name: String,
    /// The publisher's name if it is verified, otherwise its alias.
    pub display_name: String,
    pub registry_verified: bool,
    pub download_count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository_description: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub operating_systems: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub architectures: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(operation: Operation, body: &str) -> Result<Request, String> {
        Request::read(operation, body).map_err(|invalid| invalid.to_string())
    }

    #[test]
    fn an_operation_stands_at_its_own_path_only() {
        for operation in Operation::ALL {
            assert_eq!(Operation::at(&format!("/{}", operation.name())), Some(*operation));
        }
        for path in ["/", "", "describeImageTags", "/DescribeImageTags", "/describeImageTags/", "/describeRepositories"] {
            assert_eq!(Operation::at(path), None, "{path}");
        }
    }

    #[test]
    fn requests_of_public_clients_are_read() {
        let body = r#"{"registryAliasName": "docker", "repositoryName": "library/nginx", "maxResults": 1000, "nextToken": null, "x": []}"#;
        let request = DescribeImageTagsRequest {
            registry_alias_name: "docker".into(),
            repository_name: "library/nginx".into(),
            next_token: None,
            max_results: Some(1000),
        };
        assert_eq!(read(Operation::DescribeImageTags, body), Ok(Request::DescribeImageTags(request)));
        let body = r#"{"searchTerm": "nginx", "sortConfiguration": {"sortKey": "POPULARITY"}}"#;
        let sort_configuration = Some(SortConfiguration { sort_key: Some("POPULARITY".into()) });
        let request = SearchRepositoryCatalogDataRequest {
            search_term: Some("nginx".into()),
            sort_configuration,
            next_token: None,
            max_results: None,
        };
        assert_eq!(read(Operation::SearchRepositoryCatalogData, body), Ok(Request::SearchRepositoryCatalogData(request)));
    }

    #[test]
    fn a_violation_has_the_wording_of_the_control_api() {
        let message = "Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must not be null'";
        assert_eq!(read(Operation::GetRepositoryCatalogData, r#"{"registryAliasName": "docker"}"#), Err(message.into()));
        assert_eq!(Request::read(Operation::GetRepositoryCatalogData, "[]"), Err(Invalid::Malformed));
    }
}
