//! A certificate with its key: what is read from it, and what is wrong with it.

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::sync::Arc;
use x509_cert::Certificate as X509;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// A certificate that can be served.
#[derive(Debug, Clone)]
pub(crate) struct Certificate {
    pub(crate) key: Arc<CertifiedKey>,
    /// The first domain that it is for, or its subject.
    pub(crate) name: String,
    /// From when to when it is valid, in seconds since the Unix epoch.
    pub(crate) not_before: i64,
    pub(crate) not_after: i64,
}

impl Certificate {
    /// Fails with the end of a sentence unless the key belongs to the first certificate of the chain.
    pub(super) fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>, provider: &CryptoProvider) -> Result<Self, String> {
        let unreadable = |error| format!("the certificate cannot be read: {error}");
        let leaf = chain.first().ok_or("there is no certificate")?;
        let leaf = X509::from_der(leaf).map_err(unreadable)?;
        let seconds = |time: x509_cert::time::Time| i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
        let validity = leaf.tbs_certificate.validity;
        let key = certified(chain, key, provider)?;
        Ok(Self {
            key: Arc::new(key),
            name: name_of(&leaf),
            not_before: seconds(validity.not_before),
            not_after: seconds(validity.not_after),
        })
    }

    /// Reads a chain and its key, all in PEM form.
    pub(super) fn of_pem(pem: &[u8], provider: &CryptoProvider) -> Result<Self, String> {
        let chain = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
        let key = PrivateKeyDer::from_pem_slice(pem).map_err(|error| error.to_string())?;
        Self::new(chain, key, provider)
    }

    /// What is wrong with its validity at this time, in seconds since the Unix epoch.
    pub(crate) fn objection(&self, now: i64) -> Option<&'static str> {
        match () {
            () if now >= self.not_after => Some("the certificate has expired, so clients refuse it: renew it"),
            () if now < self.not_before => Some("the certificate is not valid yet, so clients refuse it: check the clock of this machine"),
            () => None,
        }
    }
}

fn certified(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>, provider: &CryptoProvider) -> Result<CertifiedKey, String> {
    let fits = |leaf: &CertificateDer<'static>| CertifiedKey::from_der(vec![leaf.clone()], key.clone_key(), provider).is_ok();
    match CertifiedKey::from_der(chain.clone(), key.clone_key(), provider) {
        Ok(key) => Ok(key),
        Err(rustls::Error::InconsistentKeys(_)) if chain.iter().skip(1).any(fits) => {
            Err("the certificate of the key must come first, before those of the authorities that issued it".to_owned())
        }
        Err(rustls::Error::InconsistentKeys(_)) => Err("the key belongs to another certificate".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn name_of(leaf: &X509) -> String {
    let names = leaf.tbs_certificate.get::<SubjectAltName>().ok().flatten().map(|(_, names)| names.0);
    let domain = names.into_iter().flatten().find_map(|name| match name {
        GeneralName::DnsName(domain) => Some(domain.to_string()),
        _ => None,
    });
    domain.unwrap_or_else(|| leaf.tbs_certificate.subject.to_string())
}
