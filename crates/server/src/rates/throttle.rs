//! The rate of one kind of request.

use super::bounded_map::BoundedMap;
use super::caller::Caller;
use super::pending::{Count, Pending};
use crate::config::Rate;
use parking_lot::Mutex;
use std::time::{Duration, Instant};

/// A rate was exceeded; the next attempt is allowed after this time. The message is that of AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Rate exceeded")]
pub(crate) struct TooFast(pub(crate) Duration);

/// The kind of request that a throttle limits, by which replicas name it, and the throttle.
pub(super) type Scope<'a> = (&'static str, &'a Throttle);

/// Limits each caller to a rate with the generic cell rate algorithm (GCRA, ITU-T I.371), which stores one time per caller.
#[derive(Debug)]
pub(super) struct Throttle {
    begun: Instant,
    period: Duration,
    /// How early a request may come: the burst, as a time.
    tolerance: Duration,
    is_shared: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The theoretical arrival time of each caller's next request, since `begun`.
    arrivals: BoundedMap<Caller, Duration>,
    /// What was admitted here, and other replicas do not know.
    unshared: Pending,
}

impl Throttle {
    /// `is_shared`: whether other replicas are to be told what is admitted here.
    pub(super) fn new(Rate { period, burst }: Rate, is_shared: bool) -> Self {
        Self { begun: Instant::now(), period, tolerance: period * burst.saturating_sub(1), is_shared, state: Mutex::default() }
    }

    /// Counts a request. Fails if the caller exceeds the rate.
    pub(super) fn take(&self, caller: Caller, now: Instant) -> Result<(), TooFast> {
        let since = now.saturating_duration_since(self.begun);
        let state = &mut *self.state.lock();
        let Some(arrival) = state.arrivals.get_or_insert(&caller, now, |arrival| *arrival <= since) else { return Ok(()) };
        let expected = since.max(*arrival);
        let early = expected.saturating_sub(since + self.tolerance);
        if !early.is_zero() {
            return Err(TooFast(early));
        }
        *arrival = expected + self.period;
        if self.is_shared {
            state.unshared.add(caller, Count { amount: 1, first: now });
        }
        Ok(())
    }

    /// Takes what other replicas do not know: the largest counts, at most `most`.
    pub(super) fn take_unshared(&self, most: usize) -> Vec<(Caller, Count)> {
        self.state.lock().unshared.take_largest(most)
    }

