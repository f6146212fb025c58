//! Accounts, each with one registry.

use crate::access_key_row::{self, AccessKeyRow};
use crate::aliases::{self, random_alias};
use crate::error::{Error, Result};
use crate::installation::Installation;
use crate::metadata::{Tx, params, statements};
use crate::{registry_row, stale};
use roadstead_model::{AccessKey, Identity, RegistryAlias, RegistryDescription, RegistryId};

statements! {
    SELECT_IDS = "SELECT id FROM registry ORDER BY id";
    UPDATE_VERIFIED = "UPDATE registry SET verified = ?2 WHERE id = ?1";
}

impl Installation {
    /// All registries with their aliases, ordered by id.
    pub async fn registries(&self) -> Result<Vec<RegistryDescription>> {
        let select = async |tx: &mut Tx<'_>| {
            let mut descriptions = Vec::new();
            for id in tx.query::<RegistryId>(&SELECT_IDS, params![]).await? {
                descriptions.extend(describe(tx, &id).await?);
            }
            Ok(descriptions)
        };
        self.0.metadata.scan(select).await
    }

    pub async fn describe_registry(&self, id: &RegistryId) -> Result<RegistryDescription> {
        let found = self.0.metadata.read(async |tx: &mut Tx<'_>| describe(tx, id).await).await?;
        found.ok_or_else(|| Error::RegistryNotFound(id.to_string()))
    }

    /// Creates an account with a root access key and `alias` or, without it, a random alias of AWS's form.
    pub async fn create_account(&self, id: &RegistryId, alias: Option<RegistryAlias>) -> Result<AccessKey> {
        let (key, row) = self.new_access_key(Identity::root(id.clone()), None)?;
        if self.insert_account(id, alias, Some(row)).await? {
            Ok(key)
        } else {
            Err(Error::AlreadyExists(format!("account {id} already exists")))
        }
    }

    /// Creates an account unless it exists. It gets no access key, because the secret would be lost.
    pub async fn ensure_account(&self, id: &RegistryId) -> Result<()> {
        self.ensure_account_with(id, None).await
    }

    /// Creates an account with `alias` unless it exists.
    pub(crate) async fn ensure_account_with(&self, id: &RegistryId, alias: Option<RegistryAlias>) -> Result<()> {
        match self.describe_registry(id).await {
            Err(Error::RegistryNotFound(_)) => self.insert_account(id, alias, None).await.map(drop),
            other => other.map(drop),
        }
    }

    /// Creates an account. Returns `false` if it exists.
    async fn insert_account(&self, id: &RegistryId, alias: Option<RegistryAlias>, root_key: Option<AccessKeyRow>) -> Result<bool> {
        let (id, default_alias, now) = (id.clone(), random_alias()?, self.now());
        let create = async move |tx: &mut Tx<'_>| {
            if !registry_row::insert(tx, &id, now).await? {
                return Ok(false);
            }
            aliases::ensure(tx, &id, alias.as_ref(), &default_alias, now).await?;
            if let Some(key) = &root_key {
                access_key_row::put_root_key(tx, key, now).await?;
            }
            Ok(true)
        };
        self.0.metadata.write(create).await
    }

    /// Sets whether an account is verified.
    pub async fn set_verified(&self, id: &RegistryId, verified: bool) -> Result<()> {
        let id = id.clone();
        let update = async move |tx: &mut Tx<'_>| match tx.execute(&UPDATE_VERIFIED, params![id, verified]).await? {
            0 => Err(Error::RegistryNotFound(id.to_string())),
            _ => stale::mark_registry(tx, &id).await,
        };
        self.0.metadata.write(update).await
    }
}

async fn describe(tx: &mut Tx<'_>, id: &RegistryId) -> Result<Option<RegistryDescription>> {
    let Some(verified) = registry_row::find(tx, id).await? else { return Ok(None) };
    Ok(Some(RegistryDescription { id: id.clone(), verified, aliases: aliases::of_registry(tx, id).await? }))
}
