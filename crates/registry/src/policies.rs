//! Policies as they are stored: of repositories, and of users. What they mean is decided in the model.

use crate::Registry;
use crate::error::Result;
use crate::metadata::RepositoryKey;
use roadstead_model::{RegistryId, RepositoryName};

/// A policy of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserPolicy {
    /// Its name.
    pub name: String,
    /// Its document; none for one of AWS's managed policies, which its name stands for.
    pub document: Option<String>,
}

impl Registry {
    /// The policy of a repository, if it has one.
    pub async fn repository_policy(&self, registry: &RegistryId, name: &RepositoryName) -> Result<Option<String>> {
        self.0.metadata.repository_policy(registry, name).await
    }

    /// Sets the policy of a repository.
    pub async fn set_repository_policy(&self, registry: &RegistryId, name: &RepositoryName, document: String) -> Result<()> {
        self.0.metadata.set_repository_policy(RepositoryKey::new(registry, name), document).await
    }

    /// Removes the policy of a repository and gives it back.
    pub async fn delete_repository_policy(&self, registry: &RegistryId, name: &RepositoryName) -> Result<String> {
        self.0.metadata.delete_repository_policy(RepositoryKey::new(registry, name)).await
    }

    /// The identity policies of a user, by name.
    pub async fn user_policies(&self, registry: &RegistryId, user: &str) -> Result<Vec<UserPolicy>> {
        self.0.metadata.user_policies(registry, user).await
    }

    /// Attaches a policy to a user, or changes it.
    pub async fn put_user_policy(&self, registry: &RegistryId, user: &str, policy: UserPolicy) -> Result<()> {
        self.0.metadata.put_user_policy(registry.clone(), user.to_owned(), policy).await
    }

    /// Detaches a policy from a user. False when it was not attached.
    pub async fn delete_user_policy(&self, registry: &RegistryId, user: &str, name: &str) -> Result<bool> {
        self.0.metadata.delete_user_policy(registry.clone(), user.to_owned(), name.to_owned()).await
    }
}
