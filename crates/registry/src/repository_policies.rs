//! Policies of repositories. The model evaluates them.

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

/// A repository policy in which unique ids replace the ARNs of users.
#[derive(Debug, Clone, PartialEq)]
pub struct BoundPolicy {
    document: String,
    policy: Policy,
}

impl BoundPolicy {
    pub fn policy(&self) -> &Policy {
        &self.policy
    }
}

impl Installation {
    /// The policy of a repository. Fails if there is none. Existing users appear by ARN, deleted ones by unique id.
    pub async fn repository_policy(&self, repository: &RepositoryKey) -> Result<String> {
        let select = async |tx: &mut Tx<'_>| {
            let id = repository_row::require(tx, repository).await?;
            let policy = find(tx, id).await?.ok_or_else(|| Error::PolicyNotFound(repository.clone()))?;
            unbind(tx, &policy).await
        };
        self.0.metadata.read(select).await
    }

    /// Parses a repository policy and binds it to the existing users that it names. A user created later with the same name inherits
    /// nothing. Fails if a user of the account `own` does not exist. A nonexistent user of another account is kept as written and never
    /// matches, so that callers cannot probe for users of other accounts.
    pub async fn bind_policy(&self, own: Option<&RegistryId>, document: &str) -> Result<BoundPolicy> {
        Policy::new(PolicyKind::Repository, document).map_err(invalid)?;
        let document = self.0.metadata.read(async |tx: &mut Tx<'_>| bind(tx, document, own).await).await?;
        let policy = Policy::parse(&document).map_err(invalid)?;
        Ok(BoundPolicy { document, policy })
    }

    /// Sets the policy of a repository and returns it as [`Self::repository_policy`] does.
    pub async fn set_repository_policy(&self, repository: &RepositoryKey, policy: BoundPolicy) -> Result<String> {
        let repository = repository.clone();
        let set = async move |tx: &mut Tx<'_>| {
            let id = repository_row::require(tx, &repository).await?;
            tx.execute(&UPSERT, params![id, policy.document]).await?;
            unbind(tx, &policy.document).await
        };
        self.0.metadata.write(set).await
    }

    /// Deletes the policy of a repository and returns it. Fails if there is none.
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

/// The policy of a repository as stored, with unique user ids.
pub(crate) async fn find(tx: &mut Tx<'_>, repository: i64) -> Result<Option<String>> {
    tx.query_one(&SELECT, params![repository]).await
}
