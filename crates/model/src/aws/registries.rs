//! DescribeRegistries.

use super::scalars::{ARN, BOOLEAN, MAX_RESULTS, REGISTRY_ALIAS_NAME, REGISTRY_ID, TEXT};
use super::shape::{Shape, optional, required};
use serde::{Deserialize, Serialize};

static ALIAS_STATUS: Shape = Shape::one_of(&["ACTIVE", "PENDING", "REJECTED"]);

/// What DescribeRegistries takes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeRegistriesRequest {
    /// Where the listing goes on, out of the answer before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
    /// The most entries of one page; 100 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_results: Option<u64>,
}

/// The shape of [`DescribeRegistriesRequest`].
pub static DESCRIBE_REGISTRIES_REQUEST: Shape = Shape::Structure(&[optional("nextToken", &TEXT), optional("maxResults", &MAX_RESULTS)]);

/// What DescribeRegistries answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeRegistriesResponse {
    /// The caller's own registry.
    pub registries: Vec<Registry>,
    /// Where the listing goes on; absent at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// The shape of [`DescribeRegistriesResponse`].
pub static DESCRIBE_REGISTRIES_RESPONSE: Shape = Shape::Structure(&[required("registries", &REGISTRY_LIST), optional("nextToken", &TEXT)]);

/// `RegistryList`
pub static REGISTRY_LIST: Shape = Shape::list(&REGISTRY);

/// A registry as the API shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Registry {
    /// The account number.
    pub registry_id: String,
    /// Its ARN.
    pub registry_arn: String,
    /// `<host>/<primary alias>`
    pub registry_uri: String,
    /// Whether the publisher is verified.
    pub verified: bool,
    /// Its aliases.
    pub aliases: Vec<RegistryAlias>,
}

/// The shape of [`Registry`].
pub static REGISTRY: Shape = Shape::Structure(&[
    required("registryId", &REGISTRY_ID),
    required("registryArn", &ARN),
    required("registryUri", &TEXT),
    required("verified", &BOOLEAN),
    required("aliases", &REGISTRY_ALIAS_LIST),
]);

/// `RegistryAliasList`
pub static REGISTRY_ALIAS_LIST: Shape = Shape::list(&REGISTRY_ALIAS);

/// An alias of a registry.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RegistryAlias {
    /// The alias.
    pub name: String,
    /// `ACTIVE`, `PENDING` or `REJECTED`.
    pub status: &'static str,
    /// Whether it is the one shown in URIs.
    pub primary_registry_alias: bool,
    /// Whether it was assigned when the registry was made.
    pub default_registry_alias: bool,
}

/// The shape of [`RegistryAlias`].
pub static REGISTRY_ALIAS: Shape = Shape::Structure(&[
    required("name", &REGISTRY_ALIAS_NAME),
    required("status", &ALIAS_STATUS),
    required("primaryRegistryAlias", &BOOLEAN),
    required("defaultRegistryAlias", &BOOLEAN),
]);
