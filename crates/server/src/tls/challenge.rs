//! The challenge TLS-ALPN-01 (RFC 8737): an authority connects with a protocol of its own, and is shown a certificate that proves that
//! this server knows what the authority gave to whoever ordered a certificate for the domain.

use rcgen::{CertificateParams, CustomExtension, KeyPair};
use roadstead_registry::Installation;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::ClientHello;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use std::sync::Arc;
use tokio::sync::Mutex;

/// The ALPN name of the challenge.
const PROTOCOL: &[u8] = b"acme-tls/1";

/// What is needed to answer challenges.
pub(super) struct Challenges {
    domains: Vec<String>,
    /// One challenge is looked up at a time: any client can ask for one.
    looking_up: Mutex<()>,
}

impl Challenges {
    pub(super) fn of(domains: Vec<String>) -> Self {
        Self { domains, looking_up: Mutex::default() }
    }

    /// The configuration for a handshake that asks for the answer to a challenge. `None` if it asks for nothing, or if no order for the
    /// domain is in progress.
    pub(super) async fn answer(
        &self,
        hello: &ClientHello<'_>,
        installation: &Installation,
        provider: &Arc<CryptoProvider>,
    ) -> Option<Arc<ServerConfig>> {
        let asks = hello.alpn().is_some_and(|mut protocols| protocols.next() == Some(PROTOCOL) && protocols.next().is_none());
        let name = hello.server_name().filter(|_| asks)?;
        let domain = self.domains.iter().find(|domain| domain.eq_ignore_ascii_case(name))?;
        let _turn = self.looking_up.lock().await;
        let digest = match installation.acme_challenge(domain).await {
            Ok(digest) => digest?,
            Err(error) => {
                // Strangers can cause this, so it is no warning.
                tracing::debug!(domain, %error, "a challenge of the certificate authority cannot be answered");
                return None;
            }
        };
        match configuration(domain, &digest, provider) {
            Ok(config) => Some(Arc::new(config)),
            Err(error) => {
                tracing::error!(domain, error, "a challenge of the certificate authority cannot be answered");
                None
            }
        }
    }
}

/// A configuration that presents the digest of the challenge in a self-signed certificate.
fn configuration(domain: &str, digest: &[u8; 32], provider: &Arc<CryptoProvider>) -> Result<ServerConfig, String> {
    let mut params = CertificateParams::new([domain.to_owned()]).map_err(|error| error.to_string())?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let key = KeyPair::generate().map_err(|error| error.to_string())?;
    let certificate = params.self_signed(&key).map_err(|error| error.to_string())?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let key = provider.key_provider.load_private_key(key).map_err(|error| error.to_string())?;
    // Not checked for a match: the library refuses to read a certificate with the critical extension of the challenge.
    let certified = CertifiedKey::new(vec![certificate.der().clone()], key);
    let builder = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?.with_no_client_auth();
    let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    Ok(config)
}
