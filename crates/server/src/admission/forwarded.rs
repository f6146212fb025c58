//! A limit per client address on the requests that trusted proxies forward, regardless of how they are spread over connections.

use crate::http::network_of;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

/// The number of requests in flight, by network.
type Counts = Arc<Mutex<HashMap<IpAddr, usize>>>;

#[derive(Debug)]
pub(crate) struct ForwardedRequests {
    counts: Counts,
    limit: usize,
}

impl ForwardedRequests {
    /// Admits `limit` requests per address (IPv6: per /64).
    pub(super) fn new(limit: usize) -> Self {
        Self { counts: Counts::default(), limit }
    }

    /// Counts a request until the result is dropped. Returns `None` at the limit.
    pub(crate) fn begin(&self, client: IpAddr) -> Option<ForwardedRequest> {
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

/// A request in flight.
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
