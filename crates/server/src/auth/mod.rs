//! Who asks, and whether that principal may: shared by every door.
//!
//! A door authenticates in its own protocol ([`sigv4`] for AWS, [`bearer`] for OCI) and ends with a [`Principal`](crate::principal::Principal).
//! From there on there is one judge, [`Permissions`], and no operation is called without it. Credentials carry
//! identity only; what a principal may do is decided anew at each request.

pub mod bearer;
pub mod credentials;
mod permissions;
pub mod sigv4;

pub use permissions::{Denied, Permissions, RequestTags, Resource};

use roadstead_model::SealingKey;
use roadstead_registry::Installation;
use std::fmt;

/// The keys that this installation signs its own tokens with, all derived from the master key.
///
/// Each purpose has a key of its own, so that a token of one kind can never be read as one of another kind.
pub struct Keys {
    /// Makes page tokens tamper-evident.
    pub page_token: SealingKey,
    /// Signs authorization tokens and bearer tokens.
    pub authorization_token: SealingKey,
    /// Whether every access key is good, whoever made it up (`--emulator`).
    pub emulator: bool,
}

impl Keys {
    /// Derives every key once, at start. An emulator lets everybody log in, so what it signs is good for emulators only.
    pub fn derive(installation: &Installation, emulator: bool) -> Self {
        let purpose = if emulator { "emulator-authorization-token" } else { "authorization-token" };
        Self {
            emulator,
            page_token: SealingKey::new(installation.derive_key("page-token")),
            authorization_token: SealingKey::new(installation.derive_key(purpose)),
        }
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}
