//! Accounts as a file declares them: what is declared is made, or brought in line; what is not is left alone.

use crate::error::{Error, Result};
use crate::installation::Installation;
use roadstead_model::policy::UserPolicy;
use roadstead_model::{AliasDescription, AliasStatus, Identity, RegistryAlias, RegistryId};
use std::fmt;

/// An account that shall be there.
#[derive(Debug, Clone, Default)]
pub struct AccountDeclaration {
    /// Its id; without it the account that this installation was set up with is meant.
    pub id: Option<RegistryId>,
    /// Whether it is verified, if that shall be as declared.
    pub verified: Option<bool>,
    /// Aliases of its registry.
    pub aliases: Vec<AliasDeclaration>,
    /// Access keys of its root.
    pub access_keys: Vec<KeyDeclaration>,
    /// Users.
    pub users: Vec<UserDeclaration>,
}

/// An alias that shall be there.
#[derive(Debug, Clone)]
pub struct AliasDeclaration {
    /// The alias.
    pub name: RegistryAlias,
    /// Its status, if that shall be as declared; a new one is active.
    pub status: Option<AliasStatus>,
    /// Make it the one that repository URIs show.
    pub primary: bool,
    /// Make it the one that the registry was given at first.
    pub default: bool,
}

/// A user who shall be there.
#[derive(Debug, Clone)]
pub struct UserDeclaration {
    /// The name.
    pub name: String,
    /// Policies to attach.
    pub policies: Vec<UserPolicy>,
    /// Access keys.
    pub access_keys: Vec<KeyDeclaration>,
}

/// An access key that shall be there.
#[derive(Clone)]
pub struct KeyDeclaration {
    /// The public half.
    pub id: String,
    /// The secret half, which is not shown in debug output.
    pub secret: String,
    /// Whether it may be used, if that shall be as declared. Otherwise a key that was switched off stays so.
    pub active: Option<bool>,
}

impl AccountDeclaration {
    /// The alias that a new account begins with, so that it has the declared ones and no other.
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
    /// Makes what is declared of an account and is not there, and brings what is there in line. Doing it again changes nothing.
    pub async fn declare(&self, account: &AccountDeclaration) -> Result<()> {
        let id = account.id.as_ref().unwrap_or_else(|| self.account_id());
        self.ensure_account_with(id, account.first_alias().cloned()).await?;
        let there = self.describe_registry(id).await?;
        if let Some(verified) = account.verified.filter(|verified| *verified != there.verified) {
            self.set_verified(id, verified).await?;
        }
        // The new primary alias first: the old one may be declared to be no longer in use.
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
