//! Policies as they are stored: of repositories, and of users. What they mean is decided in the model.

use crate::Installation;
use crate::accounts::{Identity, is_iam_name};
use crate::error::{Error, Result};
use crate::metadata::{MustExist, RepositoryKey};
use crate::resource_tags::ResourceTag;
use roadstead_model::policy::managed::ManagedPolicy;
use roadstead_model::policy::{Policy, PolicyError, PolicyKind};
use roadstead_model::{RegistryId, RepositoryName, UserId};

/// A policy of a repository with its users found and bound to their unique ids: what can be set.
#[derive(Debug, Clone, PartialEq)]
pub struct BoundPolicy {
    document: String,
    policy: Policy,
}

/// A policy of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserPolicy {
    /// Its name.
    pub name: String,
    /// Its document; none for one of AWS's managed policies, which its name stands for.
    pub document: Option<String>,
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

impl UserPolicy {
    /// One of AWS's managed policies, by its name or its ARN.
    pub fn managed(name: &str) -> Result<Self> {
        match ManagedPolicy::find(name) {
            Some(managed) => Ok(Self { name: managed.name.to_owned(), document: None }),
            None => Err(Error::PolicyInvalid(format!("there is no managed policy '{name}'"))),
        }
    }

    /// Its document, also of a managed policy.
    pub fn text(&self) -> Option<&str> {
        self.document.as_deref().or_else(|| ManagedPolicy::find(&self.name).map(|managed| managed.document))
    }

    /// A policy with a document of its own, which must be a good identity policy.
    pub fn with_document(name: &str, document: String) -> Result<Self> {
        if !is_iam_name(name, 128) {
            return Err(Error::PolicyInvalid(format!("'{name}' is no policy name: use 1 to 128 letters, digits and +=,.@_-")));
        }
        if ManagedPolicy::find(name).is_some() {
            return Err(Error::PolicyInvalid(format!("'{name}' is a managed policy and has its document already: choose another name")));
        }
        match Policy::new(PolicyKind::Identity, &document) {
            Ok(_) => Ok(Self { name: name.to_owned(), document: Some(document) }),
            Err(error) => Err(Error::PolicyInvalid(error.to_string())),
        }
    }
}

impl Installation {
    /// What decides whether `identity` may do something, to a repository or else to something that has no policy.
    pub async fn access_facts(&self, identity: &Identity, repository: Option<(&RegistryId, &RepositoryName)>) -> Result<AccessFacts> {
        let repository = repository.map(|(registry, name)| RepositoryKey::new(registry, name));
        self.0.metadata.access_facts(identity, repository).await
    }

    /// The policy of a repository; it is an error if it has none. Users are shown by their ARNs as long as they are there, and by
    /// their unique ids afterwards.
    pub async fn repository_policy(&self, registry: &RegistryId, name: &RepositoryName) -> Result<String> {
        self.0.metadata.repository_policy(registry, name).await
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
    pub async fn set_repository_policy(&self, registry: &RegistryId, name: &RepositoryName, policy: BoundPolicy) -> Result<String> {
        self.0.metadata.set_repository_policy(RepositoryKey::new(registry, name), policy.document).await
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
