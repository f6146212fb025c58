//! Signatures of requests to either service of this door.

use super::body::RequestBody;
use super::error::Failure;
use crate::auth::emulated_identity;
use crate::auth::sigv4::{self, Claim, SignatureError};
use crate::http::Call;
use crate::principal::KnownPrincipal;
use crate::server::Server;
use roadstead_model::AccessKey;

/// An unverified signature and the key that it claims.
pub(super) struct Signature {
    pub(super) claim: Claim,
    pub(super) key: AccessKey,
}

impl Signature {
    /// Parses the signature of a request to `service` and finds its key.
    pub(super) async fn find(server: &Server, call: &Call, service: &str) -> Result<Self, Failure> {
        let request = sigv4::Request::new(&call.method, &call.uri, &call.headers);
        let claim = sigv4::read(&request, &[service], server.installation.now())?;
        let key = find_key(server, call, &claim.access_key_id).await?;
        Ok(Self { claim, key })
    }

    /// Verifies the signature. An emulator accepts any.
    pub(super) fn verify(&self, server: &Server, call: &Call, body: &RequestBody) -> Result<(), Failure> {
        if server.config.emulator {
            return Ok(());
        }
        let request = sigv4::Request::new(&call.method, &call.uri, &call.headers);
        Ok(self.claim.verify(&request, body.bytes(), &self.key.secret)?)
    }

    /// The principal of the key. Call this only after [`Self::verify`].
    pub(super) fn principal(self) -> KnownPrincipal {
        KnownPrincipal { identity: self.key.identity, access_key_id: self.key.id }
    }
}

/// Finds an active key. An emulator has every key.
async fn find_key(server: &Server, call: &Call, id: &str) -> Result<AccessKey, Failure> {
    if server.config.emulator {
        let identity = emulated_identity(&server.installation, id).await?;
        return Ok(AccessKey { id: id.to_owned(), secret: String::new(), active: true, identity });
    }
    match server.installation.at(call.arrival).access_key(id).await? {
        Some(key) if key.active => Ok(key),
        _ => Err(SignatureError::UnknownKey.into()),
    }
}
