//! Detects proxies that `--trusted-proxy` does not name, and logs each once. Their `X-Forwarded-…` headers are ignored. Behind such a
//! proxy that terminates TLS, clients can neither log in nor pull, because challenges refer them to `http://`.

use crate::http::{Peer, network_of};
use crate::server::Server;
use http::{HeaderMap, HeaderName};
use parking_lot::Mutex;
use std::collections::HashSet;
use std::net::IpAddr;

const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// The maximum number of warnings, because any client can send the header.
const MAX_WARNINGS: usize = 64;

/// The networks of peers that were logged.
#[derive(Debug, Default)]
pub(super) struct UnnamedProxies(Mutex<HashSet<IpAddr>>);

impl UnnamedProxies {
    /// Warns of an untrusted peer that sends `X-Forwarded-Proto`, if that would change the scheme of URLs.
    pub(super) fn check(&self, server: &Server, peer: &Peer, headers: &HeaderMap) {
        let Some(scheme) = headers.get(X_FORWARDED_PROTO) else { return };
        let address = peer.address.ip().to_canonical();
        let is_same = scheme.as_bytes().eq_ignore_ascii_case(server.scheme().as_bytes());
        if server.config.public_url.is_some() || peer.is_proxy || is_same || !self.is_new(address) {
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
    fn each_peer_is_new_once_and_their_number_is_bounded() {
        let proxies = UnnamedProxies::default();
        assert!(proxies.is_new(IpAddr::from([10, 0, 0, 1])) && !proxies.is_new(IpAddr::from([10, 0, 0, 1])));
        assert_eq!((0..200).filter(|number| proxies.is_new(IpAddr::from([10, 1, 0, *number]))).count(), MAX_WARNINGS - 1);
    }
}
