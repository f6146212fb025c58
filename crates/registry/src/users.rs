//! Users and their unique ids.

use crate::error::{Error, Result};
use crate::installation::Installation;
use crate::metadata::{FromRow, Row, Tx, params, statements};
use crate::registry_row;
use crate::secrets::random_user_id;
use roadstead_model::{Identity, RegistryId, User, UserId};

statements! {
    SELECT_PAGE = "SELECT name, unique_id, created_at FROM iam_user WHERE registry_id = ?1 ORDER BY name";
    SELECT_ID = "SELECT unique_id FROM iam_user WHERE registry_id = ?1 AND name = ?2";
    INSERT = "INSERT INTO iam_user (registry_id, name, created_at, unique_id) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT (registry_id, name) DO NOTHING";
    DELETE_KEYS = "DELETE FROM access_key WHERE registry_id = ?1 AND user_name = ?2";
    DELETE = "DELETE FROM iam_user WHERE registry_id = ?1 AND name = ?2";
}

impl Installation {
    /// The users of an account, ordered by name.
    pub async fn users(&self, registry: &RegistryId) -> Result<Vec<User>> {
        self.0.metadata.scan(async |tx: &mut Tx<'_>| tx.query(&SELECT_PAGE, params![registry]).await).await
    }

    pub async fn has_user(&self, registry: &RegistryId, name: &str) -> Result<bool> {
        self.0.metadata.read(async |tx: &mut Tx<'_>| Ok(find(tx, registry, name).await?.is_some())).await
    }

    /// The unique id of a user. `None` for the root of an account and for a nonexistent user.
    pub async fn user_id(&self, identity: &Identity) -> Result<Option<UserId>> {
        let Some(user) = &identity.user else { return Ok(None) };
        self.0.metadata.read(async |tx: &mut Tx<'_>| find(tx, &identity.registry, user).await).await
    }

    /// Creates a user. `name` must pass [`User::is_name`].
    pub async fn create_user(&self, registry: &RegistryId, name: &str) -> Result<User> {
        if !User::is_name(name) {
            return Err(Error::Refused(format!("'{name}' is not a valid user name: use 1 to 64 letters, digits and +=,.@_-")));
        }
        let user = User { name: name.to_owned(), id: random_user_id()?, created_at: self.now() };
        let registry = registry.clone();
        let create = async move |tx: &mut Tx<'_>| {
            registry_row::require(tx, &registry).await?;
            match tx.execute(&INSERT, params![registry, user.name, user.created_at, user.id]).await? {
                0 => Err(Error::AlreadyExists(format!("account {registry} already has a user '{}'", user.name))),
                _ => Ok(user.clone()),
            }
        };
        self.0.metadata.write(create).await
    }

    /// Deletes a user with all keys and policies. Returns `false` if the user does not exist.
    pub async fn delete_user(&self, registry: &RegistryId, name: &str) -> Result<bool> {
        let (registry, name) = (registry.clone(), name.to_owned());
        let delete = async move |tx: &mut Tx<'_>| {
            tx.execute(&DELETE_KEYS, params![registry, name]).await?;
            Ok(tx.execute(&DELETE, params![registry, name]).await? > 0)
        };
        self.0.metadata.write(delete).await
    }
}

/// The unique id of a user.
pub(crate) async fn find(tx: &mut Tx<'_>, registry: &RegistryId, name: &str) -> Result<Option<UserId>> {
    tx.query_one(&SELECT_ID, params![registry, name]).await
}

/// Fails unless the user exists.
pub(crate) async fn require(tx: &mut Tx<'_>, registry: &RegistryId, name: &str) -> Result<()> {
    let missing = || Error::PrincipalNotFound(format!("account {registry} has no user '{name}'"));
    find(tx, registry, name).await?.map(drop).ok_or_else(missing)
}

impl FromRow for User {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self { name: row.read()?, id: row.read()?, created_at: row.read()? })
    }
}
