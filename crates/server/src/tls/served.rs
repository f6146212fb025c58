//! The certificates in use.

use super::Certificate;
use parking_lot::RwLock;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::sync::Arc;

/// A certificate, and the domain that it is for. One without a domain is for all names.
#[derive(Debug)]
struct Entry {
    domain: Option<String>,
    /// Its number among the certificates issued for the domain.
    number: u64,
    certificate: Certificate,
}

#[derive(Debug, Default)]
pub(super) struct Served(RwLock<Vec<Entry>>);

impl Served {
    pub(super) fn is_empty(&self) -> bool {
        self.0.read().is_empty()
    }

    pub(super) fn all(&self) -> Vec<Certificate> {
        self.0.read().iter().map(|entry| entry.certificate.clone()).collect()
    }

    /// The certificate for a domain, and its number.
    pub(super) fn of(&self, domain: &str) -> Option<(u64, Certificate)> {
        let served = self.0.read();
        served.iter().find(|entry| entry.is_for(domain)).map(|entry| (entry.number, entry.certificate.clone()))
    }

    /// Serves one certificate for all names.
    pub(super) fn replace_all(&self, certificate: Certificate) {
        *self.0.write() = vec![Entry { domain: None, number: 0, certificate }];
    }

    /// Serves a certificate for a domain.
    pub(super) fn put(&self, domain: &str, number: u64, certificate: Certificate) {
        let mut served = self.0.write();
        served.retain(|entry| !entry.is_for(domain));
        served.push(Entry { domain: Some(domain.to_owned()), number, certificate });
        served.sort_by(|one, other| one.domain.cmp(&other.domain));
    }
}

impl Entry {
    fn is_for(&self, name: &str) -> bool {
        self.domain.as_ref().is_some_and(|domain| domain.eq_ignore_ascii_case(name))
    }
}

impl ResolvesServerCert for Served {
    /// A client that names no domain, such as a health check by address, gets the first certificate, which it may not trust.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let served = self.0.read();
        let named = hello.server_name().and_then(|name| served.iter().find(|entry| entry.is_for(name)));
        named.or_else(|| served.first()).map(|entry| entry.certificate.key.clone())
    }
}
