//! Accounts: their registries, aliases and access keys.

use crate::error::{Error, Result};
use crate::installation::Installation;
use crate::metadata::AccessKeyRow;
use roadstead_model::{AccessKey, Identity, RegistryAlias, RegistryDescription, RegistryId};

impl Installation {
    /// The access key of this id with its secret, if there is one.
    pub async fn access_key(&self, id: &str) -> Result<Option<AccessKey>> {
        let Some(AccessKeyRow { id, registry, user, sealed_secret, active }) = self.0.metadata.access_key(id).await? else {
            return Ok(None);
        };
        let secret = self.0.secrets.open(&id, &sealed_secret).and_then(|bytes| String::from_utf8(bytes).ok());
        let secret = secret.ok_or_else(|| Error::Internal(format!("the secret of '{id}' does not open with the master key")))?;
        Ok(Some(AccessKey { id, secret, active, identity: Identity { registry, user } }))
    }

    /// Who holds the access key of this id; nobody if it is not active. Its secret stays sealed.
    pub async fn key_holder(&self, id: &str) -> Result<Option<Identity>> {
        let key = self.0.metadata.access_key(id).await?.filter(|key| key.active);
        Ok(key.map(|AccessKeyRow { registry, user, .. }| Identity { registry, user }))
    }

    /// The registry that an active alias belongs to.
    pub async fn resolve_alias(&self, alias: &str) -> Result<RegistryId> {
        self.0.metadata.registry_by_alias(alias).await?.ok_or_else(|| Error::RegistryNotFound(alias.to_owned()))
    }

    /// A registry with its aliases.
    pub async fn describe_registry(&self, id: &RegistryId) -> Result<RegistryDescription> {
        self.0.metadata.registry(id).await?.ok_or_else(|| Error::RegistryNotFound(id.to_string()))
    }

    /// The alias that a registry's URIs show.
    pub async fn primary_alias(&self, id: &RegistryId) -> Result<RegistryAlias> {
        let description = self.describe_registry(id).await?;
        description.primary_alias().cloned().ok_or_else(|| Error::Internal(format!("the registry '{id}' has no active alias")))
    }
}
