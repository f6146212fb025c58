//! Download volume per calendar month.

use super::bounded_map::BoundedMap;
use parking_lot::Mutex;
use roadstead_model::Timestamp;
use std::net::IpAddr;
use std::time::Instant;

/// The calendar month in UTC, as months since the year 0.
pub(super) fn month(now: Timestamp) -> i64 {
    let date = jiff::Timestamp::from_microsecond(now.micros()).unwrap_or_default().to_zoned_datetime(jiff::tz::TimeZone::UTC).date();
    i64::from(date.year()) * 12 + i64::from(date.month())
}

/// The bytes that each address has downloaded in the current month.
#[derive(Debug)]
pub(super) struct Downloads {
    /// In bytes per address and month.
    limit: u64,
    of_month: Mutex<OfMonth>,
}

#[derive(Debug, Default)]
struct OfMonth {
    month: i64,
    bytes: BoundedMap<IpAddr, u64>,
}

impl Downloads {
    pub(super) fn new(limit: u64) -> Self {
        Self { limit, of_month: Mutex::default() }
    }

    pub(super) fn is_spent(&self, address: IpAddr, month: i64) -> bool {
        let of_month = self.of_month.lock();
        of_month.month == month && of_month.bytes.get(&address).is_some_and(|bytes| *bytes >= self.limit)
    }

    /// Counts bytes sent to an address, unless the download began in an earlier month.
    pub(super) fn add(&self, address: IpAddr, month: i64, sent: u64) {
        let mut of_month = self.of_month.lock();
        if of_month.month < month {
            *of_month = OfMonth { month, bytes: BoundedMap::default() };
        }
        // A full map drops addresses that have used next to nothing.
        let little = self.limit / 1000;
        if of_month.month == month
            && let Some(bytes) = of_month.bytes.get_or_insert(&address, Instant::now(), |bytes| *bytes < little)
        {
            *bytes = bytes.saturating_add(sent);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_begins_at_midnight_utc() {
        let end_of_january = Timestamp::from_seconds(1_769_903_999);
        assert_eq!(month(end_of_january), 2026 * 12 + 1);
        assert_eq!(month(end_of_january.plus_seconds(1)), 2026 * 12 + 2);
    }

    #[test]
    fn what_is_spent_comes_back_with_the_next_month() {
        let downloads = Downloads::new(100);
        let (one, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        downloads.add(one, 7, 99);
        assert!(!downloads.is_spent(one, 7));
        downloads.add(one, 7, 1);
        assert_eq!((downloads.is_spent(one, 7), downloads.is_spent(other, 7), downloads.is_spent(one, 8)), (true, false, false));
        downloads.add(other, 8, 1);
        downloads.add(one, 7, 500);
        assert!(!downloads.is_spent(one, 8), "a download of last month ended late");
    }
}
