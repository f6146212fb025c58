//! The sender of a request.

use roadstead_model::Identity;

/// The sender of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// An anonymous client, which may pull.
    Anonymous,
    /// An authenticated caller.
    Known(KnownPrincipal),
}

/// An authenticated caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPrincipal {
    /// The account or a user of it.
    pub identity: Identity,
    /// The access key used for authentication.
    pub access_key_id: String,
}
