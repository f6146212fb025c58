//! Users by their unique ids, and repository policies bound to them.

use super::Metadata;
use super::{Row, Tx, Value, statements};
use crate::error::{Error, Result};
use roadstead_model::policy::{PolicyError, PrincipalName, aws_principals, with_aws_principals};
use roadstead_model::{Arn, Identity, RegistryId, UserId};
use std::collections::BTreeMap;

statements! {
    SELECT_ID = "SELECT unique_id FROM iam_user WHERE registry_id = ?1 AND name = ?2";
    SELECT_BY_ID = "SELECT registry_id, name FROM iam_user WHERE unique_id = ?1";
}

/// Whose users have to be there for a policy that names them to be taken.
#[derive(Debug, Clone)]
pub(crate) enum MustExist {
    /// Those of this account. About those of other accounts nobody is told anything.
    UsersOf(RegistryId),
    /// Nobody's.
    Nobody,
}

impl Metadata {
    /// The policy with unique ids in the place of users' ARNs.
    pub(crate) async fn bind_policy(&self, document: &str, must_exist: &MustExist) -> Result<String> {
        self.read(async |tx: &mut Tx<'_>| bind(tx, document, must_exist).await).await
    }

    /// The unique id of a user; none for the root of an account, and none if there is no such user.
    pub(crate) async fn user_id(&self, identity: &Identity) -> Result<Option<UserId>> {
        let Some(user) = &identity.user else { return Ok(None) };
        self.read(async |tx: &mut Tx<'_>| select_id(tx, &identity.registry, user).await).await
    }
}

/// Puts the unique ids of users in the place of their ARNs. Who is not there stays as written, and is nobody for ever.
async fn bind(tx: &mut Tx<'_>, document: &str, must_exist: &MustExist) -> Result<String> {
    let mut ids = BTreeMap::new();
    for (written, principal) in aws_principals(document).map_err(unreadable)? {
        match (principal, must_exist) {
            (PrincipalName::User { account, name }, _) => match (select_id(tx, &account, &name).await?, must_exist) {
                (Some(id), _) => drop(ids.insert(written, id.to_string())),
                (None, MustExist::UsersOf(own)) if *own == account => return Err(missing(&written)),
                (None, _) => {}
            },
            // An id is as good as a name, and is no way to ask who is in another account.
            (PrincipalName::UserId(id), MustExist::UsersOf(own)) => match select_by_id(tx, &id).await? {
                Some((account, _)) if account == *own => {}
                _ => return Err(missing(&written)),
            },
            _ => {}
        }
    }
    with_aws_principals(document, &ids).map_err(unreadable)
}

/// Puts the ARNs of users in the place of their unique ids, as long as they are there.
pub(super) async fn show(tx: &mut Tx<'_>, document: &str) -> Result<String> {
    let mut arns = BTreeMap::new();
    for (written, principal) in aws_principals(document).map_err(unreadable)? {
        let PrincipalName::UserId(id) = principal else { continue };
        if let Some((account, name)) = select_by_id(tx, &id).await? {
            arns.insert(written, Arn::User(account, name).to_string());
        }
    }
    if arns.is_empty() { Ok(document.to_owned()) } else { with_aws_principals(document, &arns).map_err(unreadable) }
}

async fn select_id(tx: &mut Tx<'_>, account: &RegistryId, name: &str) -> Result<Option<UserId>> {
    let parameters: [Value<'_>; 2] = [account.as_str().into(), name.into()];
    tx.query_one_with(&SELECT_ID, &parameters, |row| read_id(row, 0)).await
}

async fn select_by_id(tx: &mut Tx<'_>, id: &UserId) -> Result<Option<(RegistryId, String)>> {
    tx.query_one_with(&SELECT_BY_ID, &[id.as_str().into()], read_name).await
}

pub(super) fn read_id(row: &Row<'_>, column: usize) -> Result<UserId> {
    row.parsed(column, |text| UserId::parse(text).ok_or("no unique id of a user"))
}

fn read_name(row: &Row<'_>) -> Result<(RegistryId, String)> {
    Ok((row.parsed(0, RegistryId::parse)?, row.text(1)?))
}

fn missing(principal: &str) -> Error {
    Error::PolicyInvalid(format!("the principal '{principal}' does not exist"))
}

fn unreadable(error: PolicyError) -> Error {
    Error::PolicyInvalid(error.to_string())
}
