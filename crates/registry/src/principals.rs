//! Accounts, aliases, users and access keys as their operator manages them.

use crate::error::{Error, Result};
use crate::installation::Installation;
use crate::metadata::{AccessKeyRow, NewAccount};
use crate::opening::{new_access_key, new_alias};
use crate::secrets::random_user_id;
use roadstead_model::{
    AccessKey, AccessKeySummary, AliasDescription, Identity, RegistryAlias, RegistryDescription, RegistryId, User, UserId,
};

impl Installation {
    /// Every registry with its aliases, by id.
    pub async fn registries(&self) -> Result<Vec<RegistryDescription>> {
        let mut descriptions = Vec::new();
        for id in self.0.metadata.registries().await? {
            descriptions.push(self.describe_registry(&id).await?);
        }
        Ok(descriptions)
    }

    /// Makes an account with an alias (one of the AWS form unless `alias` is given) and a root access key.
    pub async fn create_account(&self, id: &RegistryId, alias: Option<RegistryAlias>) -> Result<AccessKey> {
        let identity = Identity { registry: id.clone(), user: None };
        let (row, secret) = self.sealed(new_access_key()?, &identity)?;
        let account = NewAccount { alias, new_root_key: Some((row.id.clone(), row.sealed_secret)), ..self.new_account(id)? };
        if self.0.metadata.create_account(account).await? {
            Ok(AccessKey { id: row.id, secret, active: true, identity })
        } else {
            Err(Error::AlreadyExists(format!("account {id} already exists")))
        }
    }

    /// Makes an account unless it is there; without an access key, since nobody would learn its secret.
    pub async fn ensure_account(&self, id: &RegistryId) -> Result<()> {
        self.ensure_account_with(id, None).await
    }

    /// As [`Self::ensure_account`]; if the account is made, then with this alias.
    pub(crate) async fn ensure_account_with(&self, id: &RegistryId, alias: Option<RegistryAlias>) -> Result<()> {
        match self.describe_registry(id).await {
            Err(Error::RegistryNotFound(_)) => {
                self.0.metadata.create_account(NewAccount { alias, ..self.new_account(id)? }).await.map(drop)
            }
            other => other.map(drop),
        }
    }

    fn new_account(&self, id: &RegistryId) -> Result<NewAccount> {
        Ok(NewAccount {
            installation_id: self.0.id.clone(),
            registry: id.clone(),
            alias: None,
            default_alias: new_alias()?,
            given_root_key: None,
            new_root_key: None,
            now: self.now(),
        })
    }

    /// Marks an account as verified, or not.
    pub async fn set_verified(&self, id: &RegistryId, verified: bool) -> Result<()> {
        self.0.metadata.set_verified(id.clone(), verified).await
    }

    /// Adds an alias to a registry, or changes its status and flags. A registry shows one alias at any time, so the primary
    /// one stays active and stays the primary one until another one is made it.
    pub async fn put_alias(&self, registry: &RegistryId, alias: AliasDescription) -> Result<()> {
        self.0.metadata.put_alias(registry.clone(), alias, self.now()).await
    }

    /// Removes an alias, but not the primary one. False when the registry has none of this name.
    pub async fn delete_alias(&self, registry: &RegistryId, alias: &RegistryAlias) -> Result<bool> {
        self.0.metadata.delete_alias(registry.clone(), alias.clone()).await
    }

    /// The users of an account, by name.
    pub async fn users(&self, registry: &RegistryId) -> Result<Vec<User>> {
        self.0.metadata.users(registry).await
    }

    /// Whether an account of this installation has this user.
    pub async fn has_user(&self, registry: &RegistryId, user: &str) -> Result<bool> {
        self.0.metadata.has_user(registry, user).await
    }

    /// The unique id of a user; none for the root of an account, and none if there is no such user.
    pub async fn user_id(&self, identity: &Identity) -> Result<Option<UserId>> {
        self.0.metadata.user_id(identity).await
    }

    /// Makes a user, of a name that [`User::is_name`] accepts.
    pub async fn create_user(&self, registry: &RegistryId, name: &str) -> Result<()> {
        if !User::is_name(name) {
            return Err(Error::Refused(format!("'{name}' is not a valid user name: use 1 to 64 letters, digits and +=,.@_-")));
        }
        if self.0.metadata.create_user(registry.clone(), name.to_owned(), random_user_id()?, self.now()).await? {
            Ok(())
        } else {
            Err(Error::AlreadyExists(format!("account {registry} already has a user '{name}'")))
        }
    }

    /// Removes a user with all keys and policies. False when there is none of this name.
    pub async fn delete_user(&self, registry: &RegistryId, name: &str) -> Result<bool> {
        self.0.metadata.delete_user(registry.clone(), name.to_owned()).await
    }

    /// The access keys of an account, without their secrets.
    pub async fn access_keys(&self, registry: &RegistryId) -> Result<Vec<AccessKeySummary>> {
        self.0.metadata.access_keys(registry).await
    }

    /// Makes an access key for a user, or for the account's root. `given` is an id and a secret to use instead of random ones.
    pub async fn create_access_key(&self, identity: &Identity, given: Option<(String, String)>) -> Result<AccessKey> {
        let (row, secret) = self.sealed(given.map_or_else(new_access_key, Ok)?, identity)?;
        let id = row.id.clone();
        if self.0.metadata.create_access_key(row, self.now()).await? {
            Ok(AccessKey { id, secret, active: true, identity: identity.clone() })
        } else {
            Err(Error::AlreadyExists(format!("access key '{id}' already exists")))
        }
    }

    /// Makes a new access key for the holder of `id`, and switches `id` off, all or nothing. A key that is off already is refused.
    pub async fn rotate_access_key(&self, id: &str) -> Result<AccessKey> {
        let old = self.access_key(id).await?.ok_or_else(|| Error::PrincipalNotFound(format!("access key '{id}' does not exist")))?;
        let (row, secret) = self.sealed(new_access_key()?, &old.identity)?;
        let new_id = row.id.clone();
        self.0.metadata.replace_access_key(old.id, row, self.now()).await?;
        Ok(AccessKey { id: new_id, secret, active: true, identity: old.identity })
    }

    /// Gives an access key another secret.
    pub(crate) async fn set_access_key_secret(&self, key: &AccessKey, secret: &str) -> Result<()> {
        let (row, _) = self.sealed((key.id.clone(), secret.to_owned()), &key.identity)?;
        self.0.metadata.set_access_key_secret(row.id, row.sealed_secret).await
    }

    /// Switches an access key on or off. False when the account has none of this id.
    pub async fn set_access_key_active(&self, registry: &RegistryId, id: &str, active: bool) -> Result<bool> {
        self.0.metadata.set_access_key_active(registry.clone(), id.to_owned(), active).await
    }

    /// Removes an access key, but not the last root key of the account that this installation was set up with: the next
    /// start would make another one. False when the account has none of this id.
    pub async fn delete_access_key(&self, registry: &RegistryId, id: &str) -> Result<bool> {
        let keep_root = registry == self.account_id();
        self.0.metadata.delete_access_key(registry.clone(), id.to_owned(), keep_root).await
    }

    /// A new row for a key, and its secret.
    fn sealed(&self, (id, secret): (String, String), identity: &Identity) -> Result<(AccessKeyRow, String)> {
        let sealed_secret = self.0.secrets.seal(&id, secret.as_bytes())?;
        let Identity { registry, user } = identity.clone();
        Ok((AccessKeyRow { id, registry, user, sealed_secret, active: true }, secret))
    }
}
