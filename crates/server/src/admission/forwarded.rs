//! Requests that trusted proxies forward: those of one client address are limited, however many of them share a connection.

use crate::http::network_of;
use parking_lot::{Mutex, MutexGuard};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

/// The number of requests under way, by address.
#[derive(Debug, Clone, Default)]
struct Counts(Arc<Mutex<HashMap<IpAddr, usize>>>);

impl Counts {
    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.0.lock()
    }
}

/// The requests under way.
#[derive(Debug)]
pub(super) struct ForwardedRequests {
    counts: Counts,
    limit: usize,
}

impl ForwardedRequests {
    /// At limit so many for each address (IPv6: each /64).
    pub(super) fn new(limit: usize) -> Self {
        Self { counts: Counts::default(), limit }
    }

    /// Counts a request until the result is dropped; none at the limit.
    pub(super) fn begin(&self, client: IpAddr) -> Option<ForwardedRequest> {
        let network = network_of(client);
        let mut counts = self.counts.lock();
        let count = counts.entry(network).or_default();
        if *count >= self.limit {
            return None;
        }
        *count += 1;
        Some(ForwardedRequest { counts: self.counts.clone(), network })
    }
}

/// A request that is under way.
#[derive(Debug)]
pub(crate) struct ForwardedRequest {
    counts: Counts,
    network: IpAddr,
}

impl Drop for ForwardedRequest {
    fn drop(&mut self) {
        let mut counts = self.counts.lock();
        if let Some(count) = counts.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_through_proxies_are_counted_by_network_until_they_end() {
        let forwarding = ForwardedRequests::new(2);
        let begin = |text: &str| forwarding.begin(text.parse().unwrap());
        let held = [begin("2001:db8::1"), begin("2001:db8::2")];
        assert!(held.iter().all(Option::is_some));
        assert!(begin("2001:db8::3").is_none());
        assert!(begin("2001:db8:0:1::3").is_some());
        drop(held);
        assert!(begin("2001:db8::3").is_some());
        assert!(forwarding.counts.lock().is_empty());
    }
}
