//! Requests that proxies of ours forward: however many of them share a connection, those of one address have a bound.

use crate::http::network_of;
use parking_lot::{Mutex, MutexGuard};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

/// How many requests are under way for each address.
#[derive(Debug, Clone, Default)]
struct Counts(Arc<Mutex<HashMap<IpAddr, usize>>>);

impl Counts {
    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.0.lock()
    }
}

/// The requests that are under way.
#[derive(Debug)]
pub(super) struct Forwarding {
    counts: Counts,
    most: usize,
}

impl Forwarding {
    /// At most so many for each address (IPv6: for each /64).
    pub(super) fn new(most: usize) -> Self {
        Self { counts: Counts::default(), most }
    }

    /// Counts a request until what this returns is dropped; none if there are too many of this address.
    pub(super) fn begin(&self, client: IpAddr) -> Option<Forwarded> {
        let network = network_of(client);
        let mut counts = self.counts.lock();
        let count = counts.entry(network).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Forwarded { counts: self.counts.clone(), network })
    }
}

/// A request that is under way.
#[derive(Debug)]
pub(crate) struct Forwarded {
    counts: Counts,
    network: IpAddr,
}

impl Drop for Forwarded {
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
        let forwarding = Forwarding::new(2);
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
