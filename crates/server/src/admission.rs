//! Admission of connections, which are limited in total and per address. At a limit, the least recently used idle connection is
//! evicted. If none is idle, an anonymous connection is evicted, from an address with more connections than the newcomer's.
//! This prevents a few anonymous clients from locking others out with requests that never end. If there is none of those
//! either, the newcomer is refused.

mod forwarded;

pub(crate) use forwarded::ForwardedRequest;

use crate::config::Config;
use crate::descriptors;
use crate::http::Activity;
use crate::http::budget::CONNECTION;
use forwarded::ForwardedRequests;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout};

/// The default of `--max-connections`.
const DEFAULT_LIMIT: usize = 10_000;
/// The maximum number of connections at `--admin-listen`, which do not count against `--max-connections`.
const ADMIN_LIMIT: usize = 128;
/// The number of evicted connections still open above which accepting waits.
const MAX_EVICTED_OPEN: usize = 64;
/// The minimum age of an idle connection: the first request of a younger one may be in transit.
const IDLE: Duration = Duration::from_secs(1);
/// How long accepting waits for evicted connections to close.
const EVICTION_TIMEOUT: Duration = Duration::from_secs(1);

/// The maximum number of connections, and of requests forwarded by proxies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Limits {
    /// In total.
    all: usize,
    /// Per address (IPv6: per /64). Also limits the requests that trusted proxies forward for one address.
    by_address: usize,
}

impl Limits {
    /// The configured limits, capped by half of the descriptors (the other half is for files) and a quarter of the memory budget.
    fn new(config: &Config, descriptors: u64) -> Self {
        let most = saturating_usize(descriptors / 2).min(saturating_usize(config.memory_budget) / 4 / CONNECTION);
        let all = config.max_connections.map_or(DEFAULT_LIMIT, saturating_usize).min(most).max(1);
        let by_address = config.max_connections_per_address.map_or((all / 4).max(1), saturating_usize).clamp(1, all);
        Self { all, by_address }
    }

    fn of(config: &Config) -> Self {
        let descriptors = descriptors::limit();
        let limits = Self::new(config, descriptors);
        if let Some(wanted) = config.max_connections.filter(|wanted| saturating_usize(*wanted) > limits.all) {
            tracing::warn!(
                wanted,
                most = limits.all,
                descriptors,
                memory_budget = config.memory_budget,
                "fewer connections than --max-connections: they may take half of the descriptors and a quarter of --memory-budget, at 32 KiB each"
            );
        }
        limits
    }
}

fn saturating_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The limit that refuses a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// The total limit, and no connection can be evicted.
    All,
    /// The limit of its address.
    Address,
}

impl Full {
    /// The label in metrics.
    pub(crate) fn limit(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Address => "address",
        }
    }
}

/// The open connections of one of the server's addresses.
#[derive(Debug)]
pub(crate) struct Connections {
    limits: Limits,
    table: Mutex<Table>,
    /// Notified when an evicted connection has closed.
    gone: Notify,
    pub(crate) forwarded_requests: ForwardedRequests,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    open: HashMap<u64, Open>,
    /// Connections that are not evicted, by address.
    staying: HashMap<IpAddr, Vec<u64>>,
    evicted_open: usize,
    /// The idle connections as of `looked`, the least recently used one last.
    idle: Vec<(Instant, u64)>,
    looked: Option<Instant>,
}

#[derive(Debug)]
struct Open {
    activity: Arc<Activity>,
    network: Option<IpAddr>,
    /// `None` once the connection is evicted.
    evict: Option<oneshot::Sender<()>>,
}

impl Open {
    /// When the last request ended, if the connection can be evicted and is idle.
    fn idle_since(&self) -> Option<Instant> {
        let idle = self.evict.is_some() && !self.activity.has_request();
        idle.then(|| self.activity.last())
    }

    /// When the connection was last active, if it can be evicted and no request on it was authenticated.
    fn anonymous_since(&self) -> Option<Instant> {
        let anonymous = self.evict.is_some() && !self.activity.is_authenticated();
        anonymous.then(|| self.activity.last())
    }
}

impl Connections {
    pub(crate) fn new(config: &Config) -> Self {
        Self::within(Limits::of(config))
    }

    /// The connections at `--admin-listen`.
    pub(crate) fn of_admin() -> Self {
        Self::within(Limits { all: ADMIN_LIMIT, by_address: ADMIN_LIMIT })
    }

