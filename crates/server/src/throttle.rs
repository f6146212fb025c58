//! How often an account may do an action, where the operator sets a rate for it (`[rates]`).
//!
//! Each account has a bucket for each action with a rate. It holds as many requests as a second brings, one at least,
//! and is refilled evenly. A bucket is one point in time: when it will be full again.

use crate::auth::KnownPrincipal;
use crate::http::Call;
use roadstead_model::RegistryId;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The most buckets that are kept. A full one is as good as none, so only those in use count.
const MOST_BUCKETS: usize = 1 << 16;
/// How often full buckets are looked for when there are that many.
const SWEEP_PERIOD: Duration = Duration::from_secs(1);

/// Whose requests are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Client {
    /// All principals of an account.
    Account(RegistryId),
    /// Whoever sends requests without a signature from this address.
    Address(IpAddr),
}

/// An account has done an action too often. This is what AWS's registries say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Rate exceeded")]
pub struct Throttled;

/// The rates in force, and who has used them up how far.
#[derive(Debug)]
pub struct Throttle {
    rates: HashMap<&'static str, Rate>,
    buckets: Mutex<Buckets>,
}

#[derive(Debug, Clone, Copy)]
struct Rate {
    /// How long it takes to refill a bucket by one request.
    interval: Duration,
    /// How far from full a bucket may be and still give one.
    tolerance: Duration,
}

#[derive(Debug)]
struct Buckets {
    full_at: HashMap<(Client, &'static str), Instant>,
    next_sweep: Instant,
}

impl Client {
    /// Whoever sends a request.
    pub fn of(principal: Option<&KnownPrincipal>, call: &Call) -> Self {
        match principal {
            Some(principal) => Self::Account(principal.identity.registry.clone()),
            None => Self::Address(call.client),
        }
    }
}

impl Throttle {
    /// Requests per second for each action; an action without a rate is never refused.
    pub fn new(rates: &[(&'static str, f64)]) -> Self {
        let rates = rates.iter().map(|(action, rate)| (*action, Rate::new(*rate))).collect();
        Self { rates, buckets: Mutex::new(Buckets { full_at: HashMap::new(), next_sweep: Instant::now() }) }
    }

    /// Counts a request now, or refuses it.
    pub fn admit(&self, client: Client, action: &'static str) -> Result<(), Throttled> {
        match self.rates.get(action) {
            Some(rate) => self.buckets.lock().unwrap_or_else(PoisonError::into_inner).take(client, action, *rate, Instant::now()),
            None => Ok(()),
        }
    }
}

impl Rate {
    fn new(per_second: f64) -> Self {
        let interval = Duration::from_secs_f64(1.0 / per_second);
        Self { interval, tolerance: interval.mul_f64(per_second.floor().max(1.0) - 1.0) }
    }
}

impl Buckets {
    /// Takes one request out of a bucket.
    fn take(&mut self, client: Client, action: &'static str, rate: Rate, now: Instant) -> Result<(), Throttled> {
        let key = (client, action);
        let full_at = self.full_at.get(&key).copied().unwrap_or(now).max(now);
        if full_at - now > rate.tolerance {
            return Err(Throttled);
        }
        // Memory stays bounded even if that lets somebody pass: a rate keeps order, it is no defence.
        if self.full_at.contains_key(&key) || self.has_room(now) {
            self.full_at.insert(key, full_at + rate.interval);
        }
        Ok(())
    }

    /// Whether one more bucket may be kept. Looking for those that can go costs more than a request should, so it is not
    /// done at each.
    fn has_room(&mut self, now: Instant) -> bool {
        if self.full_at.len() >= MOST_BUCKETS && now >= self.next_sweep {
            self.full_at.retain(|_, full_at| *full_at > now);
            self.next_sweep = now + SWEEP_PERIOD;
        }
        self.full_at.len() < MOST_BUCKETS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUT: &str = "PutImage";

    fn account(number: usize) -> Client {
        Client::Account(RegistryId::parse(&format!("{number:012}")).expect("twelve digits"))
    }

    fn buckets() -> (Buckets, Instant) {
        let now = Instant::now();
        (Buckets { full_at: HashMap::new(), next_sweep: now }, now)
    }

    /// How many of `asked` requests at one moment pass.
    fn passed(buckets: &mut Buckets, client: &Client, rate: f64, now: Instant, asked: usize) -> usize {
        (0..asked).filter(|_| buckets.take(client.clone(), PUT, Rate::new(rate), now).is_ok()).count()
    }

    #[test]
    fn a_second_brings_as_many_requests_as_the_rate_says() {
        let (mut buckets, now) = buckets();
        let client = account(1);
        assert_eq!(passed(&mut buckets, &client, 10.0, now, 50), 10);
        assert_eq!(passed(&mut buckets, &client, 10.0, now + Duration::from_millis(99), 50), 0);
        assert_eq!(passed(&mut buckets, &client, 10.0, now + Duration::from_millis(300), 50), 3);
        assert_eq!(passed(&mut buckets, &client, 10.0, now + Duration::from_secs(60), 50), 10);
    }

    #[test]
    fn a_rate_below_one_lets_one_request_pass_at_a_time() {
        let (mut buckets, now) = buckets();
        let client = account(1);
        assert_eq!(passed(&mut buckets, &client, 0.5, now, 5), 1);
        assert_eq!(passed(&mut buckets, &client, 0.5, now + Duration::from_secs(1), 5), 0);
        assert_eq!(passed(&mut buckets, &client, 0.5, now + Duration::from_secs(2), 5), 1);
    }

    #[test]
    fn accounts_and_addresses_do_not_use_up_each_others_rate() {
        let (mut buckets, now) = buckets();
        let address = Client::Address(IpAddr::from([127, 0, 0, 1]));
        for client in [account(1), account(2), address] {
            assert_eq!(passed(&mut buckets, &client, 2.0, now, 5), 2, "{client:?}");
        }
    }

    #[test]
    fn an_action_without_a_rate_is_never_refused() {
        let throttle = Throttle::new(&[(PUT, 1.0)]);
        assert!((0..100).all(|_| throttle.admit(account(1), "DescribeImages").is_ok()));
        assert_eq!((throttle.admit(account(1), PUT), throttle.admit(account(1), PUT)), (Ok(()), Err(Throttled)));
    }

    #[test]
    fn there_are_never_more_buckets_than_memory_is_meant_for_and_full_ones_make_room() {
        let (mut buckets, now) = buckets();
        for number in 0..MOST_BUCKETS + 10 {
            assert_eq!(passed(&mut buckets, &account(number), 1.0, now, 1), 1);
        }
        assert_eq!(buckets.full_at.len(), MOST_BUCKETS);
        let later = now + SWEEP_PERIOD;
        assert_eq!(passed(&mut buckets, &account(MOST_BUCKETS + 11), 1.0, later, 2), 1);
        assert_eq!(buckets.full_at.len(), 1);
    }
}
