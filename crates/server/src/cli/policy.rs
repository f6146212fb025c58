//! `roadstead policy`: the policies of users.

use super::audit::{Change, Whose};
use super::data_access::{self, Account};
use super::failure::Failure;
use super::input;
use super::output::{Output, Record};
use super::user::unknown;
use crate::config::values;
use clap::{Args, Subcommand};
use roadstead_model::RegistryId;
use roadstead_model::policy::UserPolicy;
use roadstead_model::policy::managed::{MANAGED_POLICIES, ManagedPolicy};
use roadstead_registry::{Error, Installation};
use serde::Serialize;
use serde_json::value::RawValue;
use std::path::{Path, PathBuf};

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Attach a policy to a user, or replace the document of an attached one
    Attach {
        /// The name or ARN of a managed policy, or with --document the name of a new policy
        #[arg(value_name = "POLICY")]
        policy: String,
        #[command(flatten)]
        user: User,
        /// A file with an IAM policy document in JSON; - is the standard input
        #[arg(long, value_name = "FILE")]
        document: Option<PathBuf>,
    },
    /// Detach a policy from a user
    Detach {
        /// The name of the policy
        #[arg(value_name = "POLICY")]
        policy: String,
        #[command(flatten)]
        user: User,
    },
    /// List the policies of a user, or without --user the managed policies
    List {
        #[command(flatten)]
        user: MaybeUser,
    },
    /// Print the document of a user's policy, or without --user of a managed policy
    Show {
        /// The name of the policy
        #[arg(value_name = "POLICY")]
        policy: String,
        #[command(flatten)]
        user: MaybeUser,
    },
}

#[derive(Debug, Args)]
pub(super) struct User {
    /// The user
    #[arg(long, value_name = "NAME", value_parser = values::user_name)]
    user: String,
    #[command(flatten)]
    account: Account,
}

#[derive(Debug, Args)]
pub(super) struct MaybeUser {
    /// The user
    #[arg(long, value_name = "NAME", value_parser = values::user_name)]
    user: Option<String>,
    #[command(flatten)]
    account: Account,
}

/// A policy, with its document where requested.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PolicyRecord {
    policy_name: String,
    /// The ARN of a managed policy.
    arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<Box<RawValue>>,
}

impl data_access::Verb for Verb {
    fn change(&self) -> Option<Change> {
        let (action, policy, user) = match self {
            Self::Attach { policy, user, .. } => ("cli:policy attach", policy, user),
            Self::Detach { policy, user } => ("cli:policy detach", policy, user),
            Self::List { .. } | Self::Show { .. } => return None,
        };
        Some(Change::new(action, Whose::Given(user.account.given()), format!("{policy} of {}", user.user)))
    }

    async fn run(self, installation: &Installation, output: Output) -> Result<(), Failure> {
        match self {
            Self::Attach { policy, user, document } => {
                let policy = offered(&policy, document.as_deref())?;
                let (id, user) = user.find(installation).await?;
                installation.put_user_policy(&id, &user, policy.clone()).await?;
                output.one(&PolicyRecord::of(&policy))
            }
            Self::Detach { policy, user } => {
                let (id, user) = user.find(installation).await?;
                let deleted = installation.delete_user_policy(&id, &user, short_name(&policy)).await?;
                if deleted { Ok(()) } else { Err(not_found(&policy)) }
            }
            Self::List { user } => output.many(policies(installation, user).await?.iter().map(PolicyRecord::of)),
            Self::Show { policy, user } => show(installation, output, &policy, user).await,
        }
    }
}

async fn show(installation: &Installation, output: Output, policy: &str, user: MaybeUser) -> Result<(), Failure> {
    let policies = policies(installation, user).await?;
    let policy = policies.iter().find(|known| known.name == short_name(policy)).ok_or_else(|| not_found(policy))?;
    let text = policy.text().unwrap_or_default();
    let document = RawValue::from_string(text.to_owned()).map_err(|error| Error::Internal(error.to_string()))?;
    output.print(&PolicyRecord { document: Some(document), ..PolicyRecord::of(policy) }, || format!("{}\n", text.trim_end()))
}

/// The policies of a user, or all managed policies.
async fn policies(installation: &Installation, user: MaybeUser) -> Result<Vec<UserPolicy>, Failure> {
    match user.user {
        Some(name) => {
            let (id, user) = User { user: name, account: user.account }.find(installation).await?;
            Ok(installation.user_policies(&id, &user).await?)
        }
        None if user.account.given().is_some() => {
            Err(Failure::Usage("--account requires --user: managed policies are the same for all accounts".to_owned()))
        }
        None => Ok(MANAGED_POLICIES.iter().map(|policy| UserPolicy { name: policy.name.to_owned(), document: None }).collect()),
    }
}

/// The policy on the command line. Errors in a document contain the name of its file.
fn offered(name: &str, document: Option<&Path>) -> Result<UserPolicy, Failure> {
    let Some(path) = document else {
        return UserPolicy::managed(name).map_err(|error| {
            Failure::Usage(format!("{error}: 'roadstead policy list' shows them; give --document for a policy of your own"))
        });
    };
    UserPolicy::with_document(name, input::read(path)?).map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))
}

/// The name of a managed policy, which may be given as an ARN.
fn short_name(policy: &str) -> &str {
    ManagedPolicy::find(policy).map_or(policy, |managed| managed.name)
}

fn not_found(policy: &str) -> Failure {
    Failure::Failed(format!("policy '{policy}' does not exist: 'roadstead policy list' with the same --user lists the existing ones"))
}

impl User {
    async fn find(self, installation: &Installation) -> Result<(RegistryId, String), Failure> {
        let id = self.account.find(installation).await?;
        if installation.has_user(&id, &self.user).await? { Ok((id, self.user)) } else { Err(unknown(&id, &self.user)) }
    }
}

impl PolicyRecord {
    fn of(policy: &UserPolicy) -> Self {
        let managed = ManagedPolicy::find(&policy.name).filter(|_| policy.document.is_none());
        Self { policy_name: policy.name.clone(), arn: managed.map(ManagedPolicy::arn), document: None }
    }
}

impl Record for PolicyRecord {
    const HEADINGS: &'static [&'static str] = &["POLICY", "ARN"];

    fn cells(&self) -> Vec<String> {
        vec![self.policy_name.clone(), self.arn.clone().unwrap_or_else(|| "(custom document)".to_owned())]
    }
}
