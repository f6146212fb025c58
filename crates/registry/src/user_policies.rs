//! Identity policies, attached to users. The model evaluates them.

use crate::error::Result;
use crate::installation::Installation;
use crate::metadata::{FromRow, Row, Tx, params, statements};
use crate::users;
use roadstead_model::RegistryId;
use roadstead_model::policy::UserPolicy;

statements! {
    SELECT = "SELECT name, document FROM user_policy WHERE registry_id = ?1 AND user_name = ?2 ORDER BY name";
    UPSERT = "INSERT INTO user_policy (registry_id, user_name, name, document) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT (registry_id, user_name, name) DO UPDATE SET document = excluded.document";
    DELETE = "DELETE FROM user_policy WHERE registry_id = ?1 AND user_name = ?2 AND name = ?3";
}

impl Installation {
    /// The identity policies of a user, ordered by name.
    pub async fn user_policies(&self, registry: &RegistryId, user: &str) -> Result<Vec<UserPolicy>> {
        self.0.metadata.scan(async |tx: &mut Tx<'_>| tx.query(&SELECT, params![registry, user]).await).await
    }

    /// Attaches a policy to a user, or replaces the one with the same name.
    pub async fn put_user_policy(&self, registry: &RegistryId, user: &str, policy: UserPolicy) -> Result<()> {
        let (registry, user) = (registry.clone(), user.to_owned());
        let put = async move |tx: &mut Tx<'_>| {
            users::require(tx, &registry, &user).await?;
            tx.execute(&UPSERT, params![registry, user, policy.name, policy.document]).await.map(drop)
        };
        self.0.metadata.write(put).await
    }

    /// Detaches a policy from a user. Returns `false` if it is not attached.
    pub async fn delete_user_policy(&self, registry: &RegistryId, user: &str, name: &str) -> Result<bool> {
        let (registry, user, name) = (registry.clone(), user.to_owned(), name.to_owned());
        let delete = async move |tx: &mut Tx<'_>| Ok(tx.execute(&DELETE, params![registry, user, name]).await? > 0);
        self.0.metadata.write(delete).await
    }
}

impl FromRow for UserPolicy {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self { name: row.read()?, document: row.read()? })
    }
}
