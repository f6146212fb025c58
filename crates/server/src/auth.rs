//! Authentication and authorization, shared by all doors.
//!
//! A door authenticates in its own protocol ([`sigv4`] for AWS, [`bearer`] for OCI), which yields a
//! `Principal`. [`Permissions`] then authorizes every operation. Credentials carry an identity
//! only: permissions are evaluated at each request.

pub mod bearer;
pub mod credentials;
mod permissions;
pub mod sigv4;

pub use permissions::{Denied, Permissions, RequestTags, Resource};

use roadstead_model::{Identity, RegistryId, SealingKey};
use roadstead_registry::Installation;
use std::fmt;

/// The keys that this installation seals its tokens with, all derived from the master key.
///
/// Each purpose has a separate key, so that tokens are not interchangeable.
pub struct Keys {
    pub page_token: SealingKey,
    /// Seals passwords and bearers.
    pub authorization_token: SealingKey,
    /// Whether every access key is accepted, also one that does not exist (`--emulator`).
    pub emulator: bool,
}

impl Keys {
    /// Derives the keys, once at start. An emulator lets everybody log in, so only emulators accept its tokens.
    pub fn derive(installation: &Installation, emulator: bool) -> Self {
        let purpose = if emulator { "emulator-authorization-token" } else { "authorization-token" };
        Self {
            emulator,
            page_token: SealingKey::new(installation.derive_key("page-token")),
            authorization_token: SealingKey::new(installation.derive_key(purpose)),
        }
    }
}

/// The identity of whoever calls an emulator: the root of the account whose id is the access key id or user name, or of the server's own.
pub async fn emulated_identity(installation: &Installation, name: &str) -> roadstead_registry::Result<Identity> {
    let registry = RegistryId::parse(name).unwrap_or_else(|_| installation.account_id().clone());
    installation.ensure_account(&registry).await?;
    Ok(Identity { registry, user: None })
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}
