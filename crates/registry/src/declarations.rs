//! Accounts declared in a file. Declared items are created or updated; all others are left unchanged.

use crate::error::{Error, Result};
use crate::installation::Installation;
use roadstead_model::policy::UserPolicy;
use roadstead_model::{AliasDescription, AliasStatus, Identity, RegistryAlias, RegistryId};
use std::fmt;

/// A declared account.
#[derive(Debug, Clone, Default)]
pub struct AccountDeclaration {
    /// The id. `None` for the installation's own account.
    pub id: Option<RegistryId>,
    /// Whether the account is verified. `None` to keep the state.
    pub verified: Option<bool>,
    pub aliases: Vec<AliasDeclaration>,
    /// Access keys of the root.
    pub access_keys: Vec<KeyDeclaration>,
    pub users: Vec<UserDeclaration>,
}

/// A declared alias.
#[derive(Debug, Clone)]
pub struct AliasDeclaration {
    pub name: RegistryAlias,
    /// The status. `None` to keep the status, or to make a new alias active.
    pub status: Option<AliasStatus>,
    /// Whether to make the alias the one in repository URIs.
    pub primary: bool,
    /// Whether to mark the alias as the one that the registry was created with.
    pub default: bool,
}

/// A declared user.
#[derive(Debug, Clone)]
pub struct UserDeclaration {
    pub name: String,
    pub policies: Vec<UserPolicy>,
    pub access_keys: Vec<KeyDeclaration>,
}

/// A declared access key. Debug output omits the secret.
#[derive(Clone)]
pub struct KeyDeclaration {
    pub id: String,
    pub secret: String,
    /// Whether the key is active. `None` to keep the state.
    pub active: Option<bool>,
}

impl AccountDeclaration {
    /// The first alias of a new account. A declared alias, so that the account gets no other ones.
    fn first_alias(&self) -> Option<&RegistryAlias> {
        let active = || self.aliases.iter().filter(|alias| alias.status.is_none_or(|status| status == AliasStatus::Active));
        active().find(|alias| alias.primary).or_else(|| active().next()).map(|alias| &alias.name)
    }
}

impl fmt::Debug for KeyDeclaration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyDeclaration").field("id", &self.id).field("active", &self.active).finish_non_exhaustive()
    }
}

impl Installation {
    /// Creates or updates an account as declared. Idempotent.
    pub async fn declare(&self, account: &AccountDeclaration) -> Result<()> {
        let id = account.id.as_ref().unwrap_or_else(|| self.account_id());
        self.ensure_account_with(id, account.first_alias().cloned()).await?;
        let there = self.describe_registry(id).await?;
        if let Some(verified) = account.verified.filter(|verified| *verified != there.verified) {
            self.set_verified(id, verified).await?;
        }
        // The new primary alias first, because the old one may be declared inactive.
        let (primary, others): (Vec<_>, Vec<_>) = account.aliases.iter().partition(|alias| alias.primary);
        for alias in primary.into_iter().chain(others) {
            self.declare_alias(id, alias).await?;
        }
        self.declare_keys(&Identity { registry: id.clone(), user: None }, &account.access_keys).await?;
        for user in &account.users {
            self.declare_user(id, user).await?;
        }
        Ok(())
    }

    async fn declare_alias(&self, registry: &RegistryId, declared: &AliasDeclaration) -> Result<()> {
        let AliasDeclaration { name, status, primary, default } = declared.clone();
        let there = self.describe_registry(registry).await?;
        let old = there.aliases.iter().find(|alias| alias.name == name);
        let wanted = old.cloned().unwrap_or_else(|| AliasDescription::new(name)).changed(status, primary, default);
        if old == Some(&wanted) { Ok(()) } else { self.put_alias(registry, wanted).await }
    }

    async fn declare_user(&self, registry: &RegistryId, user: &UserDeclaration) -> Result<()> {
        if !self.has_user(registry, &user.name).await? {
            self.create_user(registry, &user.name).await?;
        }
        let attached = self.user_policies(registry, &user.name).await?;
        for policy in user.policies.iter().filter(|policy| !attached.contains(policy)) {
            self.put_user_policy(registry, &user.name, policy.clone()).await?;
        }
        self.declare_keys(&Identity { registry: registry.clone(), user: Some(user.name.clone()) }, &user.access_keys).await
    }

    async fn declare_keys(&self, identity: &Identity, keys: &[KeyDeclaration]) -> Result<()> {
        for KeyDeclaration { id, secret, active } in keys {
            let there = match self.access_key(id).await? {
                Some(key) if key.identity != *identity => {
                    return Err(Error::Refused(format!("access key '{id}' belongs to {}, not to {}", key.identity.arn(), identity.arn())));
                }
                Some(key) if key.secret == *secret => key,
                Some(key) => {
                    self.set_access_key_secret(&key.id, secret).await?;
                    key
                }
                None => self.create_access_key(identity, Some((id.clone(), secret.clone()))).await?,
            };
            if let Some(active) = active.filter(|active| *active != there.active) {
                self.set_access_key_active(&identity.registry, id, active).await?;
            }
        }
        Ok(())
    }
}
