//! Registry aliases, the first segments of repository URIs.

use crate::error::{Error, Result};
use crate::installation::Installation;
use crate::metadata::{FromRow, Row, Tx, params, statements};
use crate::secrets::random_text;
use crate::{registry_row, stale};
use roadstead_model::{AliasDescription, AliasStatus, RegistryAlias, RegistryId, Timestamp};

statements! {
    SELECT_OF_REGISTRY = "SELECT name, status, is_primary, is_default FROM registry_alias WHERE registry_id = ?1 ORDER BY created_at, name";
    SELECT_IS_PRIMARY = "SELECT is_primary FROM registry_alias WHERE registry_id = ?1 AND name = ?2";
    SELECT_OWNER = "SELECT registry_id FROM registry_alias WHERE name = ?1";
    SELECT_ACTIVE = "SELECT registry_id FROM registry_alias WHERE name = ?1 AND status = 'ACTIVE'";
    INSERT = "INSERT INTO registry_alias (name, registry_id, status, is_primary, is_default, created_at)
        VALUES (?1, ?2, 'ACTIVE', ?3, ?3, ?4) ON CONFLICT (name) DO NOTHING";
    UPSERT = "INSERT INTO registry_alias (name, registry_id, status, is_primary, is_default, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
        ON CONFLICT (name) DO UPDATE SET status = excluded.status, is_primary = excluded.is_primary, is_default = excluded.is_default
        WHERE registry_alias.registry_id = excluded.registry_id";
    MAKE_PRIMARY = "UPDATE registry_alias SET is_primary = (name = ?2), status = CASE WHEN name = ?2 THEN 'ACTIVE' ELSE status END
        WHERE registry_id = ?1";
    CLEAR_PRIMARY = "UPDATE registry_alias SET is_primary = FALSE WHERE registry_id = ?1";
    CLEAR_DEFAULT = "UPDATE registry_alias SET is_default = FALSE WHERE registry_id = ?1";
    DELETE = "DELETE FROM registry_alias WHERE registry_id = ?1 AND name = ?2";
}

impl Installation {
    /// The registry of an active alias.
    pub async fn resolve_alias(&self, alias: &str) -> Result<RegistryId> {
        let select = async |tx: &mut Tx<'_>| tx.query_one(&SELECT_ACTIVE, params![alias]).await;
        let found = self.0.metadata.read_through(self.arrived(), &self.0.caches.aliases, &[alias], select).await?;
        found.ok_or_else(|| Error::RegistryNotFound(alias.to_owned()))
    }

    /// The alias in the URIs of a registry.
    pub async fn primary_alias(&self, id: &RegistryId) -> Result<RegistryAlias> {
        let description = self.describe_registry(id).await?;
        description.primary_alias().cloned().ok_or_else(|| Error::Internal(format!("the registry '{id}' has no active alias")))
    }

    /// Adds an alias to a registry or changes its status and flags. Keeps the invariant that a registry has exactly one primary alias,
    /// which is active: only making another alias primary ends its role.
    pub async fn put_alias(&self, registry: &RegistryId, alias: AliasDescription) -> Result<()> {
        let (registry, now) = (registry.clone(), self.now());
        let put = async move |tx: &mut Tx<'_>| {
            registry_row::require(tx, &registry).await?;
            keep_a_primary(tx, &registry, &alias).await?;
            if alias.primary {
                tx.execute(&CLEAR_PRIMARY, params![registry]).await?;
            }
            if alias.default {
                tx.execute(&CLEAR_DEFAULT, params![registry]).await?;
            }
            let AliasDescription { name, status, primary, default } = &alias;
            match tx.execute(&UPSERT, params![name, registry, status.as_str(), primary, default, now]).await? {
                0 => Err(belongs_to_another(name)),
                _ => stale::mark_registry(tx, &registry).await,
            }
        };
        self.0.metadata.write(put).await
    }

    /// Deletes an alias. Returns `false` if the registry has no such alias. Fails for the primary alias.
    pub async fn delete_alias(&self, registry: &RegistryId, alias: &RegistryAlias) -> Result<bool> {
        let (registry, alias) = (registry.clone(), alias.clone());
        let delete = async move |tx: &mut Tx<'_>| {
            refuse_primary(tx, &registry, &alias).await?;
            Ok(tx.execute(&DELETE, params![registry, alias]).await? > 0)
        };
        self.0.metadata.write(delete).await
    }
}

/// The aliases of a registry, the oldest first.
pub(crate) async fn of_registry(tx: &mut Tx<'_>, registry: &RegistryId) -> Result<Vec<AliasDescription>> {
    tx.query(&SELECT_OF_REGISTRY, params![registry]).await
}

/// Makes `wanted` the primary alias of a registry, and active. Without `wanted`, a registry without aliases gets `default`.
pub(crate) async fn ensure(
    tx: &mut Tx<'_>,
    registry: &RegistryId,
    wanted: Option<&RegistryAlias>,
    default: &RegistryAlias,
    now: Timestamp,
) -> Result<()> {
    let is_first = of_registry(tx, registry).await?.is_empty();
    if let Some(alias) = wanted.or_else(|| is_first.then_some(default)) {
        tx.execute(&INSERT, params![alias, registry, is_first, now]).await?;
    }
    let Some(alias) = wanted else { return Ok(()) };
    if tx.query_one(&SELECT_OWNER, params![alias]).await?.as_ref() != Some(registry) {
        return Err(belongs_to_another(alias));
    }
    if tx.query_one(&SELECT_IS_PRIMARY, params![registry, alias]).await? != Some(true) {
        stale::mark_registry(tx, registry).await?;
    }
    tx.execute(&MAKE_PRIMARY, params![registry, alias]).await.map(drop)
}

/// Generates an alias of AWS's form: eight characters, alternating letters and digits.
pub(crate) fn random_alias() -> Result<RegistryAlias> {
    let letters = random_text(b"abcdefghijklmnopqrstuvwxyz", 4)?;
    let digits = random_text(b"0123456789", 4)?;
    let text: String = letters.chars().zip(digits.chars()).flat_map(|(letter, digit)| [letter, digit]).collect();
    RegistryAlias::parse(&text).map_err(|error| Error::Internal(error.to_string()))
}

/// Fails if a change would leave the registry without an active primary alias.
async fn keep_a_primary(tx: &mut Tx<'_>, registry: &RegistryId, alias: &AliasDescription) -> Result<()> {
    if !alias.primary {
        return refuse_primary(tx, registry, &alias.name).await;
    }
    if alias.status != AliasStatus::Active {
        return Err(Error::Refused(format!("a primary alias must be ACTIVE: '{}' cannot be {}", alias.name, alias.status.as_str())));
    }
    Ok(())
}

async fn refuse_primary(tx: &mut Tx<'_>, registry: &RegistryId, alias: &RegistryAlias) -> Result<()> {
    match tx.query_one(&SELECT_IS_PRIMARY, params![registry, alias]).await? {
        Some(true) => Err(Error::Refused(format!("'{alias}' is the primary alias: make another alias primary first"))),
        _ => Ok(()),
    }
}

fn belongs_to_another(alias: &RegistryAlias) -> Error {
    Error::AlreadyExists(format!("the alias '{alias}' belongs to another account"))
}

impl FromRow for AliasDescription {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self { name: row.read()?, status: row.read()?, primary: row.read()?, default: row.read()? })
    }
}
