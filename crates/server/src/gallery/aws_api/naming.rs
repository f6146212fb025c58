//! Names in requests.

use super::failure::Failure;
use crate::server::Server;
use roadstead_model::aws::{Exception, Violation};
use roadstead_model::{RepositoryKey, RepositoryName};
use roadstead_registry::Error;

/// The repository that a request names by an active alias. It need not exist.
pub(super) async fn repository(server: &Server, alias: &str, name: &str) -> Result<RepositoryKey, Failure> {
    let name = RepositoryName::parse(name).map_err(|reason| Violation::new("repositoryName", reason))?;
    match server.installation.resolve_alias(alias).await {
        Ok(registry) => Ok(RepositoryKey::new(registry, name)),
        Err(Error::RegistryNotFound(alias)) => {
            let message = format!("The repository with name '{name}' does not exist in the registry with alias '{alias}'");
            Err(Failure::Exception(Exception::RepositoryNotFound, message))
        }
        Err(error) => Err(error.into()),
    }
}
