//! `roadstead account`: the accounts of a server, each with a registry.

use super::access_key::{KeyRecord, SecretForm};
use super::alias::AliasRecord;
use super::audit::{Change, Whose};
use super::data_access;
use super::failure::Failure;
use super::output::{Output, Record, table, yes_or_no};
use super::user::UserRecord;
use crate::config::values;
use clap::{Subcommand, ValueEnum};
use roadstead_model::{RegistryAlias, RegistryDescription, RegistryId};
use roadstead_registry::Installation;
use serde::Serialize;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Create an account with a registry, an alias and a root access key, and print its secret, once
    Create {
        /// Twelve digits
        #[arg(value_name = "ID", value_parser = values::account_id)]
        id: RegistryId,
        /// The alias of its registry [default: generated in AWS's format]
        #[arg(long, value_name = "NAME", value_parser = values::alias)]
        alias: Option<RegistryAlias>,
        /// Mark the account as verified
        #[arg(long)]
        verified: bool,
        #[command(flatten)]
        form: SecretForm,
    },
    /// List the accounts
    List,
    /// Show an account with its aliases, users and access keys
    Show {
        /// The account [default: the server's own]
        #[arg(value_name = "ID", value_parser = values::account_id)]
        id: Option<RegistryId>,
    },
    /// Mark an account as verified or unverified
    Verify {
        /// Twelve digits
        #[arg(value_name = "ID", value_parser = values::account_id)]
        id: RegistryId,
        /// Whether the account is verified
        #[arg(value_enum)]
        state: Switch,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Switch {
    On,
    Off,
}

/// An account as DescribeRegistries shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AccountRecord {
    registry_id: String,
    verified: bool,
    aliases: Vec<AliasRecord>,
}

/// An account with its aliases, users and keys.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Everything {
    #[serde(flatten)]
    account: AccountRecord,
    users: Vec<UserRecord>,
    access_keys: Vec<KeyRecord>,
}

impl data_access::Verb for Verb {
    fn change(&self) -> Option<Change> {
        match self {
            Self::Create { id, form, .. } => {
                Some(Change::new("cli:account create", Whose::Given(Some(id.clone())), "of root").with_new_key(&form.printed))
            }
            Self::Verify { id, state } => {
                let word = if *state == Switch::On { "on" } else { "off" };
                Some(Change::new("cli:account verify", Whose::Given(Some(id.clone())), word))
            }
            Self::List | Self::Show { .. } => None,
        }
    }

    async fn run(self, installation: &Installation, output: Output) -> Result<(), Failure> {
        match self {
            Self::Create { id, alias, verified, form } => {
                let key = installation.create_account(&id, alias).await?;
                if verified {
                    installation.set_verified(&id, true).await?;
                }
                form.print(output, key)
            }
            Self::List => output.many(installation.registries().await?.iter().map(AccountRecord::of)),
            Self::Show { id } => show(installation, output, &id.unwrap_or_else(|| installation.account_id().clone())).await,
            Self::Verify { id, state } => {
                installation.set_verified(&id, state == Switch::On).await?;
                output.one(&AccountRecord::of(&installation.describe_registry(&id).await?))
            }
        }
    }
}

async fn show(installation: &Installation, output: Output, id: &RegistryId) -> Result<(), Failure> {
    let account = AccountRecord::of(&installation.describe_registry(id).await?);
    let users = installation.users(id).await?.iter().map(|user| UserRecord::of(id, user)).collect();
    let access_keys = installation.access_keys(id).await?.iter().map(|key| KeyRecord::of(id, key)).collect();
    let everything = Everything { account, users, access_keys };
    output.print(&everything, || {
        let Everything { account, users, access_keys } = &everything;
        [table(std::slice::from_ref(account)), table(&account.aliases), table(users), table(access_keys)].join("\n")
    })
}

impl AccountRecord {
    fn of(description: &RegistryDescription) -> Self {
        let aliases = description.aliases.iter().map(|alias| AliasRecord::of(&description.id, alias)).collect();
        Self { registry_id: description.id.to_string(), verified: description.verified, aliases }
    }
}

impl Record for AccountRecord {
    const HEADINGS: &'static [&'static str] = &["ACCOUNT", "VERIFIED", "ALIASES"];

    fn cells(&self) -> Vec<String> {
        let aliases: Vec<&str> = self.aliases.iter().map(|alias| alias.name.as_str()).collect();
        vec![self.registry_id.clone(), yes_or_no(self.verified), aliases.join(", ")]
    }
}
