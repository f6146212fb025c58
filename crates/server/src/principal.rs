//! Who sends a request.

use roadstead_model::Identity;
use std::fmt;

/// Who sends a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// An anonymous client; pulls need no more.
    Anonymous,
    /// The holder of an access key.
    Known(KnownPrincipal),
}

/// The holder of an access key, who has proved it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPrincipal {
    /// The account and, unless it is the account itself, the user within it.
    pub identity: Identity,
    /// The access key that the proof rests on.
    pub access_key_id: String,
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("anonymous"),
            Self::Known(known) => known.identity.arn().fmt(f),
        }
    }
}
