//! The installation in the metadata: its id, the account that it was set up with, and the root key of that.

use super::OpenOptions;
use crate::access_key_row::{self, AccessKeyRow, random_access_key};
use crate::aliases::{self, random_alias};
use crate::data_directory::{OpenError, write_credentials};
use crate::error;
use crate::metadata::{Metadata, Tx, params, statements};
use crate::registry_row;
use crate::secrets::MasterKey;
use roadstead_model::{Identity, RegistryId};

statements! {
    SELECT = "SELECT id, key_check FROM installation";
    SELECT_FIRST_REGISTRY = "SELECT id FROM registry ORDER BY created_at, id LIMIT 1";
    INSERT = "INSERT INTO installation (id, created_at, key_check) VALUES (?1, ?2, ?3)";
    UPDATE_KEY_CHECK = "UPDATE installation SET key_check = ?1 WHERE key_check IS NULL";
}

/// The ids of an installation and of its own account.
pub(crate) type Ids = (String, RegistryId);

/// Creates the account and the root key unless they exist. Of servers that start at once, one does so.
pub(super) async fn set_up(options: &OpenOptions, metadata: &Metadata, secrets: &MasterKey) -> Result<Ids, OpenError> {
    let seal = |(id, secret): &(String, String)| AccessKeyRow::seal(secrets, id, secret, Identity::root(options.account_id.clone()));
    let given_key = options.root_key.as_ref().map(seal).transpose()?;
    // Servers that share a database have no place of their own to write a secret to: a command makes the root key.
    let new_key = if options.is_shared() { None } else { Some(seal(&random_access_key()?)?) };
    let (new_id, default_alias) = (uuid::Uuid::new_v4().to_string(), random_alias()?);
    let (registry, alias, now, secrets_of_data) = (options.account_id.clone(), options.alias.clone(), options.clock.now(), secrets.clone());
    let set_up = async move |tx: &mut Tx<'_>| {
        let check = check_value(&secrets_of_data);
        let id = match tx.query_one::<(String, Option<Vec<u8>>)>(&SELECT, params![]).await? {
            Some((id, stored)) if fits(tx, &secrets_of_data, stored.as_deref(), &registry).await? => id,
            Some(_) => return Ok(None),
            None => tx.execute(&INSERT, params![new_id, now, check]).await.map(|_| new_id.clone())?,
        };
        tx.execute(&UPDATE_KEY_CHECK, params![check]).await?;
        registry_row::insert(tx, &registry, now).await?;
        aliases::ensure(tx, &registry, alias.as_ref(), &default_alias, now).await?;
        if let Some(key) = &given_key {
            access_key_row::replace_root_keys(tx, key, now).await?;
        }
        let root_key = access_key_row::find_root_key(tx, &registry).await?;
        if let (None, Some(key)) = (&root_key, &new_key) {
            access_key_row::put_root_key(tx, key, now).await?;
        }
        Ok(Some((id, root_key.or_else(|| new_key.clone()))))
    };
    let (id, root_key) = metadata.write(set_up).await?.ok_or(OpenError::MasterKeyWrong)?;
    match root_key {
        None => tracing::warn!("there is no root access key yet: 'roadstead access-key create' makes one"),
        Some(key) if options.root_key.is_none() && !options.is_shared() => {
            write_credentials(&options.data, &key.id, &key.secret(secrets).ok_or(OpenError::MasterKeyWrong)?)?;
        }
        Some(_) => {}
    }
    Ok((id, options.account_id.clone()))
}

/// Finds the ids of an existing installation.
pub(crate) async fn find(options: &OpenOptions, metadata: &Metadata, secrets: &MasterKey) -> Result<Ids, OpenError> {
    let select = async |tx: &mut Tx<'_>| {
        let installation: Option<(String, Option<Vec<u8>>)> = tx.query_one(&SELECT, params![]).await?;
        let first: Option<RegistryId> = tx.query_one(&SELECT_FIRST_REGISTRY, params![]).await?;
        let Some(((id, stored), registry)) = installation.zip(first) else { return Ok(None) };
        let fits = fits(tx, secrets, stored.as_deref(), &registry).await?;
        Ok(Some(((id, registry), fits)))
    };
    match metadata.read(select).await? {
        Some((ids, true)) => Ok(ids),
        Some((_, false)) => Err(OpenError::MasterKeyWrong),
        None => Err(options.unfinished()),
    }
}

/// Whether the master key is that of the installation. One without a check value is recognised by its root key.
async fn fits(tx: &mut Tx<'_>, secrets: &MasterKey, stored: Option<&[u8]>, registry: &RegistryId) -> error::Result<bool> {
    match stored {
        Some(stored) => Ok(stored == check_value(secrets)),
        None => Ok(access_key_row::find_root_key(tx, registry).await?.is_none_or(|key| key.secret(secrets).is_some())),
    }
}

/// A value that only this master key has, and that does not give it away.
fn check_value(secrets: &MasterKey) -> Vec<u8> {
    secrets.derive("recognise the master key").to_vec()
}
