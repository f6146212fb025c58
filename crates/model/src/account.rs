//! Accounts: their registries, users and access keys.

use crate::alias::{AliasDescription, AliasStatus};
use crate::{Arn, RegistryAlias, RegistryId, Timestamp, UserId};

/// A principal: the root of an account, or one of its users.
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

impl Identity {
    /// The root of an account.
    pub const fn root(registry: RegistryId) -> Self {
        Self { registry, user: None }
    }

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
