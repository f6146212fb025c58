//! Policies as they are stored: of repositories, and of users. What they mean is decided in the model.

use crate::error::{Error, Result};
use crate::installation::Installation;
use crate::metadata::MustExist;
use roadstead_model::policy::UserPolicy;
use roadstead_model::policy::{Policy, PolicyError, PolicyKind};
use roadstead_model::{Identity, RegistryId, RepositoryKey, ResourceTag, UserId};

/// A policy of a repository with its users found and bound to their unique ids: what can be set.
#[derive(Debug, Clone, PartialEq)]
pub struct BoundPolicy {
    document: String,
    policy: Policy,
}

/// What decides whether a principal may do something, as it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessFacts {
    /// The unique id of the user who asks, which repository policies name; none for the root of an account.
    pub user_id: Option<UserId>,
    /// The policies of the user who asks; none for the root of an account, which needs none.
    pub identity_policies: Vec<UserPolicy>,
    /// The policy of the repository that is asked about.
    pub repository_policy: Option<String>,
    /// The resource tags of that repository, which conditions may ask for.
    pub resource_tags: Vec<ResourceTag>,
}

impl BoundPolicy {
    /// What it says.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }
}

impl Installation {
    /// What decides whether `identity` may do something, to a repository or else to something that has no policy.
    pub async fn access_facts(&self, identity: &Identity, repository: Option<&RepositoryKey>) -> Result<AccessFacts> {
        self.0.metadata.access_facts(identity, repository).await
    }

    /// The policy of a repository; it is an error if it has none. Users are shown by their ARNs as long as they are there, and by
    /// their unique ids afterwards.
    pub async fn repository_policy(&self, repository: &RepositoryKey) -> Result<String> {
        self.0.metadata.repository_policy(repository).await
    }

    /// Reads what is to be the policy of a repository, and binds it to the users that it names as they are now: whoever is made
    /// later under the name of one of them inherits nothing. A user of `own`, if that is given, who does not exist is an error. Of
    /// other accounts' users nothing is told: one that does not exist stays as it is written, and matches nobody.
    pub async fn bind_policy(&self, own: Option<&RegistryId>, document: &str) -> Result<BoundPolicy> {
        let invalid = |error: PolicyError| Error::PolicyInvalid(error.to_string());
        Policy::new(PolicyKind::Repository, document).map_err(invalid)?;
        let must_exist = own.map_or(MustExist::Nobody, |own| MustExist::UsersOf(own.clone()));
        let document = self.0.metadata.bind_policy(document, &must_exist).await?;
        let policy = Policy::parse(&document).map_err(invalid)?;
        Ok(BoundPolicy { document, policy })
    }

    /// Sets the policy of a repository, and gives it back as [`Self::repository_policy`] will.
    pub async fn set_repository_policy(&self, repository: &RepositoryKey, policy: BoundPolicy) -> Result<String> {
        self.0.metadata.set_repository_policy(repository.clone(), policy.document).await
    }

    /// Removes the policy of a repository and gives it back.
    pub async fn delete_repository_policy(&self, repository: &RepositoryKey) -> Result<String> {
        self.0.metadata.delete_repository_policy(repository.clone()).await
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
