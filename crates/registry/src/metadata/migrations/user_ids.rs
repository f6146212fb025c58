//! The data migration of version 5: generates a unique id for every user and binds repository policies that name users to the ids.

use crate::error::Result;
use crate::metadata::{Tx, params, statements};
use crate::secrets::random_user_id;
use roadstead_model::RegistryId;
use roadstead_model::policy::{PolicyError, PrincipalName, aws_principals, with_aws_principals};
use std::collections::BTreeMap;

statements! {
    SELECT_USERS = "SELECT registry_id, name FROM iam_user WHERE unique_id IS NULL";
    UPDATE_ID = "UPDATE iam_user SET unique_id = ?3 WHERE registry_id = ?1 AND name = ?2";
    SELECT_REPOSITORIES = "SELECT repository_id FROM repository_policy ORDER BY repository_id";
    SELECT_DOCUMENT = "SELECT p.document FROM repository_policy p WHERE p.repository_id = ?1";
    UPDATE_DOCUMENT = "UPDATE repository_policy SET document = ?2 WHERE repository_id = ?1";
}

/// The unique ids of users, by account and name.
type UserIds = BTreeMap<(RegistryId, String), String>;

pub(super) async fn introduce(tx: &mut Tx<'_>) -> Result<()> {
    let mut ids = UserIds::new();
    for (account, name) in tx.query::<(RegistryId, String)>(&SELECT_USERS, params![]).await? {
        let id = random_user_id()?;
        tx.execute(&UPDATE_ID, params![account, name, id]).await?;
        ids.insert((account, name), id.to_string());
    }
    for repository in tx.query::<i64>(&SELECT_REPOSITORIES, params![]).await? {
        let document: String = tx.query_one(&SELECT_DOCUMENT, params![repository]).await?.unwrap_or_default();
        // A malformed policy grants nothing and is left unchanged.
        if let Ok(bound) = bind(&document, &ids) {
            tx.execute(&UPDATE_DOCUMENT, params![repository, bound]).await?;
        }
    }
    Ok(())
}

/// Replaces the ARNs of users by their ids. The ARN of a nonexistent user is kept and never matches anyone.
fn bind(document: &str, ids: &UserIds) -> std::result::Result<String, PolicyError> {
    let mut bound = BTreeMap::new();
    for (written, principal) in aws_principals(document)? {
        if let PrincipalName::User { account, name } = principal
            && let Some(id) = ids.get(&(account, name))
        {
            bound.insert(written, id.clone());
        }
    }
    with_aws_principals(document, &bound)
}
