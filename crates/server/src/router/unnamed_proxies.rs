//! Detects proxies that `--trusted-proxy` does not name. What they say of the client is ignored, and behind one that ends TLS
//! no client can log in or pull, because it is sent to `http://`. The log says so once for each proxy.

use crate::http::{Peer, network_of};
use crate::server::Server;
use http::{HeaderMap, HeaderName};
use parking_lot::Mutex;
use std::collections::HashSet;
use std::net::IpAddr;

const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// How many peers are warned of at most, since anybody can send the header.
const MAX_WARNINGS: usize = 64;

/// The peers that were warned of.
#[derive(Debug, Default)]
pub(super) struct UnnamedProxies(Mutex<HashSet<IpAddr>>);

impl UnnamedProxies {
    /// Warns of a peer that sends `X-Forwarded-Proto` without being trusted.
    pub(super) fn check(&self, server: &Server, peer: &Peer, headers: &HeaderMap) {
        let Some(scheme) = headers.get(X_FORWARDED_PROTO) else { return };
        let address = peer.address.ip().to_canonical();
        let is_no_news = scheme.as_bytes().eq_ignore_ascii_case(server.scheme().as_bytes());
        if server.config.public_url.is_some() || peer.is_proxy || is_no_news || !self.is_new(address) {
            return;
        }
        tracing::warn!(
            peer = %address,
            "X-Forwarded-Proto of this peer is ignored, so URLs start with {}://: if it is your proxy, start with --trusted-proxy {address}",
            server.scheme()
        );
    }

    fn is_new(&self, peer: IpAddr) -> bool {
        let mut seen = self.0.lock();
        seen.len() < MAX_WARNINGS && seen.insert(network_of(peer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_peer_is_new_once_and_there_is_an_end_to_them() {
        let proxies = UnnamedProxies::default();
        assert!(proxies.is_new(IpAddr::from([10, 0, 0, 1])) && !proxies.is_new(IpAddr::from([10, 0, 0, 1])));
        assert_eq!((0..200).filter(|number| proxies.is_new(IpAddr::from([10, 1, 0, *number]))).count(), MAX_WARNINGS - 1);
    }
}
