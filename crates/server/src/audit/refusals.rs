//! Which refusals have a line of their own. Anybody can be refused as often as he likes, so in a minute only the first few of
//! an address have one, and of all addresses together not more than a few hundred; the others are counted and summed up.

use crate::rates::{Noted, network_of};
use roadstead_model::Timestamp;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Lines in a minute that one address may cause, or with IPv6 its network.
const EACH: u64 = 5;
/// Lines in a minute that all of them may cause.
const ALL: u64 = 300;
/// Addresses that are summed up one by one: those that were refused most.
const REPORTED: usize = 100;

/// The refusals of the current minute.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<Minute>);

#[derive(Debug, Default)]
struct Minute {
    lines: u64,
    by_address: Noted<IpAddr, Seen>,
    /// Those of the addresses that there was no room for.
    others: Untold,
}

#[derive(Debug, Default)]
struct Seen {
    lines: u64,
    untold: Untold,
}

/// Refusals without a line, and when the first and the last of them were.
#[derive(Debug, Clone, Copy, Default)]
struct Untold {
    count: u64,
    span: Option<(Timestamp, Timestamp)>,
}

/// What is said of refusals that had no line of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Report {
    /// Of one address; none for several together.
    pub(super) address: Option<IpAddr>,
    /// How many addresses, if they are known.
    pub(super) addresses: Option<u64>,
    pub(super) count: u64,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
}

impl Untold {
    fn add(&mut self, count: u64, first: Timestamp, last: Timestamp) {
        self.count += count;
        self.span = Some(self.span.map_or((first, last), |(earliest, latest)| (earliest.min(first), latest.max(last))));
    }

    fn report(self, address: Option<IpAddr>, addresses: Option<u64>) -> Option<Report> {
        let (first, last) = self.span?;
        Some(Report { address, addresses, count: self.count, first, last })
    }
}

impl Refusals {
    /// Whether a refusal now has a line of its own; else it is counted.
    pub(super) fn admit(&self, client: IpAddr, now: Timestamp) -> bool {
        let minute = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let has_room = minute.lines < ALL;
        match minute.by_address.about(&network_of(client), Instant::now(), |_| false) {
            Some(seen) if has_room && seen.lines < EACH => {
                (seen.lines, minute.lines) = (seen.lines + 1, minute.lines + 1);
                return true;
            }
            Some(seen) => seen.untold.add(1, now, now),
            None => minute.others.add(1, now, now),
        }
        false
    }

    /// Ends the minute: what is to be said of those that had no line, at most [`REPORTED`] and one for all the rest.
    pub(super) fn sum_up(&self) -> Vec<Report> {
        let minute = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let seen = minute.by_address.iter().filter_map(|(address, seen)| seen.untold.report(Some(*address), None));
        let mut reports: Vec<Report> = seen.collect();
        reports.sort_by_key(|report| (std::cmp::Reverse(report.count), report.first));
        let rest = reports.split_off(reports.len().min(REPORTED));
        let mut others = minute.others;
        rest.iter().for_each(|report| others.add(report.count, report.first, report.last));
        let known = (minute.others.count == 0).then_some(rest.len() as u64);
        reports.extend(others.report(None, known));
        reports
    }
}

/// An address as it is counted: with IPv6 a network.
pub(super) fn shown(address: IpAddr) -> String {
    if address.is_ipv6() { format!("{address}/64") } else { address.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

    fn address(number: u32) -> IpAddr {
        std::net::Ipv4Addr::from_bits(0x0a00_0000 + number).into()
    }

    #[test]
    fn the_first_refusals_of_an_address_have_lines_and_the_others_are_summed_up_in_one() {
        let refusals = Refusals::default();
        let later = NOW.plus_seconds(30);
        assert!((0..EACH).all(|_| refusals.admit(address(1), NOW)));
        assert!(!refusals.admit(address(1), NOW) && !refusals.admit(address(1), later));
        assert!(refusals.admit(address(2), NOW), "everybody is counted by himself");
        let expected = Report { address: Some(address(1)), addresses: None, count: 2, first: NOW, last: later };
        assert_eq!(refusals.sum_up(), [expected]);
        assert_eq!(refusals.sum_up(), []);
        assert!(refusals.admit(address(1), NOW), "a new minute");
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let refusals = Refusals::default();
        let host = |number: u64| IpAddr::from(std::net::Ipv6Addr::from_bits(0x2001_0db8 << 96 | u128::from(number)));
        assert_eq!((0..100).filter(|number| refusals.admit(host(*number), NOW)).count() as u64, EACH);
        let reports = refusals.sum_up();
        assert_eq!(reports.iter().map(|report| shown(report.address.unwrap())).collect::<Vec<_>>(), ["2001:db8::/64"]);
    }

    #[test]
    fn however_many_addresses_there_are_a_minute_has_a_bounded_number_of_lines() {
        let refusals = Refusals::default();
        let many = 100_500;
        let lines = (0..many).filter(|number| refusals.admit(address(*number), NOW)).count() as u64;
        assert_eq!(lines, ALL);
        (0..10).for_each(|_| assert!(!refusals.admit(address(7), NOW)));
        let reports = refusals.sum_up();
        assert_eq!(reports.len(), REPORTED + 1);
        assert_eq!((reports[0].address, reports[0].count), (Some(address(7)), 10));
        assert_eq!(reports.iter().map(|report| report.count).sum::<u64>(), u64::from(many) - ALL + 10);
        assert_eq!((reports[REPORTED].address, reports[REPORTED].addresses), (None, None), "there was no room for some");
    }
}
