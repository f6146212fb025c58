//! Samples refusals, because any client can cause any number of them. Per minute, the first few of an address and a few hundred of all
//! addresses are logged one by one. The rest are counted, and reported at the end of the minute. Authenticated callers are counted by
//! access key instead, with a separate quota, so that anonymous clients cannot hide their refusals.

use crate::http::network_of;
use crate::rates::BoundedMap;
use parking_lot::Mutex;
use roadstead_model::Timestamp;
use std::hash::Hash;
use std::net::IpAddr;
use std::time::Instant;

/// The number of lines per minute for one network (see [`network_of`]) or access key.
const EACH: u64 = 5;
/// The number of lines per minute for all networks, and for all access keys.
const ALL: u64 = 300;
/// The number of networks, and of access keys, with a report of their own: those with the most refusals.
const REPORTED: usize = 100;

/// The refusals of the current minute.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    /// By network.
    anonymous: Mutex<Minute<IpAddr>>,
    /// By access key.
    authenticated: Mutex<Minute<String>>,
}

#[derive(Debug)]
struct Minute<K> {
    lines: u64,
    seen: BoundedMap<K, Seen>,
    /// The refusals of callers for whom the map had no room.
    others: Unlogged,
}

#[derive(Debug, Default)]
struct Seen {
    lines: u64,
    unlogged: Unlogged,
}

/// The number of refusals without a line, and the times of the first and the last.
#[derive(Debug, Clone, Copy, Default)]
struct Unlogged {
    count: u64,
    span: Option<(Timestamp, Timestamp)>,
}

/// A report of refusals without a line of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Report<K> {
    /// The network or the key, or `None` for all remaining ones together.
    pub(super) of: Option<K>,
    /// The number of remaining networks or keys, if known.
    pub(super) among: Option<u64>,
    pub(super) count: u64,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
}

impl Unlogged {
    fn add(&mut self, count: u64, first: Timestamp, last: Timestamp) {
        self.count += count;
        self.span = Some(self.span.map_or((first, last), |(earliest, latest)| (earliest.min(first), latest.max(last))));
    }

    fn report<K>(self, of: Option<K>, among: Option<u64>) -> Option<Report<K>> {
        let (first, last) = self.span?;
        Some(Report { of, among, count: self.count, first, last })
    }
}

impl Refusals {
    /// Returns whether a refusal gets a line of its own, and counts it otherwise. `access_key_id` is that of an authenticated caller.
    pub(super) fn admit(&self, client: IpAddr, access_key_id: Option<&str>, now: Timestamp) -> bool {
        match access_key_id {
            Some(id) => self.authenticated.lock().admit(&id.to_owned(), now),
            None => self.anonymous.lock().admit(&network_of(client), now),
        }
    }

    /// Ends the minute. Returns the reports by network and by access key: at most [`REPORTED`] of each, and one for the rest.
    pub(super) fn sum_up(&self) -> (Vec<Report<IpAddr>>, Vec<Report<String>>) {
        (std::mem::take(&mut *self.anonymous.lock()).sum_up(), std::mem::take(&mut *self.authenticated.lock()).sum_up())
    }
}

impl<K: Eq + Hash + Clone> Minute<K> {
    fn admit(&mut self, whose: &K, now: Timestamp) -> bool {
        let has_room = self.lines < ALL;
        match self.seen.get_or_insert(whose, Instant::now(), |_| false) {
            Some(seen) if has_room && seen.lines < EACH => {
                (seen.lines, self.lines) = (seen.lines + 1, self.lines + 1);
                return true;
            }
            Some(seen) => seen.unlogged.add(1, now, now),
            None => self.others.add(1, now, now),
        }
        false
    }

    fn sum_up(self) -> Vec<Report<K>> {
        let seen = self.seen.iter().filter_map(|(whose, seen)| seen.unlogged.report(Some(whose.clone()), None));
        let mut reports: Vec<Report<K>> = seen.collect();
        reports.sort_by_key(|report| (std::cmp::Reverse(report.count), report.first));
        let rest = reports.split_off(reports.len().min(REPORTED));
        let mut others = self.others;
        rest.iter().for_each(|report| others.add(report.count, report.first, report.last));
        let known = (self.others.count == 0).then_some(rest.len() as u64);
        reports.extend(others.report(None, known));
        reports
    }
}

impl<K> Default for Minute<K> {
    fn default() -> Self {
        Self { lines: 0, seen: BoundedMap::default(), others: Unlogged::default() }
    }
}

/// A network as text; with IPv4 the address.
pub(super) fn network_text(address: IpAddr) -> String {
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
        assert!((0..EACH).all(|_| refusals.admit(address(1), None, NOW)));
        assert!(!refusals.admit(address(1), None, NOW) && !refusals.admit(address(1), None, later));
        assert!(refusals.admit(address(2), None, NOW), "every address is counted separately");
        let expected = Report { of: Some(address(1)), among: None, count: 2, first: NOW, last: later };
        assert_eq!(refusals.sum_up(), (vec![expected], vec![]));
        assert_eq!(refusals.sum_up(), (vec![], vec![]));
        assert!(refusals.admit(address(1), None, NOW), "a new minute");
    }

    #[test]
    fn all_addresses_of_an_ipv6_network_are_counted_together() {
        let refusals = Refusals::default();
        let host = |number: u64| IpAddr::from(std::net::Ipv6Addr::from_bits(0x2001_0db8 << 96 | u128::from(number)));
        assert_eq!((0..100).filter(|number| refusals.admit(host(*number), None, NOW)).count() as u64, EACH);
        let (reports, _) = refusals.sum_up();
        assert_eq!(reports.iter().map(|report| network_text(report.of.unwrap())).collect::<Vec<_>>(), ["2001:db8::/64"]);
    }

    #[test]
    fn the_number_of_lines_per_minute_is_bounded_for_any_number_of_addresses() {
        let refusals = Refusals::default();
        let many = 100_500;
        let lines = (0..many).filter(|number| refusals.admit(address(*number), None, NOW)).count() as u64;
        assert_eq!(lines, ALL);
        (0..10).for_each(|_| assert!(!refusals.admit(address(7), None, NOW)));
        let (reports, _) = refusals.sum_up();
        assert_eq!(reports.len(), REPORTED + 1);
        assert_eq!((reports[0].of, reports[0].count), (Some(address(7)), 10));
        assert_eq!(reports.iter().map(|report| report.count).sum::<u64>(), u64::from(many) - ALL + 10);
        assert_eq!((reports[REPORTED].of, reports[REPORTED].among), (None, None), "there was no room for some");
    }

    #[test]
    fn anonymous_clients_use_up_no_lines_of_authenticated_callers() {
        let refusals = Refusals::default();
        assert_eq!((0..2 * ALL as u32).filter(|number| refusals.admit(address(*number), None, NOW)).count() as u64, ALL);
        assert!((0..EACH).all(|_| refusals.admit(address(0), Some("AKIAONE"), NOW)));
        assert!(!refusals.admit(address(1), Some("AKIAONE"), NOW), "a key is counted at all addresses together");
        assert!(refusals.admit(address(0), Some("AKIATWO"), NOW));
        let (anonymous, authenticated) = refusals.sum_up();
        assert_eq!(anonymous.iter().map(|report| report.count).sum::<u64>(), ALL);
        assert_eq!(authenticated, [Report { of: Some("AKIAONE".to_owned()), among: None, count: 1, first: NOW, last: NOW }]);
    }
}
