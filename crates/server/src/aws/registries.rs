//! DescribeRegistries.

use super::access::Caller;
use super::error::Failure;
use super::listing::foreign_token;
use roadstead_model::Arn;
use roadstead_model::aws::registries::{DescribeRegistriesRequest, DescribeRegistriesResponse, Registry, RegistryAlias};

/// A caller has one registry, so the listing has one page, and no token is valid.
pub(super) async fn describe_registries(
    caller: &Caller<'_>,
    request: DescribeRegistriesRequest,
) -> Result<DescribeRegistriesResponse, Failure> {
    if request.next_token.is_some() {
        return Err(foreign_token().into());
    }
    let registry_uri = caller.registry_uri().await?;
    let row = caller.installation().describe_registry(caller.registry_id()).await?;
    let aliases = row.aliases.iter().map(|alias| RegistryAlias {
        name: alias.name.to_string(),
        status: alias.status.as_str(),
        primary_registry_alias: alias.primary,
        default_registry_alias: alias.default,
    });
    let registry = Registry {
        registry_id: row.id.to_string(),
        registry_arn: Arn::Registry(row.id.clone()).to_string(),
        registry_uri,
        verified: row.verified,
        aliases: aliases.collect(),
    };
    Ok(DescribeRegistriesResponse { registries: vec![registry], next_token: None })
}
