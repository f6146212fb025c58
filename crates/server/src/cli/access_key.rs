//! `roadstead access-key`: the keys that sign requests and log in.

use super::audit::{Change, Whose};
use super::data_access::{self, Account};
use super::failure::Failure;
use super::input;
use super::output::{self, Output, Record};
use super::user::unknown;
use crate::config::values;
use clap::{Args, Subcommand};
use roadstead_model::{AccessKey, AccessKeySummary, Identity, RegistryId};
use roadstead_registry::Installation;
use serde::Serialize;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Create an access key, and print its secret, once
    Create {
        #[command(flatten)]
        holder: Holder,
        #[command(flatten)]
        given: Given,
        #[command(flatten)]
        form: SecretForm,
    },
    /// List the access keys of an account, without their secrets
    List {
        #[command(flatten)]
        holder: Holder,
    },
    /// Print the root access key of an account again, with its secret: by default that of the server's first start
    Root {
        #[command(flatten)]
        account: Account,
        #[command(flatten)]
        form: SecretForm,
    },
    /// Enable a disabled access key
    Enable {
        #[command(flatten)]
        key: Named,
    },
    /// Disable an access key, and all logins made with it
    Disable {
        #[command(flatten)]
        key: Named,
    },
    /// Create a new access key for the holder of this one, and disable this one
    Rotate {
        #[command(flatten)]
        key: Named,
        #[command(flatten)]
        form: SecretForm,
    },
    /// Delete an access key
    Delete {
        #[command(flatten)]
        key: Named,
    },
}

/// The holder of a key.
#[derive(Debug, Args)]
pub(super) struct Holder {
    /// The user who holds the key [default: the root of the account, who may do everything in it]
    #[arg(long, value_name = "NAME", value_parser = values::user_name)]
    user: Option<String>,
    #[command(flatten)]
    account: Account,
}

/// A key by its id, which is unique on the server.
#[derive(Debug, Args)]
pub(super) struct Named {
    /// The access key id
    #[arg(value_name = "ACCESS-KEY-ID")]
    id: String,
}

/// A key to import.
#[derive(Debug, Args)]
pub(super) struct Given {
    /// Use this access key id instead of a new one
    #[arg(long, value_name = "ACCESS-KEY-ID", requires = "secret_file", value_parser = values::access_key_id)]
    id: Option<String>,
    /// The file that contains the secret of --id; - is the standard input
    #[arg(long, value_name = "FILE", requires = "id")]
    secret_file: Option<PathBuf>,
}