    fn within(limits: Limits) -> Self {
        Self { limits, table: Mutex::default(), gone: Notify::new(), forwarded_requests: ForwardedRequests::new(limits.by_address) }
    }

    /// Admits a connection. Returns its number, a receiver that resolves when it is evicted, and how many others were evicted for
    /// it. `network` is `None` for a trusted proxy, whose requests are counted per client instead.
    pub(crate) fn admit(&self, network: Option<IpAddr>, activity: Arc<Activity>) -> Result<(u64, oneshot::Receiver<()>, usize), Full> {
        let mut table = self.table.lock();
        let (now, evicted_before) = (Instant::now(), table.evicted_open);
        let of_network = network.and_then(|network| table.staying.get(&network)).map_or(0, Vec::len);
        if of_network >= self.limits.by_address && !network.is_some_and(|network| table.evict_of_network(network)) {
            return Err(Full::Address);
        }
        let is_full = table.open.len() - table.evicted_open >= self.limits.all;
        let has_made_room =
            |table: &mut Table| table.evict_idle(now, IDLE) || table.evict_anonymous(of_network) || table.evict_idle(now, Duration::ZERO);
        if is_full && !has_made_room(&mut table) {
            return Err(Full::All);
        }
        let number = table.next;
        table.next += 1;
        let (evict, evicted) = oneshot::channel();
        table.open.insert(number, Open { activity, network, evict: Some(evict) });
        if let Some(network) = network {
            table.staying.entry(network).or_default().push(number);
        }
        Ok((number, evicted, table.evicted_open - evicted_before))
    }

    pub(crate) fn remove(&self, number: u64) {
        let mut table = self.table.lock();
        let Some(open) = table.open.remove(&number) else { return };
        if open.evict.is_none() {
            table.evicted_open -= 1;
            drop(table);
            self.gone.notify_one();
        } else {
            table.forget(number, open.network);
        }
    }

    /// Waits until at most [`MAX_EVICTED_OPEN`] evicted connections are still open, but no longer than [`EVICTION_TIMEOUT`].
    pub(crate) async fn settle(&self) {
        let settled = async {
            while self.table.lock().evicted_open > MAX_EVICTED_OPEN {
                self.gone.notified().await;
            }
        };
        // Evicted connections that remain open use descriptors from the half for files.
        let _ = timeout(EVICTION_TIMEOUT, settled).await;
    }
}

impl Table {
    /// Evicts the least recently used idle connection of a network. Returns `false` if there is none.
    fn evict_of_network(&mut self, network: IpAddr) -> bool {
        let numbers = self.staying.get(&network).into_iter().flatten();
        let idle = numbers.filter_map(|number| Some((self.open.get(number)?.idle_since()?, *number))).min();
        idle.is_some_and(|(_, number)| self.evict(number))
    }

    /// Evicts the least recently used connection that has been idle for at least `idle`. Returns `false` if there is none. Listing
    /// the idle ones takes a pass over all connections, so a list is used up before the next pass, and passes are rate limited.
    fn evict_idle(&mut self, now: Instant, idle: Duration) -> bool {
        if self.evict_next_idle(now, idle) {
            return true;
        }
        let pause = Duration::from_micros(self.open.len() as u64);
        if self.looked.is_some_and(|looked| now.saturating_duration_since(looked) < pause) {
            return false;
        }
        self.looked = Some(now);
        self.idle.clear();
        self.idle.extend(self.open.iter().filter_map(|(number, open)| Some((open.idle_since()?, *number))));
        self.idle.sort_unstable_by(|one, other| other.cmp(one));
        self.evict_next_idle(now, idle)
    }

    /// Evicts the least recently active anonymous connection of the network with the most connections. Returns `false` if there is
    /// none. `of_newcomer` is the number of connections of the newcomer's network; no network is left with fewer than that
    /// network will have.
    fn evict_anonymous(&mut self, of_newcomer: usize) -> bool {
        let crowded = self.staying.iter().filter(|(_, numbers)| numbers.len() > of_newcomer + 1);
        let mut crowded: Vec<(usize, IpAddr)> = crowded.map(|(network, numbers)| (numbers.len(), *network)).collect();
        crowded.sort_unstable_by(|one, other| other.cmp(one));
        let anonymous = |number: &u64| Some((self.open.get(number)?.anonymous_since()?, *number));
        let found = crowded.iter().find_map(|(_, network)| self.staying.get(network)?.iter().filter_map(anonymous).min());
        found.is_some_and(|(_, number)| self.evict(number))
    }

