//! Repository policies, users and their identity policies.

use super::Metadata;
use super::bindings;
use super::{Row, Tx, Value, statements};
use crate::error::{Error, Result};
use crate::policies::AccessFacts;
use crate::repository_row;
use crate::resource_tags;
use roadstead_model::policy::UserPolicy;
use roadstead_model::{Identity, RegistryId, RepositoryKey, UserId};

statements! {
    SELECT = "SELECT p.document FROM repository r LEFT JOIN repository_policy p ON p.repository_id = r.id WHERE r.registry_id = ?1 AND r.name = ?2";
    SELECT_OF_REPOSITORY = "SELECT document FROM repository_policy WHERE repository_id = ?1";
    UPSERT = "INSERT INTO repository_policy (repository_id, document) VALUES (?1, ?2)
        ON CONFLICT (repository_id) DO UPDATE SET document = excluded.document";
    DELETE = "DELETE FROM repository_policy WHERE repository_id = ?1 RETURNING document";
    SELECT_USER_POLICIES = "SELECT name, document FROM user_policy WHERE registry_id = ?1 AND user_name = ?2 ORDER BY name";
    SELECT_USER = "SELECT u.unique_id, p.name, p.document FROM iam_user u
        LEFT JOIN user_policy p ON p.registry_id = u.registry_id AND p.user_name = u.name
        WHERE u.registry_id = ?1 AND u.name = ?2 ORDER BY p.name";
    UPSERT_USER_POLICY = "INSERT INTO user_policy (registry_id, user_name, name, document) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT (registry_id, user_name, name) DO UPDATE SET document = excluded.document";
    DELETE_USER_POLICY = "DELETE FROM user_policy WHERE registry_id = ?1 AND user_name = ?2 AND name = ?3";
}

impl Metadata {
    /// The policy of a repository as it is shown; it is an error if it has none.
    pub(crate) async fn repository_policy(&self, key: &RepositoryKey) -> Result<String> {
        let parameters: [Value<'_>; 2] = [key.registry.as_str().into(), key.name.as_str().into()];
        self.read(async |tx: &mut Tx<'_>| {
            let found = tx.query_one_with(&SELECT, &parameters, |row| row.optional_text(0)).await?;
            let policy = found.ok_or_else(|| Error::RepositoryNotFound(key.clone()))?;
            let policy = policy.ok_or_else(|| Error::PolicyNotFound(key.clone()))?;
            bindings::show(tx, &policy).await
        })
        .await
    }

    /// Sets the policy of a repository, whose users are bound, and gives it back as it is shown.
    pub(crate) async fn set_repository_policy(&self, key: RepositoryKey, document: String) -> Result<String> {
        self.write(async move |tx: &mut Tx<'_>| {
            let repository = repository_row::require(tx, &key).await?;
            tx.execute(&UPSERT, &[repository.into(), document.as_str().into()]).await?;
            bindings::show(tx, &document).await
        })
        .await
    }

    /// Removes the policy of a repository and gives it back as it was shown.
    pub(crate) async fn delete_repository_policy(&self, key: RepositoryKey) -> Result<String> {
        self.write(async move |tx: &mut Tx<'_>| {
            let repository = repository_row::require(tx, &key).await?;
            let deleted = tx.query_one_with(&DELETE, &[repository.into()], |row| row.text(0)).await?;
            let deleted = deleted.ok_or_else(|| Error::PolicyNotFound(key.clone()))?;
            bindings::show(tx, &deleted).await
        })
        .await
    }

    /// The identity policies of a user, by name.
    pub(crate) async fn user_policies(&self, registry: &RegistryId, user: &str) -> Result<Vec<UserPolicy>> {
        self.read(async |tx: &mut Tx<'_>| select_user_policies(tx, registry, user).await).await
    }

    /// What decides whether `identity` may do something, to a repository or else to something that has no policy. A
    /// repository that does not exist has neither a policy nor tags.
    pub(crate) async fn access_facts(&self, identity: &Identity, repository: Option<&RepositoryKey>) -> Result<AccessFacts> {
        self.read(async |tx: &mut Tx<'_>| {
            let mut facts = AccessFacts::default();
            if let Some(user) = &identity.user {
                for (id, name, document) in
                    tx.query_with(&SELECT_USER, &[identity.registry.as_str().into(), user.as_str().into()], read_user).await?
                {
                    facts.user_id = Some(id);
                    facts.identity_policies.extend(name.map(|name| UserPolicy { name, document }));
                }
            }
            let found = match repository {
                Some(key) => repository_row::find(tx, key).await?,
                None => None,
            };
            if let Some(id) = found {
                facts.repository_policy = select_stored(tx, id).await?;
                facts.resource_tags = resource_tags::select(tx, id).await?;
            }
            Ok(facts)
        })
        .await
    }

    /// Attaches a policy to a user, or changes it.
    pub(crate) async fn put_user_policy(&self, registry: RegistryId, user: String, policy: UserPolicy) -> Result<()> {
        self.write(async move |tx: &mut Tx<'_>| {
            super::principals::require_user(tx, &registry, &user).await?;
            let parameters: [Value<'_>; 4] =
                [registry.as_str().into(), user.as_str().into(), policy.name.as_str().into(), policy.document.as_deref().into()];
            tx.execute(&UPSERT_USER_POLICY, &parameters).await.map(drop)
        })
        .await
    }

    /// Detaches a policy from a user. False when it was not attached.
    pub(crate) async fn delete_user_policy(&self, registry: RegistryId, user: String, name: String) -> Result<bool> {
        self.write(async move |tx: &mut Tx<'_>| {
            let parameters: [Value<'_>; 3] = [registry.as_str().into(), user.as_str().into(), name.as_str().into()];
            Ok(tx.execute(&DELETE_USER_POLICY, &parameters).await? > 0)
        })
        .await
    }
}

/// The policy of a repository as it is stored: users are named by their unique ids.
pub(super) async fn select_stored(tx: &mut Tx<'_>, repository: i64) -> Result<Option<String>> {
    tx.query_one_with(&SELECT_OF_REPOSITORY, &[repository.into()], |row| row.text(0)).await
}

/// A user's unique id and one of the policies, if there is one.
fn read_user(row: &Row<'_>) -> Result<(UserId, Option<String>, Option<String>)> {
    Ok((bindings::read_id(row, 0)?, row.optional_text(1)?, row.optional_text(2)?))
}

async fn select_user_policies(tx: &mut Tx<'_>, registry: &RegistryId, user: &str) -> Result<Vec<UserPolicy>> {
    let read = |row: &Row<'_>| Ok(UserPolicy { name: row.text(0)?, document: row.optional_text(1)? });
    tx.query_with(&SELECT_USER_POLICIES, &[registry.as_str().into(), user.into()], read).await
}
