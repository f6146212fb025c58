//! Accounts, aliases, users and access keys as their operator manages them.

use super::accounts::{ensure_alias, insert_new_root_key, insert_registry, read_alias};
use super::bindings::read_id;
use super::{AccessKeyRow, Metadata, NewAccount};
use super::{Row, Tx, Value, statements};
use crate::error::{Error, Result};
use roadstead_model::{AccessKeySummary, AliasDescription, AliasStatus, RegistryAlias, RegistryId, Timestamp, User, UserId};

statements! {
    SELECT_REGISTRIES = "SELECT id FROM registry ORDER BY id";
    UPDATE_VERIFIED = "UPDATE registry SET verified = ?2 WHERE id = ?1";
    UPSERT_ALIAS = "INSERT INTO registry_alias (name, registry_id, status, is_primary, is_default, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
        ON CONFLICT (name) DO UPDATE SET status = excluded.status, is_primary = excluded.is_primary, is_default = excluded.is_default
        WHERE registry_alias.registry_id = excluded.registry_id";
    SELECT_ALIAS = "SELECT name, status, is_primary, is_default FROM registry_alias WHERE registry_id = ?1 AND name = ?2";
    CLEAR_PRIMARY = "UPDATE registry_alias SET is_primary = FALSE WHERE registry_id = ?1";
    CLEAR_DEFAULT = "UPDATE registry_alias SET is_default = FALSE WHERE registry_id = ?1";
    DELETE_ALIAS = "DELETE FROM registry_alias WHERE registry_id = ?1 AND name = ?2";
    SELECT_REGISTRY_EXISTS = "SELECT EXISTS (SELECT 1 FROM registry WHERE id = ?1)";
    SELECT_USERS = "SELECT name, created_at, unique_id FROM iam_user WHERE registry_id = ?1 ORDER BY name";
    SELECT_USER = "SELECT EXISTS (SELECT 1 FROM iam_user WHERE registry_id = ?1 AND name = ?2)";
    INSERT_USER = "INSERT INTO iam_user (registry_id, name, created_at, unique_id) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT (registry_id, name) DO NOTHING";
    DELETE_USER_KEYS = "DELETE FROM access_key WHERE registry_id = ?1 AND user_name = ?2";
    DELETE_USER = "DELETE FROM iam_user WHERE registry_id = ?1 AND name = ?2";
    INSERT_KEY = "INSERT INTO access_key (id, registry_id, user_name, sealed_secret, active, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
        ON CONFLICT (id) DO NOTHING";
    SELECT_KEYS = "SELECT id, user_name, active, created_at FROM access_key WHERE registry_id = ?1 ORDER BY created_at, id";
    UPDATE_KEY = "UPDATE access_key SET active = ?3 WHERE registry_id = ?1 AND id = ?2";
    SWITCH_OFF_KEY = "UPDATE access_key SET active = FALSE WHERE registry_id = ?1 AND id = ?2 AND active";
    UPDATE_SECRET = "UPDATE access_key SET sealed_secret = ?2 WHERE id = ?1";
    DELETE_KEY = "DELETE FROM access_key WHERE registry_id = ?1 AND id = ?2 RETURNING user_name IS NULL";
    SELECT_HAS_ROOT_KEY = "SELECT EXISTS (SELECT 1 FROM access_key WHERE registry_id = ?1 AND user_name IS NULL)";
}

impl Metadata {
    /// The ids of all registries.
    pub(crate) async fn registries(&self) -> Result<Vec<RegistryId>> {
        let read = |row: &Row<'_>| row.parsed(0, RegistryId::parse);
        self.read(async |tx: &mut Tx<'_>| tx.query_with(&SELECT_REGISTRIES, &[], read).await).await
    }

    /// Makes an account with its alias and its root key. False when there is one of this id; then nothing changes.
    pub(crate) async fn create_account(&self, account: NewAccount) -> Result<bool> {
        self.write(async move |tx: &mut Tx<'_>| {
            if !insert_registry(tx, &account).await? {
                return Ok(false);
            }
            ensure_alias(tx, &account).await?;
            insert_new_root_key(tx, &account).await?;
            Ok(true)
        })
        .await
    }

