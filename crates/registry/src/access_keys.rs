//! Access keys: looked up for every signed request, and managed by the operator.

use crate::access_key_row::{self, AccessKeyRow, random_access_key};
use crate::error::{Error, Result};
use crate::installation::Installation;
use crate::metadata::{FromRow, Row, Tx, params, statements};
use crate::{registry_row, users};
use roadstead_model::{AccessKey, AccessKeySummary, Identity, RegistryId, Timestamp};

statements! {
    SELECT_SUMMARIES = "SELECT id, user_name, active, created_at FROM access_key WHERE registry_id = ?1 ORDER BY created_at, id";
    SELECT_HAS_ROOT_KEY = "SELECT EXISTS (SELECT 1 FROM access_key WHERE registry_id = ?1 AND user_name IS NULL)";
    INSERT = "INSERT INTO access_key (id, registry_id, user_name, sealed_secret, active, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
        ON CONFLICT (id) DO NOTHING";
    UPDATE_ACTIVE = "UPDATE access_key SET active = ?3 WHERE registry_id = ?1 AND id = ?2";
    UPDATE_SECRET = "UPDATE access_key SET sealed_secret = ?2 WHERE id = ?1";
    DEACTIVATE = "UPDATE access_key SET active = FALSE WHERE registry_id = ?1 AND id = ?2 AND active";
    DELETE = "DELETE FROM access_key WHERE registry_id = ?1 AND id = ?2 RETURNING user_name IS NULL";
}

impl Installation {
    /// The access key with this id, with its secret.
    pub async fn access_key(&self, id: &str) -> Result<Option<AccessKey>> {
        self.find_access_key(id).await?.map(|row| self.unseal(row)).transpose()
    }

    /// The root access key of an account, with its secret: the oldest active one or, if there is none, the oldest inactive one.
    pub async fn root_access_key(&self, registry: &RegistryId) -> Result<Option<AccessKey>> {
        let row = self.0.metadata.read(async |tx: &mut Tx<'_>| access_key_row::find_root_key(tx, registry).await).await?;
        row.map(|row| self.unseal(row)).transpose()
    }

    fn unseal(&self, row: AccessKeyRow) -> Result<AccessKey> {
        let unreadable = || Error::Internal(format!("the secret of '{}' does not open with the master key", row.id));
        let secret = row.secret(&self.0.secrets).ok_or_else(unreadable)?;
        Ok(AccessKey { id: row.id, secret, active: row.active, identity: row.identity })
    }

    /// The holder of an active access key. Does not unseal the secret.
    pub async fn key_holder(&self, id: &str) -> Result<Option<Identity>> {
        let key = self.find_access_key(id).await?.filter(|key| key.active);
        Ok(key.map(|key| key.identity))
    }

    async fn find_access_key(&self, id: &str) -> Result<Option<AccessKeyRow>> {
        let select = async |tx: &mut Tx<'_>| access_key_row::find(tx, id).await;
        self.0.metadata.read_through(self.arrived(), &self.0.caches.access_keys, &[id], select).await
    }

    /// The access keys of an account, without their secrets.
    pub async fn access_keys(&self, registry: &RegistryId) -> Result<Vec<AccessKeySummary>> {
        self.0.metadata.scan(async |tx: &mut Tx<'_>| tx.query(&SELECT_SUMMARIES, params![registry]).await).await
    }

    /// Creates an access key for a user or the root of an account, with a given id and secret or random ones.
    pub async fn create_access_key(&self, identity: &Identity, given: Option<(String, String)>) -> Result<AccessKey> {
        let (key, row) = self.new_access_key(identity.clone(), given)?;
        let now = self.now();
        self.0.metadata.write(async move |tx: &mut Tx<'_>| insert(tx, &row, now).await).await?;
        Ok(key)
    }

    /// Replaces an access key: creates another one for its holder and deactivates it, atomically. Fails if the key is inactive, because
    /// a disabled key must not be replaced by a valid one.
    pub async fn rotate_access_key(&self, id: &str) -> Result<AccessKey> {
        let old = self.access_key(id).await?.ok_or_else(|| Error::PrincipalNotFound(format!("access key '{id}' does not exist")))?;
        let (key, row) = self.new_access_key(old.identity, None)?;
        let (old, now) = (old.id, self.now());
        let rotate = async move |tx: &mut Tx<'_>| {
            if tx.execute(&DEACTIVATE, params![row.identity.registry, old]).await? == 0 {
                return Err(Error::Refused(format!("access key '{old}' is disabled: enable it first, or create another one")));
            }
            insert(tx, &row, now).await
        };
        self.0.metadata.write(rotate).await?;
        Ok(key)
    }

    /// Replaces the secret of an access key.
    pub(crate) async fn set_access_key_secret(&self, id: &str, secret: &str) -> Result<()> {
        let (id, sealed) = (id.to_owned(), self.0.secrets.seal(id, secret.as_bytes())?);
        let update = async move |tx: &mut Tx<'_>| tx.execute(&UPDATE_SECRET, params![id, sealed]).await.map(drop);
        self.0.metadata.write(update).await
    }

    /// Activates or deactivates an access key. Returns `false` if the account has no such key.
    pub async fn set_access_key_active(&self, registry: &RegistryId, id: &str, active: bool) -> Result<bool> {
        let (registry, id) = (registry.clone(), id.to_owned());
        let update = async move |tx: &mut Tx<'_>| Ok(tx.execute(&UPDATE_ACTIVE, params![registry, id, active]).await? > 0);
        self.0.metadata.write(update).await
    }

    /// Deletes an access key. Returns `false` if the account has no such key. Fails for the last root key of the installation's own
    /// account, because the next start would create another one.
    pub async fn delete_access_key(&self, registry: &RegistryId, id: &str) -> Result<bool> {
        let keep_root = registry == self.account_id();
        let (registry, id) = (registry.clone(), id.to_owned());
        let delete = async move |tx: &mut Tx<'_>| {
            let was_root: Option<bool> = tx.query_one(&DELETE, params![registry, id]).await?;
            if keep_root && was_root == Some(true) && tx.query_one(&SELECT_HAS_ROOT_KEY, params![registry]).await? != Some(true) {
                return Err(Error::Refused(format!(
                    "'{id}' is the last root key of account {registry}, and the next start would create another one: disable it or rotate it instead"
                )));
            }
            Ok(was_root.is_some())
        };
        self.0.metadata.write(delete).await
    }

    /// Generates an access key and its row, with a given id and secret or random ones.
    pub(crate) fn new_access_key(&self, identity: Identity, given: Option<(String, String)>) -> Result<(AccessKey, AccessKeyRow)> {
        let (id, secret) = given.map_or_else(random_access_key, Ok)?;
        let row = AccessKeyRow::seal(&self.0.secrets, &id, &secret, identity.clone())?;
        Ok((AccessKey { id, secret, active: true, identity }, row))
    }
}

async fn insert(tx: &mut Tx<'_>, key: &AccessKeyRow, now: Timestamp) -> Result<()> {
    let AccessKeyRow { id, identity: Identity { registry, user }, sealed_secret, active } = key;
    registry_row::require(tx, registry).await?;
    if let Some(user) = user {
        users::require(tx, registry, user).await?;
    }
    match tx.execute(&INSERT, params![id, registry, user, sealed_secret, active, now]).await? {
        0 => Err(Error::AlreadyExists(format!("access key '{id}' already exists"))),
        _ => Ok(()),
    }
}

impl FromRow for AccessKeySummary {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self { id: row.read()?, user: row.read()?, active: row.read()?, created_at: row.read()? })
    }
}