    /// Counts what another replica has admitted, as if all of it had come when its first request came. This is exact for a caller who
    /// uses up the rate, and else in its favor by less than the time between two exchanges.
    pub(super) fn learn(&self, caller: Caller, count: Count, now: Instant) {
        let since = |time: Instant| time.saturating_duration_since(self.begun);
        let mut state = self.state.lock();
        if let Some(arrival) = state.arrivals.get_or_insert(&caller, now, |arrival| *arrival <= since(now)) {
            let amount = u32::try_from(count.amount).unwrap_or(u32::MAX);
            *arrival = since(count.first.min(now)).max(*arrival).saturating_add(self.period.saturating_mul(amount));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const A: Caller = Caller(1);
    const B: Caller = Caller(2);

    fn throttle(rate: &str) -> Throttle {
        Throttle::new(Rate::parse(rate).unwrap(), true)
    }

    #[test]
    fn as_many_as_the_rate_says_come_at_once_and_the_next_one_when_its_time_has_come() {
        let throttle = throttle("4/s");
        let now = throttle.begun;
        assert!((0..4).all(|_| throttle.take(A, now).is_ok()));
        let quarter = Duration::from_millis(250);
        assert_eq!(throttle.take(A, now), Err(TooFast(quarter)));
        assert!(throttle.take(B, now).is_ok(), "each caller has its own rate");
        assert!(throttle.take(A, now + quarter).is_ok());
        assert!(throttle.take(A, now + quarter).is_err());
        assert!((0..4).all(|_| throttle.take(A, now + 5 * quarter).is_ok()));
    }

    #[test]
    fn a_rate_below_one_lets_one_pass_at_a_time() {
        let throttle = Throttle::new(Rate::per_second(0.5), false);
        let now = throttle.begun;
        assert!(throttle.take(A, now).is_ok());
        assert_eq!(throttle.take(A, now + Duration::from_secs(1)), Err(TooFast(Duration::from_secs(1))));
        assert!(throttle.take(A, now + Duration::from_secs(2)).is_ok());
        assert_eq!(throttle.take_unshared(9), [], "nobody else is to be told");
    }

    #[test]
    fn what_a_replica_admits_is_used_up_at_the_other_one() {
        let (one, other) = (throttle("4/m"), throttle("4/m"));
        let (now, period) = (one.begun.max(other.begun), Duration::from_secs(15));
        assert!((0..3).all(|_| one.take(A, now).is_ok()));
        for (caller, count) in one.take_unshared(9) {
            other.learn(caller, count, now);
        }
        assert!(other.take(A, now).is_ok());
        assert!(matches!(other.take(A, now), Err(TooFast(wait)) if wait <= period && wait > period - Duration::from_secs(1)));
        assert!(other.take(B, now).is_ok());
        assert_eq!(one.take_unshared(9), [], "it was told once");
    }

    #[test]
    fn what_was_admitted_long_ago_is_not_held_against_anyone() {
        let throttle = throttle("4/s");
        let later = throttle.begun + Duration::from_secs(60);
        throttle.learn(A, Count { amount: 40, first: throttle.begun }, later);
        assert_eq!((0..9).filter(|_| throttle.take(A, later).is_ok()).count(), 4);
    }

    #[test]
    fn whatever_another_replica_tells_there_is_no_panic() {
        let throttle = throttle("1/h");
        let now = throttle.begun;
        throttle.learn(A, Count { amount: u64::MAX, first: now + Duration::from_secs(1 << 40) }, now);
        throttle.learn(A, Count { amount: u64::MAX, first: now }, now);
        assert!(throttle.take(A, now).is_err());
    }

    proptest! {
        #[test]
        fn whatever_the_pauses_no_more_than_twice_the_rate_pass_in_a_period(pauses in proptest::collection::vec(0u64..400, 1..200)) {
            let throttle = throttle("5/s");
            let mut now = throttle.begun;
            let mut passed = Vec::new();
            for pause in pauses {
                now += Duration::from_millis(pause);
                if throttle.take(A, now).is_ok() {
                    passed.push(now);
                }
            }
            for first in &passed {
                let within = passed.iter().filter(|time| *time >= first && **time < *first + Duration::from_secs(1)).count();
                prop_assert!(within <= 10);
            }
        }

        /// Requests go to any of three replicas, which exchange counts twice a second.
        #[test]
        fn replicas_together_exceed_the_rate_only_by_what_they_admit_between_exchanges(
            requests in proptest::collection::vec((0u64..60, 0usize..3), 1..400)
        ) {
            let replicas = [(); 3].map(|()| throttle("10/s"));
            let begun = replicas.iter().map(|replica| replica.begun).max().unwrap();
            let (mut now, mut exchanged, mut passed) = (begun, begun, 0_u32);
            for (pause, chosen) in requests {
                now += Duration::from_millis(pause);
                if now >= exchanged + Duration::from_millis(500) {
                    exchange(&replicas, now);
                    exchanged = now;
                }
                passed += u32::from(replicas[chosen].take(A, now).is_ok());
            }
            // The rate and its burst, and of each other replica a burst, and the rate of the time since the exchange.
            let elapsed = (now - begun).as_secs_f64();
            prop_assert!(f64::from(passed) <= 10.0 * elapsed + 10.0 + 2.0 * (10.0 + 10.0), "{passed} in {elapsed} s");
        }
    }

    fn exchange(replicas: &[Throttle], now: Instant) {
        let told: Vec<_> = replicas.iter().map(|replica| replica.take_unshared(99)).collect();
        for (at, replica) in replicas.iter().enumerate() {
            for (_, counts) in told.iter().enumerate().filter(|(from, _)| *from != at) {
                counts.iter().for_each(|(caller, count)| replica.learn(*caller, *count, now));
            }
        }
    }
}
