//! Policies of repositories. What they mean is decided in the model.

use crate::error::{Error, Result};
use crate::installation::Installation;
use crate::metadata::{Tx, params, statements};
use crate::policy_binding::{bind, invalid, unbind};
use crate::repository_row;
use roadstead_model::policy::{Policy, PolicyKind};
use roadstead_model::{RegistryId, RepositoryKey};

statements! {
    SELECT = "SELECT document FROM repository_policy WHERE repository_id = ?1";
    UPSERT = "INSERT INTO repository_policy (repository_id, document) VALUES (?1, ?2)
        ON CONFLICT (repository_id) DO UPDATE SET document = excluded.document";
    DELETE = "DELETE FROM repository_policy WHERE repository_id = ?1 RETURNING document";
}

/// A policy of a repository whose users have been replaced by their unique ids, so that it can be set.
#[derive(Debug, Clone, PartialEq)]
pub struct BoundPolicy {
    document: String,
    policy: Policy,
}

impl BoundPolicy {
    /// What it says.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }
}

impl Installation {
    /// The policy of a repository; it is an error if it has none. Users appear by their ARNs while they exist, and by their unique
    /// ids afterwards.
    pub async fn repository_policy(&self, repository: &RepositoryKey) -> Result<String> {
        let select = async |tx: &mut Tx<'_>| {
            let id = repository_row::require(tx, repository).await?;
            let policy = find(tx, id).await?.ok_or_else(|| Error::PolicyNotFound(repository.clone()))?;
            unbind(tx, &policy).await
        };
        self.0.metadata.read(select).await
    }

    /// Parses what is to become the policy of a repository, and binds it to the users that it names as they are now: a user who is
    /// created later under one of these names inherits nothing. A user of the account `own` who does not exist is an error; one of
    /// another account stays as written and matches nobody, so that nobody learns which users other accounts have.
    pub async fn bind_policy(&self, own: Option<&RegistryId>, document: &str) -> Result<BoundPolicy> {
        Policy::new(PolicyKind::Repository, document).map_err(invalid)?;
        let document = self.0.metadata.read(async |tx: &mut Tx<'_>| bind(tx, document, own).await).await?;
        let policy = Policy::parse(&document).map_err(invalid)?;
        Ok(BoundPolicy { document, policy })
    }

    /// Sets the policy of a repository, and returns it as [`Self::repository_policy`] will.
    pub async fn set_repository_policy(&self, repository: &RepositoryKey, policy: BoundPolicy) -> Result<String> {
        let repository = repository.clone();
        let set = async move |tx: &mut Tx<'_>| {
            let id = repository_row::require(tx, &repository).await?;
            tx.execute(&UPSERT, params![id, policy.document]).await?;
            unbind(tx, &policy.document).await
        };
        self.0.metadata.write(set).await
    }

    /// Removes the policy of a repository and returns it.
    pub async fn delete_repository_policy(&self, repository: &RepositoryKey) -> Result<String> {
        let repository = repository.clone();
        let delete = async move |tx: &mut Tx<'_>| {
            let id = repository_row::require(tx, &repository).await?;
            let deleted: Option<String> = tx.query_one(&DELETE, params![id]).await?;
            unbind(tx, &deleted.ok_or_else(|| Error::PolicyNotFound(repository.clone()))?).await
        };
        self.0.metadata.write(delete).await
    }
}

/// The policy of a repository as it is stored, with users' unique ids.
pub(crate) async fn find(tx: &mut Tx<'_>, repository: i64) -> Result<Option<String>> {
    tx.query_one(&SELECT, params![repository]).await
}
