//! How often somebody may do something, and how much of it: off unless the operator asks for it.
//!
//! All of it is counted in memory: a pull never writes, and a restart forgives.

mod actions;
mod bounded_map;
mod failures;
mod pulls;
mod volume;

pub use actions::{ActionRates, Client};
pub(crate) use bounded_map::BoundedMap;
pub use failures::FailedLogins;
pub use pulls::PullLimits;
pub(crate) use pulls::{Charge, Pulled, Refusal};

use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A pace, and how many may come at once before it has to be kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// The time from one to the next.
    pace: Duration,
    /// At least one.
    at_once: u32,
}

/// Somebody is too fast: after this time the next one may come. The text is that of AWS's registries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Rate exceeded")]
pub struct TooFast(pub Duration);

impl Rate {
    /// `60/m`.
    pub const PER_MINUTE_60: Self = Self { pace: Duration::from_secs(1), at_once: 60 };

    /// Reads `10/s`, `600/m` or `100/h`: as many may come at once as the unit brings.
    pub fn parse(text: &str) -> Result<Self, String> {
        let refuse = || format!("'{text}' is not a rate such as 10/s, 600/m or 100/h");
        let (count, unit) = text.split_once('/').ok_or_else(refuse)?;
        let seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 60 * 60,
            _ => return Err(refuse()),
        };
        let count = Some(count).filter(|count| count.bytes().all(|byte| byte.is_ascii_digit())).and_then(|count| count.parse().ok());
        let count: u32 = count.filter(|count| *count > 0).ok_or_else(refuse)?;
        Ok(Self { pace: Duration::from_secs(seconds) / count, at_once: count })
    }

    /// This rate, by so many times slower; at least one may come at once.
    fn slower(self, times: u32) -> Self {
        Self { pace: self.pace * times, at_once: (self.at_once / times).max(1) }
    }

    /// This many times as many, and as many times as many at once.
    fn times(self, factor: u32) -> Self {
        Self { pace: self.pace / factor, at_once: self.at_once.saturating_mul(factor) }
    }

    /// So many a second, which may be a fraction of one; as many may come at once as a second brings, one at least.
    ///
    /// The number must be from 0.001 to 1,000,000.
    pub fn per_second(number: f64) -> Self {
        Self { pace: Duration::from_secs_f64(1.0 / number), at_once: number.max(1.0) as u32 }
    }
}

/// Holds each caller to a rate, by the generic cell rate algorithm (ITU-T I.371): all that is noted of a caller is the time
/// at which he would be done if he had kept the pace.
#[derive(Debug)]
struct Throttle<K> {
    begun: Instant,
    pace: Duration,
    patience: Duration,
    /// Since `begun`.
    done: Mutex<BoundedMap<K, Duration>>,
}

impl<K: Eq + Hash + Clone> Throttle<K> {
    fn new(Rate { pace, at_once }: Rate) -> Self {
        Self { begun: Instant::now(), pace, patience: pace * at_once.saturating_sub(1), done: Mutex::new(BoundedMap::new()) }
    }

    /// Lets a caller through, or says when to come again.
    fn take(&self, caller: &K, now: Instant) -> Result<(), TooFast> {
        let since = now.saturating_duration_since(self.begun);
        let mut noted = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(done) = noted.about(caller, now, |done| *done <= since) else { return Ok(()) };
        let begins = since.max(*done);
        let early = begins.saturating_sub(since + self.patience);
        if !early.is_zero() {
            return Err(TooFast(early));
        }
        *done = begins + self.pace;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_rate_is_a_count_and_a_unit() {
        assert_eq!(Rate::parse("10/s"), Ok(Rate { pace: Duration::from_millis(100), at_once: 10 }));
        assert_eq!(Rate::parse("100/h"), Ok(Rate { pace: Duration::from_secs(36), at_once: 100 }));
        assert_eq!(Rate::parse("10/s"), Ok(Rate::per_second(10.0)));
        for text in ["", "10", "/s", "0/s", "-1/s", "+1/s", "1.5/s", "10/d", "10/ s", "5000000000/s"] {
            assert!(Rate::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn as_many_as_the_rate_says_come_at_once_and_the_next_one_when_its_time_has_come() {
        let throttle = Throttle::new(Rate::parse("4/s").unwrap());
        let now = throttle.begun;
        assert!((0..4).all(|_| throttle.take(&"a", now).is_ok()));
        let quarter = Duration::from_millis(250);
        assert_eq!(throttle.take(&"a", now), Err(TooFast(quarter)));
        assert!(throttle.take(&"b", now).is_ok(), "everybody is held to the rate by himself");
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
