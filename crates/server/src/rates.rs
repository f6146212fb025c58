//! Rate limits, off unless the operator sets them.
//!
//! All counters are in memory, so that a pull writes nothing. A restart resets them.

mod actions;
mod bounded_map;
mod failures;
mod pages;
mod pulls;
mod volume;

pub(crate) use actions::{ActionRates, Client};
pub(crate) use bounded_map::BoundedMap;
pub(crate) use failures::FailedLogins;
pub(crate) use pages::PageRate;
pub(crate) use pulls::{Charge, PullLimits, Pulled, Refusal};

use crate::config::Rate;
use parking_lot::Mutex;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// A rate was exceeded; the next attempt is allowed after this time. The message is that of AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Rate exceeded")]
pub(crate) struct TooFast(pub(crate) Duration);

/// Limits each caller to a rate with the generic cell rate algorithm (GCRA, ITU-T I.371), which stores one time per caller.
#[derive(Debug)]
struct Throttle<K> {
    begun: Instant,
    period: Duration,
    /// How early a request may come: the burst, as a time.
    tolerance: Duration,
    /// The theoretical arrival time of each caller's next request, since `begun`.
    arrivals: Mutex<BoundedMap<K, Duration>>,
}

impl<K: Eq + Hash + Clone> Throttle<K> {
    fn new(Rate { period, burst }: Rate) -> Self {
        Self { begun: Instant::now(), period, tolerance: period * burst.saturating_sub(1), arrivals: Mutex::default() }
    }

    /// Counts a request. Fails if the caller exceeds the rate.
    fn take(&self, caller: &K, now: Instant) -> Result<(), TooFast> {
        let since = now.saturating_duration_since(self.begun);
        let mut arrivals = self.arrivals.lock();
        let Some(arrival) = arrivals.get_or_insert(caller, now, |arrival| *arrival <= since) else { return Ok(()) };
        let expected = since.max(*arrival);
        let early = expected.saturating_sub(since + self.tolerance);
        if !early.is_zero() {
            return Err(TooFast(early));
        }
        *arrival = expected + self.period;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn as_many_as_the_rate_says_come_at_once_and_the_next_one_when_its_time_has_come() {
        let throttle = Throttle::new(Rate::parse("4/s").unwrap());
        let now = throttle.begun;
        assert!((0..4).all(|_| throttle.take(&"a", now).is_ok()));
        let quarter = Duration::from_millis(250);
        assert_eq!(throttle.take(&"a", now), Err(TooFast(quarter)));
        assert!(throttle.take(&"b", now).is_ok(), "each caller has its own rate");
        assert!(throttle.take(&"a", now + quarter).is_ok());
        assert!(throttle.take(&"a", now + quarter).is_err());
        assert!((0..4).all(|_| throttle.take(&"a", now + 5 * quarter).is_ok()));
    }

    #[test]
    fn a_rate_below_one_lets_one_pass_at_a_time() {
        let throttle = Throttle::new(Rate::per_second(0.5));
        let now = throttle.begun;
        assert!(throttle.take(&"a", now).is_ok());
        assert_eq!(throttle.take(&"a", now + Duration::from_secs(1)), Err(TooFast(Duration::from_secs(1))));
        assert!(throttle.take(&"a", now + Duration::from_secs(2)).is_ok());
    }

    proptest! {
        #[test]
        fn whatever_the_pauses_no_more_than_twice_the_rate_pass_in_a_period(pauses in proptest::collection::vec(0u64..400, 1..200)) {
            let throttle = Throttle::new(Rate::parse("5/s").unwrap());
            let mut now = throttle.begun;
            let mut passed = Vec::new();
            for pause in pauses {
                now += Duration::from_millis(pause);
                if throttle.take(&(), now).is_ok() {
                    passed.push(now);
                }
            }
            for first in &passed {
                let within = passed.iter().filter(|time| *time >= first && **time < *first + Duration::from_secs(1)).count();
                prop_assert!(within <= 10);
            }
        }
    }
}