/// The output format of a secret.
#[derive(Debug, Args)]
pub(super) struct SecretForm {
    /// Print the key as a profile of this name in an AWS shared-credentials file
    #[arg(long, value_name = "NAME", conflicts_with = "output", value_parser = profile_name)]
    profile: Option<String>,
    /// The id of the printed key, for the audit log.
    #[arg(skip)]
    pub(super) printed: Arc<OnceLock<String>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NewKey {
    arn: String,
    registry_id: String,
    user_name: Option<String>,
    access_key_id: String,
    secret_access_key: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct KeyRecord {
    access_key_id: String,
    arn: String,
    registry_id: String,
    user_name: Option<String>,
    status: &'static str,
    created_at: String,
}

fn profile_name(text: &str) -> Result<String, String> {
    let plain = |character: char| !character.is_control() && !matches!(character, '[' | ']');
    if text.is_empty() || !text.chars().all(plain) {
        return Err("a profile name must not be empty or contain brackets or control characters".to_owned());
    }
    Ok(text.to_owned())
}

impl data_access::Verb for Verb {
    fn change(&self) -> Option<Change> {
        Some(match self {
            Self::Create { holder, form, .. } => {
                let object = format!("of {}", holder.user.as_deref().unwrap_or("root"));
                Change::new("cli:access-key create", Whose::Given(holder.account.given()), object).with_new_key(&form.printed)
            }
            Self::Enable { key } => Change::new("cli:access-key enable", Whose::Any, &key.id),
            Self::Disable { key } => Change::new("cli:access-key disable", Whose::Any, &key.id),
            Self::Rotate { key, form } => {
                Change::new("cli:access-key rotate", Whose::Any, format!("instead of {}", key.id)).with_new_key(&form.printed)
            }
            Self::Delete { key } => Change::new("cli:access-key delete", Whose::Any, &key.id),
            Self::List { .. } | Self::Root { .. } => return None,
        })
    }

    async fn run(self, installation: &Installation, output: Output) -> Result<(), Failure> {
        match self {
            Self::Create { holder, given, form } => {
                let identity = holder.find(installation).await?;
                form.print(output, installation.create_access_key(&identity, given.read()?).await?)
            }
            Self::List { holder } => list(installation, output, holder).await,
            Self::Root { account, form } => {
                let account = account.find(installation).await?;
                let key = installation.root_access_key(&account).await?;
                form.print(output, key.ok_or_else(|| no_root_key(&account))?)
            }
            Self::Enable { key } => switch(installation, output, &key.id, true).await,
            Self::Disable { key } => switch(installation, output, &key.id, false).await,
            Self::Rotate { key, form } => {
                find(installation, &key.id).await?;
                form.print(output, installation.rotate_access_key(&key.id).await?)
            }
            Self::Delete { key } => {
                let account = find(installation, &key.id).await?;
                if installation.delete_access_key(&account, &key.id).await? { Ok(()) } else { Err(no_such_key(&key.id)) }
            }
        }
    }
}

async fn list(installation: &Installation, output: Output, holder: Holder) -> Result<(), Failure> {
    let Identity { registry: account, user } = holder.find(installation).await?;
    let keys = installation.access_keys(&account).await?;
    let wanted = keys.iter().filter(|key| user.is_none() || key.user == user);
    output.many(wanted.map(|key| KeyRecord::of(&account, key)))
}

async fn switch(installation: &Installation, output: Output, id: &str, active: bool) -> Result<(), Failure> {
    let account = find(installation, id).await?;
    installation.set_access_key_active(&account, id, active).await?;
    let keys = installation.access_keys(&account).await?;
    keys.iter().filter(|key| key.id == id).try_for_each(|key| output.one(&KeyRecord::of(&account, key)))
}

/// The account that a key belongs to.
async fn find(installation: &Installation, id: &str) -> Result<RegistryId, Failure> {
    Ok(installation.access_key(id).await?.ok_or_else(|| no_such_key(id))?.identity.registry)
}

fn no_such_key(id: &str) -> Failure {
    Failure::Failed(format!("access key '{id}' does not exist: 'roadstead access-key list' lists the keys of an account"))
}

fn no_root_key(account: &RegistryId) -> Failure {
    Failure::Failed(format!("account {account} has no root access key: 'roadstead access-key create --account {account}' makes one"))
}

impl Holder {
    async fn find(self, installation: &Installation) -> Result<Identity, Failure> {
        let account = self.account.find(installation).await?;
        match &self.user {
            Some(user) if !installation.has_user(&account, user).await? => Err(unknown(&account, user)),
            _ => Ok(Identity { registry: account, user: self.user }),
        }
    }
}

impl Given {
    fn read(self) -> Result<Option<(String, String)>, Failure> {
        let Some((id, path)) = self.id.zip(self.secret_file) else { return Ok(None) };
        let secret = values::secret_access_key(input::read(&path)?.trim_end_matches(['\r', '\n']));
        Ok(Some((id, secret.map_err(|reason| Failure::Usage(format!("{}: {reason}", path.display())))?.0)))
    }
}

impl SecretForm {
    /// Prints a new key. Its secret is never shown again.
    pub(super) fn print(&self, output: Output, key: AccessKey) -> Result<(), Failure> {
        let AccessKey { id, secret, identity, .. } = key;
        let _ = self.printed.set(id.clone());
        match &self.profile {
            None => output.one(&NewKey {
                arn: identity.arn().to_string(),
                registry_id: identity.registry.to_string(),
                user_name: identity.user,
                access_key_id: id,
                secret_access_key: secret,
            }),
            Some(profile) => output::write(&format!("[{profile}]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n")),
        }
    }
}

impl Record for NewKey {
    const HEADINGS: &'static [&'static str] = &["ACCESS KEY ID", "SECRET ACCESS KEY", "HOLDER"];

    fn cells(&self) -> Vec<String> {
        vec![self.access_key_id.clone(), self.secret_access_key.clone(), self.arn.clone()]
    }
}

impl KeyRecord {
    pub(super) fn of(registry: &RegistryId, key: &AccessKeySummary) -> Self {
        let identity = Identity { registry: registry.clone(), user: key.user.clone() };
        Self {
            access_key_id: key.id.clone(),
            arn: identity.arn().to_string(),
            registry_id: registry.to_string(),
            user_name: identity.user,
            // As in IAM.
            status: if key.active { "Active" } else { "Inactive" },
            created_at: key.created_at.to_rfc3339(),
        }
    }
}

impl Record for KeyRecord {
    const HEADINGS: &'static [&'static str] = &["ACCESS KEY ID", "STATUS", "HOLDER", "CREATED"];

    fn cells(&self) -> Vec<String> {
        vec![self.access_key_id.clone(), self.status.to_owned(), self.arn.clone(), self.created_at.clone()]
    }
}
