//! The installation, registries, aliases and access keys.

use super::Metadata;
use super::{Row, Tx, Value, statements};
use crate::error::{Error, Result};
use roadstead_model::{AliasDescription, AliasStatus, RegistryAlias, RegistryDescription, RegistryId, Timestamp};

statements! {
    SELECT_INSTALLATION = "SELECT id FROM installation";
    SELECT_FIRST_REGISTRY = "SELECT id FROM registry ORDER BY created_at, id LIMIT 1";
    INSERT_INSTALLATION = "INSERT INTO installation (id, created_at) VALUES (?1, ?2)";
    SELECT_REGISTRY = "SELECT verified FROM registry WHERE id = ?1";
    INSERT_REGISTRY = "INSERT INTO registry (id, verified, repository_count, created_at) VALUES (?1, ?2, 0, ?3) ON CONFLICT (id) DO NOTHING";
    SELECT_ALIASES = "SELECT name, status, is_primary, is_default FROM registry_alias WHERE registry_id = ?1 ORDER BY created_at, name";
    SELECT_ALIAS_OWNER = "SELECT registry_id FROM registry_alias WHERE name = ?1";
    SELECT_ACTIVE_ALIAS = "SELECT registry_id FROM registry_alias WHERE name = ?1 AND status = 'ACTIVE'";
    INSERT_ALIAS = "INSERT INTO registry_alias (name, registry_id, status, is_primary, is_default, created_at)
        VALUES (?1, ?2, 'ACTIVE', ?3, ?4, ?5) ON CONFLICT (name) DO NOTHING";
    MAKE_PRIMARY = "UPDATE registry_alias SET is_primary = (name = ?2) WHERE registry_id = ?1";
    SELECT_ACCESS_KEY = "SELECT id, registry_id, user_name, sealed_secret, active FROM access_key WHERE id = ?1";
    SELECT_ROOT_KEY = "SELECT id, registry_id, user_name, sealed_secret, active FROM access_key
        WHERE registry_id = ?1 AND user_name IS NULL ORDER BY active DESC, created_at, id LIMIT 1";
    DELETE_OTHER_ROOT_KEYS = "DELETE FROM access_key WHERE registry_id = ?1 AND user_name IS NULL AND id <> ?2";
    UPSERT_ACCESS_KEY = "INSERT INTO access_key (id, registry_id, user_name, sealed_secret, active, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
        ON CONFLICT (id) DO UPDATE SET sealed_secret = excluded.sealed_secret";
}

/// An access key as it is stored: its secret is sealed.
#[derive(Debug, Clone)]
pub(crate) struct AccessKeyRow {
    pub(crate) id: String,
    pub(crate) registry: RegistryId,
    pub(crate) user: Option<String>,
    pub(crate) sealed_secret: Vec<u8>,
    pub(crate) active: bool,
}

/// What a start makes sure of: an installation id, an account, an alias, a root key.
#[derive(Debug, Clone)]
pub(crate) struct NewAccount {
    pub(crate) installation_id: String,
    pub(crate) registry: RegistryId,
    /// The alias that the operator asked for: it is added and becomes the primary one.
    pub(crate) alias: Option<RegistryAlias>,
    /// The alias of the AWS form, used when the account has none.
    pub(crate) default_alias: RegistryAlias,
    /// A root key given from outside: it replaces every other root key.
    pub(crate) given_root_key: Option<(String, Vec<u8>)>,
    /// The root key to use when the account has none, if it shall have one.
    pub(crate) new_root_key: Option<(String, Vec<u8>)>,
    pub(crate) now: Timestamp,
}

impl Metadata {
    /// Makes whatever of `account` is not there yet. Gives the installation's id and the root key.
    pub(crate) async fn set_up(&self, account: NewAccount) -> Result<(String, AccessKeyRow)> {
        self.write(async move |tx: &mut Tx<'_>| {
            let installation = ensure_installation(tx, &account).await?;
            insert_registry(tx, &account).await?;
            ensure_alias(tx, &account).await?;
            Ok((installation, ensure_root_key(tx, &account).await?))
        })
        .await
    }

    /// What [`Self::set_up`] once made: the installation's id, its first account and that account's root key, if it still
    /// has one. None of an installation that no server has been started on.
    pub(crate) async fn installation(&self) -> Result<Option<(String, RegistryId, Option<AccessKeyRow>)>> {
        self.read(async |tx: &mut Tx<'_>| {
            let installation = tx.query_one_with(&SELECT_INSTALLATION, &[], |row| row.text(0)).await?;
            let first = tx.query_one_with(&SELECT_FIRST_REGISTRY, &[], |row| row.parsed(0, RegistryId::parse)).await?;
            let Some((installation, registry)) = installation.zip(first) else { return Ok(None) };
            let key = tx.query_one_with(&SELECT_ROOT_KEY, &[registry.as_str().into()], read_key).await?;
            Ok(Some((installation, registry, key)))
        })
        .await
    }

    /// The access key of this id.
    pub(crate) async fn access_key(&self, id: &str) -> Result<Option<AccessKeyRow>> {
        let work = async |tx: &mut Tx<'_>| tx.query_one_with(&SELECT_ACCESS_KEY, &[id.into()], read_key).await;
        self.read_through(&self.caches.access_keys, &[id], work).await
    }

    /// The registry that an active alias belongs to.
    pub(crate) async fn registry_by_alias(&self, alias: &str) -> Result<Option<RegistryId>> {
        let read = |row: &Row<'_>| row.parsed(0, RegistryId::parse);
        let work = async |tx: &mut Tx<'_>| tx.query_one_with(&SELECT_ACTIVE_ALIAS, &[alias.into()], read).await;
        self.read_through(&self.caches.aliases, &[alias], work).await
    }

    /// A registry with all its aliases.
    pub(crate) async fn registry(&self, id: &RegistryId) -> Result<Option<RegistryDescription>> {
        self.read(async |tx: &mut Tx<'_>| {
            let verified = tx.query_one_with(&SELECT_REGISTRY, &[id.as_str().into()], |row| row.boolean(0)).await?;
            let Some(verified) = verified else { return Ok(None) };
            let aliases = tx.query_with(&SELECT_ALIASES, &[id.as_str().into()], read_alias).await?;
            Ok(Some(RegistryDescription { id: id.clone(), verified, aliases }))
        })
        .await
    }
}