    /// Marks an account as verified, or not.
    pub(crate) async fn set_verified(&self, registry: RegistryId, verified: bool) -> Result<()> {
        self.write(async move |tx: &mut Tx<'_>| {
            let changed = tx.execute(&UPDATE_VERIFIED, &[registry.as_str().into(), verified.into()]).await?;
            if changed == 1 { Ok(()) } else { Err(Error::RegistryNotFound(registry.to_string())) }
        })
        .await
    }

    /// Adds an alias to a registry, or changes it. Of primary and default aliases a registry has one each at most.
    pub(crate) async fn put_alias(&self, registry: RegistryId, alias: AliasDescription, now: Timestamp) -> Result<()> {
        self.write(async move |tx: &mut Tx<'_>| {
            require_registry(tx, &registry).await?;
            keep_a_primary(tx, &registry, &alias).await?;
            if alias.primary {
                tx.execute(&CLEAR_PRIMARY, &[registry.as_str().into()]).await?;
            }
            if alias.default {
                tx.execute(&CLEAR_DEFAULT, &[registry.as_str().into()]).await?;
            }
            let parameters: [Value<'_>; 6] = [
                alias.name.as_str().into(),
                registry.as_str().into(),
                alias.status.as_str().into(),
                alias.primary.into(),
                alias.default.into(),
                now.micros().into(),
            ];
            match tx.execute(&UPSERT_ALIAS, &parameters).await? {
                0 => Err(Error::AlreadyExists(format!("the alias '{}' belongs to another account", alias.name))),
                _ => Ok(()),
            }
        })
        .await
    }

    /// Removes an alias, but not the primary one. False when there is none of this name.
    pub(crate) async fn delete_alias(&self, registry: RegistryId, alias: RegistryAlias) -> Result<bool> {
        self.write(async move |tx: &mut Tx<'_>| {
            if is_primary(tx, &registry, &alias).await? {
                return Err(Error::Refused(format!("'{alias}' is the primary alias: make another alias primary first")));
            }
            Ok(tx.execute(&DELETE_ALIAS, &[registry.as_str().into(), alias.as_str().into()]).await? > 0)
        })
        .await
    }

    /// The users of an account, by name.
    pub(crate) async fn users(&self, registry: &RegistryId) -> Result<Vec<User>> {
        let read =
            |row: &Row<'_>| Ok(User { name: row.text(0)?, id: read_id(row, 2)?, created_at: Timestamp::from_micros(row.integer(1)?) });
        self.read(async |tx: &mut Tx<'_>| tx.query_with(&SELECT_USERS, &[registry.as_str().into()], read).await).await
    }

    /// Whether an account has this user.
    pub(crate) async fn has_user(&self, registry: &RegistryId, user: &str) -> Result<bool> {
        self.read(async |tx: &mut Tx<'_>| user_exists(tx, registry, user).await).await
    }

    /// Makes a user. False when there is one of this name.
    pub(crate) async fn create_user(&self, registry: RegistryId, name: String, id: UserId, now: Timestamp) -> Result<bool> {
        self.write(async move |tx: &mut Tx<'_>| {
            require_registry(tx, &registry).await?;
            let parameters: [Value<'_>; 4] = [registry.as_str().into(), name.as_str().into(), now.micros().into(), id.as_str().into()];
            Ok(tx.execute(&INSERT_USER, &parameters).await? > 0)
        })
        .await
    }

    /// Removes a user with all keys and policies. False when there is none of this name.
    pub(crate) async fn delete_user(&self, registry: RegistryId, name: String) -> Result<bool> {
        self.write(async move |tx: &mut Tx<'_>| {
            let parameters: [Value<'_>; 2] = [registry.as_str().into(), name.as_str().into()];
            tx.execute(&DELETE_USER_KEYS, &parameters).await?;
            Ok(tx.execute(&DELETE_USER, &parameters).await? > 0)
        })
        .await
    }

    /// The access keys of an account, without their secrets.
    pub(crate) async fn access_keys(&self, registry: &RegistryId) -> Result<Vec<AccessKeySummary>> {
        let read = |row: &Row<'_>| {
            let created_at = Timestamp::from_micros(row.integer(3)?);
            Ok(AccessKeySummary { id: row.text(0)?, user: row.optional_text(1)?, active: row.boolean(2)?, created_at })
        };
        self.read(async |tx: &mut Tx<'_>| tx.query_with(&SELECT_KEYS, &[registry.as_str().into()], read).await).await
    }

    /// Stores a new access key. False when there is one of this id.
    pub(crate) async fn create_access_key(&self, key: AccessKeyRow, now: Timestamp) -> Result<bool> {
        self.write(async move |tx: &mut Tx<'_>| insert_key(tx, &key, now).await).await
    }

    /// Stores a new access key and switches the one that it stands in for off, which must be on: who has switched a key off
    /// wants its holder out, and does not want to hand out another one.
    pub(crate) async fn replace_access_key(&self, old: String, new: AccessKeyRow, now: Timestamp) -> Result<()> {
        self.write(async move |tx: &mut Tx<'_>| {
            if tx.execute(&SWITCH_OFF_KEY, &[new.registry.as_str().into(), old.as_str().into()]).await? == 0 {
                return Err(Error::Refused(format!("access key '{old}' is disabled: enable it first, or create another one")));
            }
            if insert_key(tx, &new, now).await? {
                Ok(())
            } else {
                Err(Error::AlreadyExists(format!("access key '{}' already exists", new.id)))
            }
        })
        .await
    }

    /// Gives an access key another secret.
    pub(crate) async fn set_access_key_secret(&self, id: String, sealed_secret: Vec<u8>) -> Result<()> {
        self.write(async move |tx: &mut Tx<'_>| {
            tx.execute(&UPDATE_SECRET, &[id.as_str().into(), sealed_secret.as_slice().into()]).await.map(drop)
        })
        .await
    }

    /// Switches an access key on or off. False when there is none of this id.
    pub(crate) async fn set_access_key_active(&self, registry: RegistryId, id: String, active: bool) -> Result<bool> {
        self.write(async move |tx: &mut Tx<'_>| {
            Ok(tx.execute(&UPDATE_KEY, &[registry.as_str().into(), id.as_str().into(), active.into()]).await? > 0)
        })
        .await
    }

    /// Removes an access key, with `keep_root` not the last one of the account's root. False when there is none of this id.
    pub(crate) async fn delete_access_key(&self, registry: RegistryId, id: String, keep_root: bool) -> Result<bool> {
        self.write(async move |tx: &mut Tx<'_>| {
            let was_root = tx.query_one_with(&DELETE_KEY, &[registry.as_str().into(), id.as_str().into()], |row| row.boolean(0)).await?;
            let has_root = tx.query_one_with(&SELECT_HAS_ROOT_KEY, &[registry.as_str().into()], |row| row.boolean(0)).await?;
            if keep_root && was_root == Some(true) && has_root != Some(true) {
                return Err(Error::Refused(format!(
                    "'{id}' is the last root key of account {registry}, and the next start would create another one: disable it or rotate it instead"
                )));
            }
            Ok(was_root.is_some())
        })
        .await
    }
}

