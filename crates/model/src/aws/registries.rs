//! DescribeRegistries.

use super::scalars::{MAX_RESULTS, TEXT};
use super::structure::structure;
use serde::Serialize;

structure!(DescribeRegistriesRequest {
    next_token("nextToken"): Option<String> = TEXT,
    max_results("maxResults"): Option<u64> = MAX_RESULTS,
});

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeRegistriesResponse {
    pub registries: Vec<Registry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Registry {
    /// The account number.
    pub registry_id: String,
    pub registry_arn: String,
    /// `<host>/<primary alias>`
    pub registry_uri: String,
    pub verified: bool,
    pub aliases: Vec<RegistryAlias>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RegistryAlias {
    pub name: String,
    pub status: &'static str,
    /// Whether URIs of repositories have this alias.
    pub primary_registry_alias: bool,
    /// Whether the alias was assigned when the registry was created.
    pub default_registry_alias: bool,
}
