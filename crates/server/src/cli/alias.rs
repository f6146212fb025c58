//! `roadstead alias`: the public names of registries.

use super::audit::{Change, Whose};
use super::data_access::{self, Account};
use super::failure::Failure;
use super::output::{Output, Record, yes_or_no};
use crate::config::values;
use clap::{Args, Subcommand};
use roadstead_model::{AliasDescription, AliasStatus, RegistryAlias, RegistryId};
use roadstead_registry::Installation;
use serde::Serialize;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Add an alias to a registry
    Add {
        #[command(flatten)]
        alias: Named,
        #[command(flatten)]
        changes: Changes,
    },
    /// Change the status of an alias, or make it the primary or default alias
    Change {
        #[command(flatten)]
        alias: Named,
        #[command(flatten)]
        changes: Changes,
    },
    /// Remove an alias; its repositories can no longer be reached under it
    Remove {
        #[command(flatten)]
        alias: Named,
    },
    /// List the aliases of a registry
    List {
        #[command(flatten)]
        account: Account,
    },
}

#[derive(Debug, Args)]
pub(super) struct Named {
    /// The alias
    #[arg(value_name = "NAME", value_parser = values::alias)]
    name: RegistryAlias,
    #[command(flatten)]
    account: Account,
}

#[derive(Debug, Args)]
pub(super) struct Changes {
    /// Only an ACTIVE alias resolves to the registry [default for a new alias: ACTIVE]
    #[arg(long, value_name = "ACTIVE|PENDING|REJECTED", value_parser = values::alias_status)]
    status: Option<AliasStatus>,
    /// Make it the primary alias, which repository URIs show
    #[arg(long)]
    primary: bool,
    /// Mark it as the default alias, the one assigned first
    #[arg(long)]
    default: bool,
}

/// An alias as DescribeRegistries shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AliasRecord {
    pub(super) name: String,
    registry_id: String,
    status: &'static str,
    primary_registry_alias: bool,
    default_registry_alias: bool,
}

impl data_access::Verb for Verb {
    fn change(&self) -> Option<Change> {
        let (action, alias) = match self {
            Self::Add { alias, .. } => ("cli:alias add", alias),
            Self::Change { alias, .. } => ("cli:alias change", alias),
            Self::Remove { alias } => ("cli:alias remove", alias),
            Self::List { .. } => return None,
        };
        Some(Change::new(action, Whose::Given(alias.account.given()), alias.name.to_string()))
    }

    async fn run(self, installation: &Installation, output: Output) -> Result<(), Failure> {
        match self {
            Self::Add { alias, changes } => add(installation, output, alias, changes).await,
            Self::Change { alias, changes } => change(installation, output, alias, changes).await,
            Self::Remove { alias } => {
                let id = alias.account.find(installation).await?;
                if installation.delete_alias(&id, &alias.name).await? { Ok(()) } else { Err(unknown(&id, &alias.name)) }
            }
            Self::List { account } => {
                let id = account.find(installation).await?;
                let aliases = installation.describe_registry(&id).await?.aliases;
                output.many(aliases.iter().map(|alias| AliasRecord::of(&id, alias)))
            }
        }
    }
}

async fn add(installation: &Installation, output: Output, alias: Named, changes: Changes) -> Result<(), Failure> {
    let id = alias.account.find(installation).await?;
    if find(installation, &id, &alias.name).await?.is_some() {
        let name = alias.name;
        return Err(Failure::Failed(format!("account {id} already has the alias '{name}': 'roadstead alias change' changes it")));
    }
    put(installation, output, &id, AliasDescription::new(alias.name), changes).await
}

async fn change(installation: &Installation, output: Output, alias: Named, changes: Changes) -> Result<(), Failure> {
    if changes.status.is_none() && !changes.primary && !changes.default {
        return Err(Failure::Usage("nothing to change: use --status, --primary or --default".to_owned()));
    }
    let id = alias.account.find(installation).await?;
    let old = find(installation, &id, &alias.name).await?.ok_or_else(|| unknown(&id, &alias.name))?;
    put(installation, output, &id, old, changes).await
}

async fn put(installation: &Installation, output: Output, id: &RegistryId, old: AliasDescription, changes: Changes) -> Result<(), Failure> {
    let alias = old.changed(changes.status, changes.primary, changes.default);
    installation.put_alias(id, alias.clone()).await?;
    output.one(&AliasRecord::of(id, &alias))
}

async fn find(installation: &Installation, id: &RegistryId, name: &RegistryAlias) -> Result<Option<AliasDescription>, Failure> {
    let aliases = installation.describe_registry(id).await?.aliases;
    Ok(aliases.into_iter().find(|alias| alias.name == *name))
}

fn unknown(id: &RegistryId, name: &RegistryAlias) -> Failure {
    Failure::Failed(format!("account {id} has no alias '{name}': 'roadstead alias list --account {id}' lists its aliases"))
}

impl AliasRecord {
    pub(super) fn of(registry: &RegistryId, alias: &AliasDescription) -> Self {
        Self {
            name: alias.name.to_string(),
            registry_id: registry.to_string(),
            status: alias.status.as_str(),
            primary_registry_alias: alias.primary,
            default_registry_alias: alias.default,
        }
    }
}

impl Record for AliasRecord {
    const HEADINGS: &'static [&'static str] = &["ALIAS", "ACCOUNT", "STATUS", "PRIMARY", "DEFAULT"];

    fn cells(&self) -> Vec<String> {
        let [primary, default] = [self.primary_registry_alias, self.default_registry_alias].map(yes_or_no);
        vec![self.name.clone(), self.registry_id.clone(), self.status.to_owned(), primary, default]
    }
}
