//! A publisher as its page shows it.

use crate::error::{Error, Result};
use crate::installation::Installation;
use crate::metadata::{FromRow, Row, Tx, params, statements};
use roadstead_model::{RegistryAlias, RegistryId, Timestamp};

statements! {
    SELECT = "SELECT g.id, p.name, g.verified, g.display_name, g.created_at FROM registry_alias a
        JOIN registry g ON g.id = a.registry_id JOIN registry_alias p ON p.registry_id = g.id AND p.is_primary
        WHERE a.name = ?1 AND a.status = 'ACTIVE'";
}

/// The owner of a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publisher {
    pub registry: RegistryId,
    /// The primary alias.
    pub alias: RegistryAlias,
    pub verified: bool,
    /// The name, only if the publisher is verified.
    pub display_name: Option<String>,
    pub created_at: Timestamp,
}

impl Installation {
    /// The publisher with an active alias.
    pub async fn publisher(&self, alias: &RegistryAlias) -> Result<Publisher> {
        let found = self.0.metadata.read(async |tx: &mut Tx<'_>| tx.query_one(&SELECT, params![alias]).await).await?;
        found.ok_or_else(|| Error::RegistryNotFound(alias.to_string()))
    }
}

impl FromRow for Publisher {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let (registry, alias, verified) = row.read()?;
        let display_name: Option<String> = row.read()?;
        Ok(Self { registry, alias, verified, display_name: display_name.filter(|_| verified), created_at: row.read()? })
    }
}
