//! Signatures of requests to either service of this door.

use super::body::RequestBody;
use super::error::Failure;
use crate::auth::emulated_identity;
use crate::auth::sigv4::{self, Claim, SignatureError};
use crate::http::{Call, forwarded};
use crate::principal::KnownPrincipal;
use crate::server::Server;
use http::header::HOST;
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
        let verified = self.claim.verify(&request, body.bytes(), &self.key.secret);
        verified.map_err(|error| if error.is_mismatch() { self.explained(server, call, &request, body) } else { error }.into())
    }

    /// A mismatch, with its cause if a proxy in front of the server has replaced the host, which is signed.
    fn explained(&self, server: &Server, call: &Call, request: &sigv4::Request<'_>, body: &RequestBody) -> SignatureError {
        let signed_host = forwarded::replaced_hosts(&server.config, &call.headers).into_iter().find(|host| {
            let mut headers = call.headers.clone();
            headers.insert(HOST, host.clone());
            let as_sent = sigv4::Request { headers: &headers, ..*request };
            self.claim.verify(&as_sent, body.bytes(), &self.key.secret).is_ok()
        });
        match signed_host.as_ref().and_then(|host| host.to_str().ok()) {
            Some(signed) => {
                let received = call.headers.get(HOST).and_then(|host| host.to_str().ok());
                tracing::warn!(signed, received, "a proxy replaced the Host header, so signatures fail: have it pass the header on");
                let cause =
                    format!("It is valid for the host '{signed}': the proxy in front of this registry must pass on the Host header.");
                SignatureError::mismatch_because(&cause)
            }
            None if forwarded::is_forwarded(&call.headers) => SignatureError::mismatch_because(
                "A proxy forwarded the request: it must pass on the Host header, the path and the query unchanged.",
            ),
            None => SignatureError::mismatch(),
        }
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
