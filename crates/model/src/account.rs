//! Accounts: their registries, users and access keys.

use crate::alias::{AliasDescription, AliasStatus};
use crate::arn::Arn;
use crate::name::{RegistryAlias, RegistryId};
use crate::timestamp::Timestamp;
use crate::user_id::UserId;

/// A principal: the root of an account, or one of its users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub registry: RegistryId,
    /// `None` for the account's root.
    pub user: Option<String>,
}

/// A long-lived key that signs requests.
#[derive(Clone)]
pub struct AccessKey {
    /// The access key id, such as `AKIA…`.
    pub id: String,
    /// Must not be logged, which is why this type has no `Debug`.
    pub secret: String,
    pub active: bool,
    pub identity: Identity,
}

/// An access key without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessKeySummary {
    pub id: String,
    /// `None` for the account's root.
    pub user: Option<String>,
    pub active: bool,
    pub created_at: Timestamp,
}

/// A user of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub name: String,
    /// Never reused, even if a user is re-created under the same name.
    pub id: UserId,
    pub created_at: Timestamp,
}

/// A registry as DescribeRegistries shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryDescription {
    pub id: RegistryId,
    pub verified: bool,
    /// Oldest first.
    pub aliases: Vec<AliasDescription>,
}

impl Identity {
    pub const fn root(registry: RegistryId) -> Self {
        Self { registry, user: None }
    }

    pub fn arn(&self) -> Arn {
        match &self.user {
            None => Arn::AccountRoot(self.registry.clone()),
            Some(user) => Arn::User(self.registry.clone(), user.clone()),
        }
    }
}

impl User {
    /// Whether IAM allows this user name: 1 to 64 letters, digits and `+=,.@_-` (IAM user guide, "IAM name requirements").
    pub fn is_name(text: &str) -> bool {
        is_iam_name(text, 64)
    }
}

/// Whether `text` is a valid IAM name of at most `maximum` characters.
pub(crate) fn is_iam_name(text: &str, maximum: usize) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte);
    (1..=maximum).contains(&text.len()) && text.bytes().all(allowed)
}

impl RegistryDescription {
    /// The alias that repository URIs show: the primary alias, otherwise the first active one.
    pub fn primary_alias(&self) -> Option<&RegistryAlias> {
        let mut active = self.aliases.iter().filter(|alias| alias.status == AliasStatus::Active);
        let first = active.clone().next();
        active.find(|alias| alias.primary).or(first).map(|alias| &alias.name)
    }
}