    fn evict_next_idle(&mut self, now: Instant, idle: Duration) -> bool {
        while let Some((since, number)) = self.idle.pop_if(|(since, _)| now.saturating_duration_since(*since) >= idle) {
            let unchanged = self.open.get(&number).is_some_and(|open| open.idle_since() == Some(since));
            if unchanged && self.evict(number) {
                return true;
            }
        }
        false
    }

    fn evict(&mut self, number: u64) -> bool {
        let Some(open) = self.open.get_mut(&number) else { return false };
        let (Some(evict), network) = (open.evict.take(), open.network) else { return false };
        // A connection without a receiver is about to be removed.
        let _ = evict.send(());
        self.evicted_open += 1;
        self.forget(number, network);
        true
    }

    fn forget(&mut self, number: u64, network: Option<IpAddr>) {
        let Some(network) = network else { return };
        let Some(numbers) = self.staying.get_mut(&network) else { return };
        numbers.retain(|staying| *staying != number);
        if numbers.is_empty() {
            self.staying.remove(&network);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;
    use crate::http::InFlight;
    use std::net::Ipv4Addr;

    fn address(number: u8) -> Option<IpAddr> {
        Some(Ipv4Addr::new(192, 0, 2, number).into())
    }

    /// Connections admitted one after the other, a second apart.
    struct Crowd {
        connections: Connections,
        inside: HashMap<u64, (Arc<Activity>, oneshot::Receiver<()>)>,
        requests: HashMap<u64, InFlight>,
    }

    impl Crowd {
        fn within(all: usize, by_address: usize) -> Self {
            Self { connections: Connections::within(Limits { all, by_address }), inside: HashMap::new(), requests: HashMap::new() }
        }

        async fn comes(&mut self, network: Option<IpAddr>) -> Result<u64, Full> {
            tokio::time::advance(Duration::from_secs(1)).await;
            let activity = Arc::new(Activity::new(Duration::from_secs(75), Duration::from_secs(600)));
            let (number, evicted, _) = self.connections.admit(network, activity.clone())?;
            self.inside.insert(number, (activity, evicted));
            Ok(number)
        }

        fn begins_a_request(&mut self, number: u64) {
            self.requests.insert(number, InFlight::new(&self.inside[&number].0));
        }

        async fn ends_a_request(&mut self, number: u64) {
            tokio::time::advance(Duration::from_secs(1)).await;
            self.requests.remove(&number);
        }

        /// Removes evicted connections, and returns their numbers.
        fn evict(&mut self) -> Vec<u64> {
            let mut asked: Vec<u64> =
                self.inside.iter_mut().filter_map(|(number, (_, asked))| asked.try_recv().ok().map(|()| *number)).collect();
            asked.sort_unstable();
            for number in &asked {
                self.inside.remove(number);
                self.connections.remove(*number);
            }
            asked
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_one_that_has_been_idle_for_longest_makes_room() {
        let mut crowd = Crowd::within(3, 3);
        for number in 0..3 {
            assert_eq!(crowd.comes(address(number as u8)).await, Ok(number));
        }
        crowd.begins_a_request(0);
        crowd.ends_a_request(0).await;
        assert_eq!(crowd.comes(address(3)).await, Ok(3));
        assert_eq!(crowd.evict(), [1]);
        assert_eq!(crowd.comes(address(4)).await, Ok(4));
        assert_eq!(crowd.evict(), [2]);
        assert_eq!(crowd.comes(address(5)).await, Ok(5));
        assert_eq!(crowd.evict(), [0]);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_with_a_request_makes_room() {
        let mut crowd = Crowd::within(2, 2);
        for number in 0..2 {
            assert_eq!(crowd.comes(address(number as u8)).await, Ok(number));
            crowd.begins_a_request(number);
        }
        assert_eq!(crowd.comes(address(2)).await, Err(Full::All));
        crowd.ends_a_request(1).await;
        assert_eq!(crowd.comes(address(2)).await, Ok(2));
        assert_eq!(crowd.evict(), [1]);
    }

    #[tokio::test(start_paused = true)]
    async fn requests_of_strangers_keep_nobody_out_whose_address_has_fewer() {
        let mut crowd = Crowd::within(7, 7);
        for (number, network) in [1, 1, 1, 1, 2, 2, 2].into_iter().enumerate() {
            assert_eq!(crowd.comes(address(network)).await, Ok(number as u64));
            crowd.begins_a_request(number as u64);
        }
        crowd.inside[&0].0.authenticated();
        crowd.inside[&1].0.touch();
        for (newcomer, leaves) in [(3, 2), (3, 4), (4, 3)] {
            let number = crowd.comes(address(newcomer)).await.expect("admitted");
            crowd.begins_a_request(number);
            assert_eq!(crowd.evict(), [leaves]);
        }
        assert_eq!(crowd.comes(address(1)).await, Err(Full::All), "no network has two connections more");
        crowd.inside[&5].0.authenticated();
        crowd.inside[&6].0.authenticated();
        assert_eq!(crowd.comes(address(5)).await, Ok(10), "a network with two connections has an anonymous one");
        assert_eq!(crowd.evict().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_connection_has_time_to_say_what_it_wants() {
        let mut crowd = Crowd::within(4, 4);
        for number in 0..3 {
            assert_eq!(crowd.comes(address(1)).await, Ok(number));
            crowd.begins_a_request(number);
        }
        for number in 3..7 {
            let activity = Arc::new(Activity::new(Duration::from_secs(75), Duration::from_secs(600)));
            let (admitted, evicted, _) = crowd.connections.admit(address(number as u8), activity.clone()).expect("admitted");
            crowd.inside.insert(admitted, (activity, evicted));
            let leaves: &[u64] = match number {
                3 => &[],
                4 => &[0],
                5 => &[1],
                _ => &[3],
            };
            assert_eq!(crowd.evict(), leaves, "without a more crowded network, the least recently used one");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_has_its_share_and_makes_room_for_itself() {
        let mut crowd = Crowd::within(10, 2);
        assert_eq!(crowd.comes(address(9)).await, Ok(0));
        for number in 1..3 {
            assert_eq!(crowd.comes(address(1)).await, Ok(number));
            crowd.begins_a_request(number);
        }
        assert_eq!(crowd.comes(address(1)).await, Err(Full::Address));
        crowd.ends_a_request(2).await;
        assert_eq!(crowd.comes(address(1)).await, Ok(3));
        assert_eq!(crowd.evict(), [2], "not one of another network, although it has been idle for longer");
        for number in 4..9 {
            assert_eq!(crowd.comes(None).await, Ok(number), "a proxy has no limit of its own");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_leaves_gives_its_place_back() {
        let mut crowd = Crowd::within(2, 1);
        for number in 0..20 {
            assert_eq!(crowd.comes(address(1)).await, Ok(number));
            assert!(crowd.evict().len() <= 1);
            if number % 3 == 0 {
                crowd.inside.remove(&number);
                crowd.connections.remove(number);
            }
        }
        let numbers: Vec<u64> = crowd.inside.keys().copied().collect();
        numbers.into_iter().for_each(|number| crowd.connections.remove(number));
        let table = crowd.connections.table.lock();
        assert!(table.open.is_empty() && table.staying.is_empty() && table.evicted_open == 0);
    }

    #[test]
    fn the_bounds_leave_half_of_the_descriptors_to_files_and_most_of_the_memory_to_requests() {
        let config = |all, by_address| Config {
            max_connections: all,
            max_connections_per_address: by_address,
            memory_budget: 4 << 30,
            ..Config::from_sources(&Sources::default()).unwrap()
        };
        for (all, by_address, descriptors, limits) in [
            (None, None, 1 << 20, (10_000, 2_500)),
            (None, None, 1024, (512, 128)),
            (Some(20_000), None, 1 << 20, (20_000, 5_000)),
            (Some(100_000), Some(1_000), 1024, (512, 512)),
            (Some(200), Some(50), 1024, (200, 50)),
            (Some(1), None, 4, (1, 1)),
        ] {
            let expected = Limits { all: limits.0, by_address: limits.1 };
            assert_eq!(Limits::new(&config(all, by_address), descriptors), expected);
        }
        let usual = Config { memory_budget: 256 << 20, ..config(None, None) };
        assert_eq!(Limits::new(&usual, 1 << 20), Limits { all: 2_048, by_address: 512 });
    }
}
