//! TLS of connections.

use super::failure::causes;
use crate::any_certificate::AnyCertificate;
use crate::error::{Error, Result};
use crate::places::Encryption;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;
use tokio_postgres_rustls::MakeRustlsConnect;

/// Makes what encrypts connections. `None` if they are not encrypted.
pub(super) fn connector(encryption: &Encryption) -> Result<Option<MakeRustlsConnect>> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let any = AnyCertificate::of(&provider);
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| Error::Internal(error.to_string()))?;
    let config = match encryption {
        Encryption::Off => return Ok(None),
        Encryption::Unverified => builder.dangerous().with_custom_certificate_verifier(Arc::new(any)).with_no_client_auth(),
        Encryption::Verified { roots } => {
            let roots = roots.as_deref().map_or_else(system_roots, roots_in)?;
            builder.with_root_certificates(roots).with_no_client_auth()
        }
    };
    Ok(Some(MakeRustlsConnect::new(config)))
}

fn roots_in(path: &Path) -> Result<RootCertStore> {
    let refuse = |why: String| Error::Internal(format!("the certificates in '{}' cannot be used: {why}", path.display()));
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| refuse(error.to_string()))? {
        let certificate = certificate.map_err(|error| refuse(error.to_string()))?;
        roots.add(certificate).map_err(|error| refuse(error.to_string()))?;
    }
    if roots.is_empty() { Err(refuse("there is none".to_owned())) } else { Ok(roots) }
}

fn system_roots() -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(Error::Internal("the system trusts no certificate authority: name a file of them with sslrootcert".to_owned()));
    }
    Ok(roots)
}

/// Whether a connection failed because of its encryption, which trying again does not change.
pub(super) fn is_refusal(error: &tokio_postgres::Error) -> bool {
    let inner = causes(error).filter_map(|cause| cause.downcast_ref::<std::io::Error>()?.get_ref());
    inner.into_iter().any(|inner| inner.is::<rustls::Error>())
}
