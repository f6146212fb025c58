//! Days in UTC.

use crate::timestamp::Timestamp;
use serde::{Serialize, Serializer};
use std::fmt;

const SECONDS: i64 = 86_400;

/// A day in UTC, as the number of days since the Unix epoch. Displayed, parsed and serialised as `2026-11-26`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i64);

impl Day {
    /// The day with this number of days since the epoch, as [`Self::number`] returns it.
    pub const fn from_number(number: i64) -> Self {
        Self(number)
    }

    pub const fn of(time: Timestamp) -> Self {
        Self(time.seconds().div_euclid(SECONDS))
    }

    /// The number of days since the epoch.
    pub const fn number(self) -> i64 {
        self.0
    }

    #[must_use]
    pub const fn plus(self, days: i64) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// The beginning of the day.
    pub const fn start(self) -> Timestamp {
        Timestamp::from_seconds(self.0.saturating_mul(SECONDS))
    }

    /// Parses a date such as `2026-11-26`.
    pub fn parse(text: &str) -> Option<Self> {
        let is_date = text.len() == 10
            && text.bytes().enumerate().all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() });
        let start: jiff::Timestamp = is_date.then(|| format!("{text}T00:00:00Z").parse().ok()).flatten()?;
        Some(Self(start.as_second().div_euclid(SECONDS)))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.start().to_rfc3339()[..10])
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_day_begins_and_ends_at_midnight_in_utc() {
        let day = Day::parse("2026-11-26").expect("a date");
        assert_eq!(day.start().to_rfc3339(), "2026-11-26T00:00:00.000Z");
        assert_eq!(Day::of(day.start()), day);
        assert_eq!(Day::of(day.start().plus_seconds(86_399)), day);
        assert_eq!(Day::of(day.start().plus_seconds(86_400)), day.plus(1));
        assert_eq!(Day::of(Timestamp::from_seconds(-1)).to_string(), "1969-12-31");
    }

    #[test]
    fn only_dates_are_days() {
        for text in ["", "2026-11-31", "2026-1-1", "20261126", "2026-11-26T00", "+026-11-26", "2026-11-26 ", "2026‐11‐26"] {
            assert_eq!(Day::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_day_is_parsed_as_it_is_displayed(number in -700_000_i64..2_900_000) {
            let day = Day::from_number(number);
            prop_assert_eq!(Day::parse(&day.to_string()), Some(day).filter(|day| day.start().to_rfc3339().len() == 24));
        }
    }
}
