//! Rates of failed logins.
//!
//! Every attempt is verified, so the failures of one client never cause the valid credentials of another to be refused. A client
//! that fails too often learns only when to try again, not what was wrong. Clients that respect `Retry-After` slow down.

use super::caller::Callers;
use super::throttle::{Scope, Throttle, TooFast};
use crate::config::Rate;
use crate::http::Call;
use std::net::IpAddr;
use std::time::Instant;

/// How many times lower the rate of failures with one access key is than that of its address.
const KEY_SHARE: u32 = 3;

/// Rate limits on failed authentication, per address and per access key.
#[derive(Debug)]
pub(crate) struct FailedLogins {
    callers: Callers,
    by_address: Throttle,
    by_key: Throttle,
}

impl FailedLogins {
    /// `rate` is that of an address.
    pub(super) fn new(rate: Rate, callers: Callers, is_shared: bool) -> Self {
        let by_key = Throttle::new(rate.slower(KEY_SHARE), is_shared);
        Self { callers, by_address: Throttle::new(rate, is_shared), by_key }
    }

    /// Counts a failure with the claimed access key. If this fails, the response must not say more than [`TooFast`].
    pub(crate) fn count(&self, call: &Call, key_id: Option<&str>) -> Result<(), TooFast> {
        self.count_at(call.client(), key_id, Instant::now()).inspect_err(|_| call.trace.note_held_back())
    }

    fn count_at(&self, client: IpAddr, key_id: Option<&str>, now: Instant) -> Result<(), TooFast> {
        let by_key = key_id.map_or(Ok(()), |id| self.by_key.take(self.callers.key_in_network(client, id), now));
        match (self.by_address.take(self.callers.network(client), now), by_key) {
            (Err(TooFast(one)), Err(TooFast(other))) => Err(TooFast(one.max(other))),
            (by_address, by_key) => by_address.and(by_key),
        }
    }

    pub(super) fn throttles(&self) -> impl Iterator<Item = Scope<'_>> {
        [("login", &self.by_address), ("login_with_key", &self.by_key)].into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn an_address_is_held_back_with_one_key_sooner_than_with_many_and_nobody_for_others() {
        let failures = FailedLogins::new(Rate::parse("30/m").unwrap(), Callers::new([1; 32]), false);
        let (now, here, there) = (Instant::now(), IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let passed = |client, key: &dyn Fn(u32) -> String, count: u32| {
            (0..count).filter(|number| failures.count_at(client, Some(&key(*number)), now).is_ok()).count()
        };
        assert_eq!(passed(here, &|_| "one".to_owned(), 20), 10);
        assert_eq!(passed(here, &|number| format!("other-{number}"), 20), 10);
        assert_eq!(passed(there, &|_| "one".to_owned(), 20), 10);
        let TooFast(wait) = failures.count_at(here, None, now).unwrap_err();
        assert!(wait <= Duration::from_secs(2), "{wait:?}");
        assert!(failures.count_at(here, None, now + wait).is_ok());
    }

    #[test]
    fn the_networks_of_ipv6_count_as_one_address() {
        let failures = FailedLogins::new(Rate::parse("3/h").unwrap(), Callers::new([1; 32]), false);
        let now = Instant::now();
        let host = |number: u16| IpAddr::from([0x2001, 0xdb8, 1, 2, 0, 0, 0, number]);
        assert_eq!((0..10).filter(|number| failures.count_at(host(*number), None, now).is_ok()).count(), 3);
    }
}