async fn ensure_installation(tx: &mut Tx<'_>, account: &NewAccount) -> Result<String> {
    if let Some(id) = tx.query_one_with(&SELECT_INSTALLATION, &[], |row| row.text(0)).await? {
        return Ok(id);
    }
    tx.execute(&INSERT_INSTALLATION, &[account.installation_id.as_str().into(), account.now.micros().into()]).await?;
    Ok(account.installation_id.clone())
}

/// False when there is a registry of this id.
pub(super) async fn insert_registry(tx: &mut Tx<'_>, account: &NewAccount) -> Result<bool> {
    let parameters: [Value<'_>; 3] = [account.registry.as_str().into(), false.into(), account.now.micros().into()];
    Ok(tx.execute(&INSERT_REGISTRY, &parameters).await? > 0)
}

pub(super) async fn ensure_alias(tx: &mut Tx<'_>, account: &NewAccount) -> Result<()> {
    let registry = account.registry.as_str();
    let existing = tx.query_with(&SELECT_ALIASES, &[registry.into()], read_alias).await?;
    if existing.is_empty() && account.alias.is_none() {
        insert_alias(tx, account, &account.default_alias, true).await?;
    }
    let Some(alias) = &account.alias else { return Ok(()) };
    insert_alias(tx, account, alias, existing.is_empty()).await?;
    let owner = tx.query_one_with(&SELECT_ALIAS_OWNER, &[alias.as_str().into()], |row| row.text(0)).await?;
    if owner.as_deref() != Some(registry) {
        return Err(Error::AlreadyExists(format!("the alias '{alias}' belongs to another account")));
    }
    tx.execute(&MAKE_PRIMARY, &[registry.into(), alias.as_str().into()]).await?;
    Ok(())
}

async fn insert_alias(tx: &mut Tx<'_>, account: &NewAccount, alias: &RegistryAlias, first: bool) -> Result<()> {
    let parameters: [Value<'_>; 5] =
        [alias.as_str().into(), account.registry.as_str().into(), first.into(), first.into(), account.now.micros().into()];
    tx.execute(&INSERT_ALIAS, &parameters).await.map(drop)
}

async fn ensure_root_key(tx: &mut Tx<'_>, account: &NewAccount) -> Result<AccessKeyRow> {
    let registry = account.registry.as_str();
    if let Some((id, sealed)) = &account.given_root_key {
        insert_root_key(tx, account, id, sealed).await?;
        tx.execute(&DELETE_OTHER_ROOT_KEYS, &[registry.into(), id.as_str().into()]).await?;
    }
    if let Some(key) = tx.query_one_with(&SELECT_ROOT_KEY, &[registry.into()], read_key).await? {
        return Ok(key);
    }
    insert_new_root_key(tx, account).await?;
    let made = tx.query_one_with(&SELECT_ROOT_KEY, &[registry.into()], read_key).await?;
    made.ok_or_else(|| Error::Internal("the root key vanished while it was made".to_owned()))
}

pub(super) async fn insert_new_root_key(tx: &mut Tx<'_>, account: &NewAccount) -> Result<()> {
    match &account.new_root_key {
        Some((id, sealed)) => insert_root_key(tx, account, id, sealed).await,
        None => Ok(()),
    }
}

async fn insert_root_key(tx: &mut Tx<'_>, account: &NewAccount, id: &str, sealed: &[u8]) -> Result<()> {
    let parameters = [id.into(), account.registry.as_str().into(), Value::Null, sealed.into(), true.into(), account.now.micros().into()];
    tx.execute(&UPSERT_ACCESS_KEY, &parameters).await?;
    let owner = tx.query_one_with(&SELECT_ACCESS_KEY, &[id.into()], read_key).await?;
    match owner {
        Some(key) if key.registry == account.registry && key.user.is_none() => Ok(()),
        _ => Err(Error::Internal(format!("the access key '{id}' belongs to another principal"))),
    }
}

pub(super) fn read_alias(row: &Row<'_>) -> Result<AliasDescription> {
    Ok(AliasDescription {
        name: row.parsed(0, RegistryAlias::parse)?,
        status: row.parsed(1, AliasStatus::parse)?,
        primary: row.boolean(2)?,
        default: row.boolean(3)?,
    })
}

fn read_key(row: &Row<'_>) -> Result<AccessKeyRow> {
    Ok(AccessKeyRow {
        id: row.text(0)?,
        registry: row.parsed(1, RegistryId::parse)?,
        user: row.optional_text(2)?,
        sealed_secret: row.bytes(3)?,
        active: row.boolean(4)?,
    })
}
