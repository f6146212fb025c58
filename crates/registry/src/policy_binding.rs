//! Repository policies name users by ARN but are stored with unique user ids, so that a user created later with the same name inherits
//! nothing.

use crate::error::{Error, Result};
use crate::metadata::{Tx, params, statements};
use crate::users;
use roadstead_model::policy::{PolicyError, PrincipalName, aws_principals, with_aws_principals};
use roadstead_model::{Arn, RegistryId, UserId};
use std::collections::BTreeMap;

statements! {
    SELECT_USER_BY_ID = "SELECT registry_id, name FROM iam_user WHERE unique_id = ?1";
}

/// Replaces the ARNs of users with unique ids. Fails if a user of the account `own` does not exist. A nonexistent user of another account
/// is kept as written and never matches, so that callers cannot probe for users of other accounts.
pub(crate) async fn bind(tx: &mut Tx<'_>, document: &str, own: Option<&RegistryId>) -> Result<String> {
    let mut ids = BTreeMap::new();
    for (written, principal) in aws_principals(document).map_err(invalid)? {
        let missing = || Error::PolicyInvalid(format!("the principal '{written}' does not exist"));
        match principal {
            PrincipalName::User { account, name } => match users::find(tx, &account, &name).await? {
                Some(id) => drop(ids.insert(written, id.to_string())),
                None if own == Some(&account) => return Err(missing()),
                None => {}
            },
            // Ids must not allow probing for users of other accounts either.
            PrincipalName::UserId(id) if own.is_some() => match find_by_id(tx, &id).await? {
                Some((account, _)) if own == Some(&account) => {}
                _ => return Err(missing()),
            },
            _ => {}
        }
    }
    with_aws_principals(document, &ids).map_err(invalid)
}

/// Replaces the unique ids of existing users with their ARNs.
pub(crate) async fn unbind(tx: &mut Tx<'_>, document: &str) -> Result<String> {
    let mut arns = BTreeMap::new();
    for (written, principal) in aws_principals(document).map_err(invalid)? {
        let PrincipalName::UserId(id) = principal else { continue };
        if let Some((account, name)) = find_by_id(tx, &id).await? {
            arns.insert(written, Arn::User(account, name).to_string());
        }
    }
    if arns.is_empty() { Ok(document.to_owned()) } else { with_aws_principals(document, &arns).map_err(invalid) }
}

async fn find_by_id(tx: &mut Tx<'_>, id: &UserId) -> Result<Option<(RegistryId, String)>> {
    tx.query_one(&SELECT_USER_BY_ID, params![id]).await
}

pub(crate) fn invalid(error: PolicyError) -> Error {
    Error::PolicyInvalid(error.to_string())
}
