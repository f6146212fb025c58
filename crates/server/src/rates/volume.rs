//! Download volume per calendar month.
//!
//! What replicas send is added up in the database, which survives restarts: see [`Downloads::take_unsaved`] and [`Downloads::learn`].

use super::bounded_map::BoundedMap;
use super::caller::Caller;
use super::pending::{Count, Pending};
use parking_lot::Mutex;
use roadstead_model::Timestamp;
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
    bytes: BoundedMap<Caller, u64>,
    /// What was sent and is not in the database.
    unsaved: Pending,
}

impl Downloads {
    pub(super) fn new(limit: u64) -> Self {
        Self { limit, of_month: Mutex::default() }
    }

    pub(super) fn is_spent(&self, caller: Caller, month: i64) -> bool {
        let of_month = self.of_month.lock();
        of_month.month == month && of_month.bytes.get(&caller).is_some_and(|bytes| *bytes >= self.limit)
    }

    /// Counts bytes sent to an address, unless the download began in an earlier month.
    pub(super) fn add(&self, caller: Caller, month: i64, sent: u64) {
        let mut of_month = self.of_month.lock();
        if self.change(&mut of_month, caller, month, |bytes| bytes.saturating_add(sent)) {
            of_month.unsaved.add(caller, Count { amount: sent, first: Instant::now() });
        }
    }

    /// Takes what has yet to be added to the database, and its month: the largest amounts, at most `most`.
    pub(super) fn take_unsaved(&self, most: usize) -> (i64, Vec<(Caller, u64)>) {
        let mut of_month = self.of_month.lock();
        let taken = of_month.unsaved.take_largest(most);
        (of_month.month, taken.into_iter().map(|(caller, count)| (caller, count.amount)).collect())
    }

    /// Keeps what could not be added for the next time.
    pub(super) fn put_back(&self, month: i64, taken: impl IntoIterator<Item = (Caller, u64)>) {
        let mut of_month = self.of_month.lock();
        if of_month.month == month {
            let first = Instant::now();
            taken.into_iter().for_each(|(caller, amount)| of_month.unsaved.add(caller, Count { amount, first }));
        }
    }

    /// Takes over what all replicas have added to the database for an address.
    pub(super) fn learn(&self, caller: Caller, month: i64, sum: u64) {
        let mut of_month = self.of_month.lock();
        let unsaved = of_month.unsaved.amount(caller);
        // Bytes for which `unsaved` had no room are in memory only.
        self.change(&mut of_month, caller, month, |bytes| bytes.max(sum.saturating_add(unsaved)));
    }

    /// Changes the bytes of an address. Returns `false` if they are not counted.
    fn change(&self, of_month: &mut OfMonth, caller: Caller, month: i64, new: impl Fn(u64) -> u64) -> bool {
        if of_month.month < month {
            *of_month = OfMonth { month, ..OfMonth::default() };
        }
        // A full map drops addresses that have used next to nothing.
        let little = self.limit / 1000;
        if of_month.month != month {
            return false;
        }
        let Some(bytes) = of_month.bytes.get_or_insert(&caller, Instant::now(), |bytes| *bytes < little) else { return false };
        *bytes = new(*bytes);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Caller = Caller(1);
    const OTHER: Caller = Caller(2);

    #[test]
    fn a_month_begins_at_midnight_utc() {
        let end_of_january = Timestamp::from_seconds(1_769_903_999);
        assert_eq!(month(end_of_january), 2026 * 12 + 1);
        assert_eq!(month(end_of_january.plus_seconds(1)), 2026 * 12 + 2);
    }

    #[test]
    fn what_is_spent_comes_back_with_the_next_month() {
        let downloads = Downloads::new(100);
        downloads.add(ONE, 7, 99);
        assert!(!downloads.is_spent(ONE, 7));
        downloads.add(ONE, 7, 1);
        assert_eq!((downloads.is_spent(ONE, 7), downloads.is_spent(OTHER, 7), downloads.is_spent(ONE, 8)), (true, false, false));
        downloads.add(OTHER, 8, 1);
        downloads.add(ONE, 7, 500);
        assert!(!downloads.is_spent(ONE, 8), "a download of last month ended late");
        assert_eq!(downloads.take_unsaved(9), (8, vec![(OTHER, 1)]));
    }

    #[test]
    fn what_replicas_sent_is_spent_at_all_of_them_and_counted_once() {
        let (one, other) = (Downloads::new(100), Downloads::new(100));
        one.add(ONE, 7, 60);
        other.add(ONE, 7, 30);
        assert_eq!(one.take_unsaved(9), (7, vec![(ONE, 60)]));
        one.learn(ONE, 7, 60);
        assert_eq!(other.take_unsaved(9), (7, vec![(ONE, 30)]));
        other.add(ONE, 7, 9);
        other.learn(ONE, 7, 90);
        assert!(!other.is_spent(ONE, 7), "99 of 100");
        other.add(ONE, 7, 1);
        assert!(other.is_spent(ONE, 7) && !one.is_spent(ONE, 7));
        assert_eq!(other.take_unsaved(9), (7, vec![(ONE, 10)]));
        one.learn(ONE, 7, 100);
        assert!(one.is_spent(ONE, 7));
    }

    #[test]
    fn what_cannot_be_saved_is_saved_later_unless_its_month_is_over() {
        let downloads = Downloads::new(100);
        downloads.add(ONE, 7, 5);
        let (month, taken) = downloads.take_unsaved(9);
        downloads.add(ONE, 7, 2);
        downloads.put_back(month, taken.clone());
        assert_eq!(downloads.take_unsaved(9), (7, vec![(ONE, 7)]));
        downloads.add(OTHER, 8, 1);
        downloads.put_back(7, taken);
        assert_eq!(downloads.take_unsaved(9), (8, vec![(OTHER, 1)]));
    }
}
