//! Rows of access keys. Their secrets are sealed with the master key.

use crate::error::{Error, Result};
use crate::metadata::{FromRow, Row, Tx, params, statements};
use crate::secrets::{MasterKey, random_text};
use roadstead_model::{Identity, RegistryId, Timestamp};

statements! {
    SELECT = "SELECT id, registry_id, user_name, sealed_secret, active FROM access_key WHERE id = ?1";
    SELECT_ROOT_KEY = "SELECT id, registry_id, user_name, sealed_secret, active FROM access_key
        WHERE registry_id = ?1 AND user_name IS NULL ORDER BY active DESC, created_at, id LIMIT 1";
    UPSERT_ROOT_KEY = "INSERT INTO access_key (id, registry_id, user_name, sealed_secret, active, created_at) VALUES (?1, ?2, NULL, ?3, TRUE, ?4)
        ON CONFLICT (id) DO UPDATE SET sealed_secret = excluded.sealed_secret";
    DELETE_OTHER_ROOT_KEYS = "DELETE FROM access_key WHERE registry_id = ?1 AND user_name IS NULL AND id <> ?2";
}

/// A stored access key.
#[derive(Debug, Clone)]
pub(crate) struct AccessKeyRow {
    pub(crate) id: String,
    pub(crate) identity: Identity,
    pub(crate) sealed_secret: Vec<u8>,
    pub(crate) active: bool,
}

impl AccessKeyRow {
    /// Creates the row of a new, active key.
    pub(crate) fn seal(secrets: &MasterKey, id: &str, secret: &str, identity: Identity) -> Result<Self> {
        let sealed_secret = secrets.seal(id, secret.as_bytes())?;
        Ok(Self { id: id.to_owned(), identity, sealed_secret, active: true })
    }

    /// Unseals the secret. `None` if it was sealed with another master key.
    pub(crate) fn secret(&self, secrets: &MasterKey) -> Option<String> {
        secrets.open(&self.id, &self.sealed_secret).and_then(|bytes| String::from_utf8(bytes).ok())
    }
}

/// Generates the id and secret of an access key in AWS's form: `AKIA` and 16 base-32 characters, and 40 base-64 characters.
pub(crate) fn random_access_key() -> Result<(String, String)> {
    let id = random_text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)?;
    let secret = random_text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 40)?;
    Ok((format!("AKIA{id}"), secret))
}

pub(crate) async fn find(tx: &mut Tx<'_>, id: &str) -> Result<Option<AccessKeyRow>> {
    tx.query_one(&SELECT, params![id]).await
}

/// The root key of an account: the oldest active one or, if there is none, the oldest inactive one.
pub(crate) async fn find_root_key(tx: &mut Tx<'_>, registry: &RegistryId) -> Result<Option<AccessKeyRow>> {
    tx.query_one(&SELECT_ROOT_KEY, params![registry]).await
}

/// Inserts a root key or replaces its secret.
pub(crate) async fn put_root_key(tx: &mut Tx<'_>, key: &AccessKeyRow, now: Timestamp) -> Result<()> {
    tx.execute(&UPSERT_ROOT_KEY, params![key.id, key.identity.registry, key.sealed_secret, now]).await?;
    match find(tx, &key.id).await? {
        Some(stored) if stored.identity == key.identity => Ok(()),
        _ => Err(Error::Internal(format!("the access key '{}' belongs to another principal", key.id))),
    }
}

/// Makes a key the only root key of its account.
pub(crate) async fn replace_root_keys(tx: &mut Tx<'_>, key: &AccessKeyRow, now: Timestamp) -> Result<()> {
    put_root_key(tx, key, now).await?;
    tx.execute(&DELETE_OTHER_ROOT_KEYS, params![key.identity.registry, key.id]).await.map(drop)
}

impl FromRow for AccessKeyRow {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let (id, registry, user) = row.read()?;
        Ok(Self { id, identity: Identity { registry, user }, sealed_secret: row.read()?, active: row.read()? })
    }
}
