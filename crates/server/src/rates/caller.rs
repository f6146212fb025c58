//! Whom a limit is about.

use crate::http::network_of;
use hmac::{Hmac, KeyInit, Mac};
use roadstead_model::RegistryId;
use sha2::Sha256;
use std::net::IpAddr;

/// The subject of a limit: a hash of an account or a network under a key of the installation. All replicas compute the same one, and
/// neither the memory of limits nor the database holds addresses or what clients claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub(crate) struct Caller(pub(crate) i64);

/// Computes [`Caller`]s.
#[derive(Debug, Clone)]
pub(crate) struct Callers(Hmac<Sha256>);

impl Callers {
    #[allow(clippy::expect_used)]
    pub(crate) fn new(key: [u8; 32]) -> Self {
        Self(<Hmac<Sha256> as KeyInit>::new_from_slice(&key).expect("HMAC takes a key of any length"))
    }

    /// All principals of an account.
    pub(crate) fn account(&self, registry: &RegistryId) -> Caller {
        self.hash(b'a', &[registry.as_str().as_bytes()])
    }

    /// The clients of an address (IPv6: of a /64).
    pub(crate) fn network(&self, client: IpAddr) -> Caller {
        self.hash(b'n', &[&octets(client)])
    }

    /// The clients of an address that claim an access key.
    pub(super) fn key_in_network(&self, client: IpAddr, key_id: &str) -> Caller {
        self.hash(b'k', &[&octets(client), key_id.as_bytes()])
    }

    fn hash(&self, kind: u8, parts: &[&[u8]]) -> Caller {
        let mut code = self.0.clone();
        code.update(&[kind]);
        parts.iter().for_each(|part| code.update(part));
        let mut first = [0; 8];
        first.copy_from_slice(&code.finalize().into_bytes()[..8]);
        Caller(i64::from_be_bytes(first))
    }
}

/// The network of a client in 16 bytes.
fn octets(client: IpAddr) -> [u8; 16] {
    match network_of(client) {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_replica_computes_the_same_callers_and_another_installation_others() {
        let (one, replica, other) = (Callers::new([1; 32]), Callers::new([1; 32]), Callers::new([2; 32]));
        let (here, there) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        assert_eq!(one.network(here), replica.network(here));
        assert_ne!(one.network(here), other.network(here));
        assert_ne!(one.network(here), one.network(there));
        assert_ne!(one.key_in_network(here, "a"), one.key_in_network(here, "b"));
        assert_ne!(one.key_in_network(here, ""), one.network(here));
    }

    #[test]
    fn the_networks_of_ipv6_are_one_caller() {
        let callers = Callers::new([1; 32]);
        let host = |number: u16| IpAddr::from([0x2001, 0xdb8, 1, 2, 0, 0, 0, number]);
        assert_eq!(callers.network(host(1)), callers.network(host(2)));
    }
}
