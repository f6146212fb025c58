//! Names in requests.

use super::failure::Failure;
use roadstead_model::aws::{Exception, Violation};
use roadstead_model::{RepositoryKey, RepositoryName};
use roadstead_registry::{Error, Installation};

/// The repository that a request names by an active alias. It need not exist.
pub(super) async fn repository(installation: &Installation, alias: &str, name: &str) -> Result<RepositoryKey, Failure> {
    let name = RepositoryName::parse(name).map_err(|reason| Violation::new("repositoryName", reason))?;
    match installation.resolve_alias(alias).await {
        Ok(registry) => Ok(RepositoryKey::new(registry, name)),
        Err(Error::RegistryNotFound(alias)) => {
            let message = format!("The repository with name '{name}' does not exist in the registry with alias '{alias}'");
            Err(Failure::Exception(Exception::RepositoryNotFound, message))
        }
        Err(error) => Err(error.into()),
    }
}
