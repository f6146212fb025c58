//! Accounts: their registries, aliases and access keys.

use crate::Installation;
use crate::error::{Error, Result};
use crate::metadata::AccessKeyRow;
use crate::secrets::random_text;
use roadstead_model::{Arn, RegistryAlias, RegistryId, Timestamp, UserId};

/// Who holds an access key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The account.
    pub registry: RegistryId,
    /// The user within it; none for the account's root.
    pub user: Option<String>,
}

/// A long-lived key that signs requests.
#[derive(Clone)]
pub struct AccessKey {
    /// The public half, such as `AKIA…`.
    pub id: String,
    /// The secret half. It must not be logged, which is why this type has no `Debug`.
    pub secret: String,
    /// Whether the key may be used.
    pub active: bool,
    /// Who holds it.
    pub identity: Identity,
}

/// An access key without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessKeySummary {
    /// The public half.
    pub id: String,
    /// The user that holds it; none for the account's root.
    pub user: Option<String>,
    /// Whether the key may be used.
    pub active: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A user of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: String,
    /// What tells it apart from every other user, also from one that is made later under the same name.
    pub id: UserId,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A registry as DescribeRegistries shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryDescription {
    /// Its id, the account number.
    pub id: RegistryId,
    /// Whether its owner is verified.
    pub verified: bool,
    /// Its aliases, oldest first.
    pub aliases: Vec<AliasDescription>,
}

/// A registry alias.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AliasDescription {
    /// The alias.
    pub name: RegistryAlias,
    /// Whether it may be used.
    pub status: AliasStatus,
    /// Whether repository URIs show it.
    pub primary: bool,
    /// Whether it is the one that the registry was given at first.
    pub default: bool,
}

impl AliasDescription {
    /// A new alias: in use, and nothing more.
    pub fn new(name: RegistryAlias) -> Self {
        Self { name, status: AliasStatus::Active, primary: false, default: false }
    }

    /// The same with this status, if there is one, and with these marks in addition to those that it has.
    pub fn changed(self, status: Option<AliasStatus>, primary: bool, default: bool) -> Self {
        let Self { name, status: old, primary: was_primary, default: was_default } = self;
        Self { name, status: status.unwrap_or(old), primary: primary || was_primary, default: default || was_default }
    }
}

/// The state of an alias (Amazon ECR Public API, `RegistryAliasStatus`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AliasStatus {
    /// In use.
    Active,
    /// Asked for, not granted yet.
    Pending,
    /// Asked for and not granted.
    Rejected,
}

impl Identity {
    /// The ARN of the principal.
    pub fn arn(&self) -> Arn {
        match &self.user {
            None => Arn::AccountRoot(self.registry.clone()),
            Some(user) => Arn::User(self.registry.clone(), user.clone()),
        }
    }
}

impl User {
    /// Whether IAM allows a user of this name: 1 to 64 letters, digits and `+=,.@_-` (IAM user guide, "IAM name requirements").
    pub fn is_name(text: &str) -> bool {
        is_iam_name(text, 64)
    }
}

/// A unique id that no other user has.
pub(crate) fn new_user_id() -> Result<UserId> {
    let id = UserId::of(&random_text(UserId::ALPHABET, UserId::LENGTH)?);
    id.ok_or_else(|| Error::Internal("a unique id of a user is not of the form of one".to_owned()))
}

/// Whether a text is of the form of IAM's names, with at most `maximum` characters.
pub(crate) fn is_iam_name(text: &str, maximum: usize) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte);
    (1..=maximum).contains(&text.len()) && text.bytes().all(allowed)
}

impl RegistryDescription {
    /// The alias that repository URIs show: the primary one, else the first that is active.
    pub fn primary_alias(&self) -> Option<&RegistryAlias> {
        let mut active = self.aliases.iter().filter(|alias| alias.status == AliasStatus::Active);
        let first = active.clone().next();
        active.find(|alias| alias.primary).or(first).map(|alias| &alias.name)
    }
}

impl AliasStatus {
    /// As the API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Pending => "PENDING",
            Self::Rejected => "REJECTED",
        }
    }

    /// Reads what [`Self::as_str`] writes.
    pub fn parse(text: &str) -> std::result::Result<Self, &'static str> {
        let all = [Self::Active, Self::Pending, Self::Rejected];
        all.into_iter().find(|status| status.as_str() == text).ok_or("no alias status")
    }
}

impl Installation {
    /// The access key of this id with its secret, if there is one.
    pub async fn access_key(&self, id: &str) -> Result<Option<AccessKey>> {
        let Some(AccessKeyRow { id, registry, user, sealed_secret, active }) = self.0.metadata.access_key(id).await? else {
            return Ok(None);
        };
        let secret = self.0.secrets.open(&id, &sealed_secret).and_then(|bytes| String::from_utf8(bytes).ok());
        let secret = secret.ok_or_else(|| Error::Internal(format!("the secret of '{id}' does not open with the master key")))?;
        Ok(Some(AccessKey { id, secret, active, identity: Identity { registry, user } }))
    }

    /// Who holds the access key of this id; nobody if it is not active. Its secret stays sealed.
    pub async fn key_holder(&self, id: &str) -> Result<Option<Identity>> {
        let key = self.0.metadata.access_key(id).await?.filter(|key| key.active);
        Ok(key.map(|AccessKeyRow { registry, user, .. }| Identity { registry, user }))
    }

    /// The registry that an active alias belongs to.
    pub async fn resolve_alias(&self, alias: &str) -> Result<RegistryId> {
        self.0.metadata.registry_by_alias(alias).await?.ok_or_else(|| Error::RegistryNotFound(alias.to_owned()))
    }

    /// A registry with its aliases.
    pub async fn describe_registry(&self, id: &RegistryId) -> Result<RegistryDescription> {
        self.0.metadata.registry(id).await?.ok_or_else(|| Error::RegistryNotFound(id.to_string()))
    }

    /// The alias that a registry's URIs show.
    pub async fn primary_alias(&self, id: &RegistryId) -> Result<RegistryAlias> {
        let description = self.describe_registry(id).await?;
        description.primary_alias().cloned().ok_or_else(|| Error::Internal(format!("the registry '{id}' has no active alias")))
    }
}