/// False when there is a key of this id.
async fn insert_key(tx: &mut Tx<'_>, key: &AccessKeyRow, now: Timestamp) -> Result<bool> {
    require_registry(tx, &key.registry).await?;
    if let Some(user) = &key.user {
        require_user(tx, &key.registry, user).await?;
    }
    let parameters: [Value<'_>; 6] = [
        key.id.as_str().into(),
        key.registry.as_str().into(),
        key.user.as_deref().into(),
        key.sealed_secret.as_slice().into(),
        key.active.into(),
        now.micros().into(),
    ];
    Ok(tx.execute(&INSERT_KEY, &parameters).await? > 0)
}

async fn is_primary(tx: &mut Tx<'_>, registry: &RegistryId, alias: &RegistryAlias) -> Result<bool> {
    let found = tx.query_one_with(&SELECT_ALIAS, &[registry.as_str().into(), alias.as_str().into()], read_alias).await?;
    Ok(found.is_some_and(|alias| alias.primary))
}

/// URIs show the primary alias, so there is always one, and it is active.
async fn keep_a_primary(tx: &mut Tx<'_>, registry: &RegistryId, alias: &AliasDescription) -> Result<()> {
    let name = &alias.name;
    if alias.primary && alias.status != AliasStatus::Active {
        return Err(Error::Refused(format!("a primary alias must be ACTIVE: '{name}' cannot be {}", alias.status.as_str())));
    }
    if !alias.primary && is_primary(tx, registry, name).await? {
        return Err(Error::Refused(format!("'{name}' is the primary alias: make another alias primary first")));
    }
    Ok(())
}

pub(super) async fn require_user(tx: &mut Tx<'_>, registry: &RegistryId, user: &str) -> Result<()> {
    if user_exists(tx, registry, user).await? {
        Ok(())
    } else {
        Err(Error::PrincipalNotFound(format!("account {registry} has no user '{user}'")))
    }
}

async fn user_exists(tx: &mut Tx<'_>, registry: &RegistryId, user: &str) -> Result<bool> {
    let found = tx.query_one_with(&SELECT_USER, &[registry.as_str().into(), user.into()], |row| row.boolean(0)).await?;
    Ok(found == Some(true))
}

async fn require_registry(tx: &mut Tx<'_>, registry: &RegistryId) -> Result<()> {
    let found = tx.query_one_with(&SELECT_REGISTRY_EXISTS, &[registry.as_str().into()], |row| row.boolean(0)).await?;
    if found == Some(true) { Ok(()) } else { Err(Error::RegistryNotFound(registry.to_string())) }
}
