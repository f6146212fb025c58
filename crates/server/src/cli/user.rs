//! `roadstead user`: the users of an account.

use super::audit::{Change, Whose};
use super::data_access::{self, Account};
use super::failure::Failure;
use super::output::{Output, Record};
use crate::config::values;
use clap::{Args, Subcommand};
use roadstead_model::{Arn, RegistryId, User};
use roadstead_registry::Installation;
use serde::Serialize;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Create a user, who has no permissions until a policy is attached
    Create {
        #[command(flatten)]
        user: Named,
    },
    /// Delete a user with all access keys and policies
    Delete {
        #[command(flatten)]
        user: Named,
    },
    /// List the users of an account
    List {
        #[command(flatten)]
        account: Account,
    },
}

#[derive(Debug, Args)]
pub(super) struct Named {
    /// 1 to 64 letters, digits and +=,.@_-
    #[arg(value_name = "NAME", value_parser = values::user_name)]
    name: String,
    #[command(flatten)]
    account: Account,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserRecord {
    user_name: String,
    user_id: String,
    registry_id: String,
    arn: String,
    created_at: String,
}

impl data_access::Verb for Verb {
    fn change(&self) -> Option<Change> {
        let (action, user) = match self {
            Self::Create { user } => ("cli:user create", user),
            Self::Delete { user } => ("cli:user delete", user),
            Self::List { .. } => return None,
        };
        Some(Change::new(action, Whose::Given(user.account.given()), user.name.as_str()))
    }

    async fn run(self, installation: &Installation, output: Output) -> Result<(), Failure> {
        match self {
            Self::Create { user } => {
                let id = user.account.find(installation).await?;
                output.one(&UserRecord::of(&id, &installation.create_user(&id, &user.name).await?))
            }
            Self::Delete { user } => {
                let id = user.account.find(installation).await?;
                if installation.delete_user(&id, &user.name).await? { Ok(()) } else { Err(unknown(&id, &user.name)) }
            }
            Self::List { account } => {
                let id = account.find(installation).await?;
                let users = installation.users(&id).await?;
                output.many(users.iter().map(|user| UserRecord::of(&id, user)))
            }
        }
    }
}

/// The failure for an unknown user, which says what to do.
pub(super) fn unknown(id: &RegistryId, name: &str) -> Failure {
    Failure::Failed(format!("account {id} has no user '{name}': 'roadstead user list --account {id}' lists its users"))
}

impl UserRecord {
    pub(super) fn of(registry: &RegistryId, user: &User) -> Self {
        Self {
            user_name: user.name.clone(),
            user_id: user.id.to_string(),
            registry_id: registry.to_string(),
            arn: Arn::User(registry.clone(), user.name.clone()).to_string(),
            created_at: user.created_at.to_rfc3339(),
        }
    }
}

impl Record for UserRecord {
    const HEADINGS: &'static [&'static str] = &["USER", "ARN", "CREATED"];

    fn cells(&self) -> Vec<String> {
        vec![self.user_name.clone(), self.arn.clone(), self.created_at.clone()]
    }
}
