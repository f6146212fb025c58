//! Which connections are let in: there is a bound for all of them and one for each address. At a bound, connections without a
//! request make room, the one that has been idle for longest first. When none is idle, an address with more of them than the one
//! that the new one comes from gives up one that no known caller uses, so that few strangers cannot keep all others out with
//! requests that do not end; only when there is none of those either is the new one turned away.

mod forwarded;

pub(crate) use forwarded::Forwarded;

use crate::config::Config;
use crate::descriptors;
use crate::http::Activity;
use crate::http::budget::CONNECTION;
use forwarded::Forwarding;
use parking_lot::{Mutex, MutexGuard};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout};

/// How many connections there are at most, unless the operator says another number.
const MOST: usize = 10_000;
/// How many there are at the operator's address: monitors, and a person who looks. What strangers hold leaves these places free.
const MOST_OF_ADMIN: usize = 128;
/// So many connections may be on their way out, their descriptors still open, before the next one is accepted.
const LEAVING: usize = 64;
/// Whoever has been here for less has only not said yet what he wants.
const IDLE: Duration = Duration::from_secs(1);
/// How long accepting waits for them.
const PATIENCE: Duration = Duration::from_secs(1);

/// How many connections, and requests through proxies, there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bounds {
    /// Of all.
    all: usize,
    /// Of one address (IPv6: of one /64). The same number holds for requests that proxies forward for one address.
    by_address: usize,
}

impl Bounds {
    /// What is configured, but no more than half of the descriptors, since the other half is for files, and no more than take a
    /// quarter of the memory that may be held.
    fn new(config: &Config, descriptors: u64) -> Self {
        let most = bounded(descriptors / 2).min(bounded(config.memory_budget) / 4 / CONNECTION);
        let all = config.max_connections.map_or(MOST, bounded).min(most).max(1);
        let by_address = config.max_connections_per_address.map_or((all / 4).max(1), bounded).clamp(1, all);
        Self { all, by_address }
    }

    fn of(config: &Config) -> Self {
        let descriptors = descriptors::limit();
        let bounds = Self::new(config, descriptors);
        if let Some(wanted) = config.max_connections.filter(|wanted| bounded(*wanted) > bounds.all) {
            tracing::warn!(
                wanted,
                most = bounds.all,
                descriptors,
                memory_budget = config.memory_budget,
                "fewer connections than --max-connections: they may take half of the descriptors and a quarter of --memory-budget, at 32 KiB each"
            );
        }
        bounds
    }
}

fn bounded(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Why a connection is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// There are as many as there may be, and all of them are busy.
    All,
    /// The same for the connections of this address.
    Address,
}

impl Full {
    /// What metrics call the bound.
    pub(crate) fn bound(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Address => "address",
        }
    }
}

/// The connections that are open.
#[derive(Debug)]
pub(crate) struct Connections {
    bounds: Bounds,
    table: Mutex<Table>,
    /// Tells that a connection that was asked to leave is gone.
    gone: Notify,
    forwarding: Forwarding,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    open: HashMap<u64, Open>,
    /// Those of each address that are not asked to leave.
    staying: HashMap<IpAddr, Vec<u64>>,
    leaving: usize,
    /// The idle ones when they were last looked for, the one that had been idle for longest last.
    idle: Vec<(Instant, u64)>,
    looked: Option<Instant>,
}

#[derive(Debug)]
struct Open {
    activity: Arc<Activity>,
    network: Option<IpAddr>,
    /// Asks the connection to leave; none once that was done.
    leave: Option<oneshot::Sender<()>>,
}

impl Open {
    /// Since when there has been no request, if there is none now.
    fn idle_since(&self) -> Option<Instant> {
        let idle = self.leave.is_some() && !self.activity.has_request();
        idle.then(|| self.activity.last())
    }

    /// Since when nothing has happened, if nobody has proved on it who he is.
    fn of_stranger_since(&self) -> Option<Instant> {
        let of_stranger = self.leave.is_some() && !self.activity.is_known();
        of_stranger.then(|| self.activity.last())
    }
}

impl Connections {
    pub(crate) fn new(config: &Config) -> Self {
        Self::within(Bounds::of(config))
    }

    /// Those at the operator's address.
    pub(crate) fn of_admin() -> Self {
        Self::within(Bounds { all: MOST_OF_ADMIN, by_address: MOST_OF_ADMIN })
    }

    fn within(bounds: Bounds) -> Self {
        Self { bounds, table: Mutex::default(), gone: Notify::new(), forwarding: Forwarding::new(bounds.by_address) }
    }

    /// Lets a connection in, under the number that this returns; what is returned besides asks it to leave. `network` is none for
    /// a proxy, whose clients are told apart by its requests.
    pub(crate) fn admit(&self, network: Option<IpAddr>, activity: Arc<Activity>) -> Result<(u64, oneshot::Receiver<()>, usize), Full> {
        let mut table = self.table();
        let (now, left_before) = (Instant::now(), table.leaving);
        let of_network = network.and_then(|network| table.staying.get(&network)).map_or(0, Vec::len);
        if of_network >= self.bounds.by_address && !network.is_some_and(|network| table.make_room_of(network)) {
            return Err(Full::Address);
        }
        let is_full = table.open.len() - table.leaving >= self.bounds.all;
        let makes_room = |table: &mut Table| {
            table.make_room(now, IDLE) || table.make_room_of_strangers(of_network) || table.make_room(now, Duration::ZERO)
        };
        if is_full && !makes_room(&mut table) {
            return Err(Full::All);
        }
        let number = table.next;
        table.next += 1;
        let (leave, asked_to_leave) = oneshot::channel();
        table.open.insert(number, Open { activity, network, leave: Some(leave) });
        if let Some(network) = network {
            table.staying.entry(network).or_default().push(number);
        }
        Ok((number, asked_to_leave, table.leaving - left_before))
    }

    pub(crate) fn remove(&self, number: u64) {
        let mut table = self.table();
        let Some(open) = table.open.remove(&number) else { return };
        if open.leave.is_none() {
            table.leaving -= 1;
            drop(table);
            self.gone.notify_one();
        } else {
            table.forget(number, open.network);
        }
    }

    /// Waits until few of those that were asked to leave are still there.
    pub(crate) async fn settle(&self) {
        let settled = async {
            while self.table().leaving > LEAVING {
                self.gone.notified().await;
            }
        };
        // Whoever does not leave in this time still counts, and the half of the descriptors that is for files has room for it.
        let _ = timeout(PATIENCE, settled).await;
    }

    /// Counts a request that a proxy forwards for this address until what this returns is dropped; none if there are too many.
    pub(crate) fn forward(&self, client: IpAddr) -> Option<Forwarded> {
        self.forwarding.begin(client)
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock()
    }
}

impl Table {
    /// Asks the connection of an address to leave that has been idle for longest; false if there is none.
    fn make_room_of(&mut self, network: IpAddr) -> bool {
        let numbers = self.staying.get(&network).into_iter().flatten();
        let idle = numbers.filter_map(|number| Some((self.open.get(number)?.idle_since()?, *number))).min();
        idle.is_some_and(|(_, number)| self.ask_to_leave(number))
    }

    /// The same among all of them that have been idle for so long. The list of idle ones is used up before it is made again, and not
    /// made again too often: making it looks at every connection.
    fn make_room(&mut self, now: Instant, idle: Duration) -> bool {
        if self.next_idle(now, idle) {
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
        self.next_idle(now, idle)
    }

    /// Asks a connection with a request of a stranger to leave, of the address that has most of them: the one on which nothing has
    /// happened for longest. None of an address that would then have fewer than the one that a new one comes from, which has
    /// `of_newcomer` without it.
    fn make_room_of_strangers(&mut self, of_newcomer: usize) -> bool {
        let crowded = self.staying.iter().filter(|(_, numbers)| numbers.len() > of_newcomer + 1);
        let mut crowded: Vec<(usize, IpAddr)> = crowded.map(|(network, numbers)| (numbers.len(), *network)).collect();
        crowded.sort_unstable_by(|one, other| other.cmp(one));
        let of_stranger = |number: &u64| Some((self.open.get(number)?.of_stranger_since()?, *number));
        let found = crowded.iter().find_map(|(_, network)| self.staying.get(network)?.iter().filter_map(of_stranger).min());
        found.is_some_and(|(_, number)| self.ask_to_leave(number))
    }

    fn next_idle(&mut self, now: Instant, idle: Duration) -> bool {
        while let Some((since, number)) = self.idle.pop_if(|(since, _)| now.saturating_duration_since(*since) >= idle) {
            let unchanged = self.open.get(&number).is_some_and(|open| open.idle_since() == Some(since));
            if unchanged && self.ask_to_leave(number) {
                return true;
            }
        }
        false
    }

    fn ask_to_leave(&mut self, number: u64) -> bool {
        let Some(open) = self.open.get_mut(&number) else { return false };
        let (Some(leave), network) = (open.leave.take(), open.network) else { return false };
        // One that is gone meanwhile is about to be removed.
        let _ = leave.send(());
        self.leaving += 1;
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

    /// Connections that are let in one after the other, a second apart.
    struct Crowd {
        connections: Connections,
        inside: HashMap<u64, (Arc<Activity>, oneshot::Receiver<()>)>,
        requests: HashMap<u64, InFlight>,
    }

    impl Crowd {
        fn within(all: usize, by_address: usize) -> Self {
            Self { connections: Connections::within(Bounds { all, by_address }), inside: HashMap::new(), requests: HashMap::new() }
        }

        async fn comes(&mut self, network: Option<IpAddr>) -> Result<u64, Full> {
            tokio::time::advance(Duration::from_secs(1)).await;
            let activity = Arc::new(Activity::new(Duration::from_secs(75), Duration::from_secs(600)));
            let (number, asked_to_leave, _) = self.connections.admit(network, activity.clone())?;
            self.inside.insert(number, (activity, asked_to_leave));
            Ok(number)
        }

        fn begins_a_request(&mut self, number: u64) {
            self.requests.insert(number, InFlight::new(&self.inside[&number].0));
        }

        async fn ends_a_request(&mut self, number: u64) {
            tokio::time::advance(Duration::from_secs(1)).await;
            self.requests.remove(&number);
        }

        /// Removes those that are asked to leave, and tells which.
        fn leave(&mut self) -> Vec<u64> {
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
        assert_eq!(crowd.leave(), [1]);
        assert_eq!(crowd.comes(address(4)).await, Ok(4));
        assert_eq!(crowd.leave(), [2]);
        assert_eq!(crowd.comes(address(5)).await, Ok(5));
        assert_eq!(crowd.leave(), [0]);
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
        assert_eq!(crowd.leave(), [1]);
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
            let number = crowd.comes(address(newcomer)).await.expect("is let in");
            crowd.begins_a_request(number);
            assert_eq!(crowd.leave(), [leaves]);
        }
        assert_eq!(crowd.comes(address(1)).await, Err(Full::All), "no address has two more");
        crowd.inside[&5].0.authenticated();
        crowd.inside[&6].0.authenticated();
        assert_eq!(crowd.comes(address(5)).await, Ok(10), "of those that have two one is a stranger's");
        assert_eq!(crowd.leave().len(), 1);
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
            let (admitted, asked_to_leave, _) = crowd.connections.admit(address(number as u8), activity.clone()).expect("is let in");
            crowd.inside.insert(admitted, (activity, asked_to_leave));
            let leaves: &[u64] = match number {
                3 => &[],
                4 => &[0],
                5 => &[1],
                _ => &[3],
            };
            assert_eq!(crowd.leave(), leaves, "as nobody of an address with more is left, it is the one that came first");
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
        assert_eq!(crowd.leave(), [2], "and not another's, though it has been idle for longer");
        for number in 4..9 {
            assert_eq!(crowd.comes(None).await, Ok(number), "a proxy has no share of its own");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_leaves_gives_its_place_back() {
        let mut crowd = Crowd::within(2, 1);
        for number in 0..20 {
            assert_eq!(crowd.comes(address(1)).await, Ok(number));
            assert!(crowd.leave().len() <= 1);
            if number % 3 == 0 {
                crowd.inside.remove(&number);
                crowd.connections.remove(number);
            }
        }
        let numbers: Vec<u64> = crowd.inside.keys().copied().collect();
        numbers.into_iter().for_each(|number| crowd.connections.remove(number));
        let table = crowd.connections.table();
        assert!(table.open.is_empty() && table.staying.is_empty() && table.leaving == 0);
    }

    #[test]
    fn the_bounds_leave_half_of_the_descriptors_to_files_and_most_of_the_memory_to_requests() {
        let config = |all, by_address| Config {
            max_connections: all,
            max_connections_per_address: by_address,
            memory_budget: 4 << 30,
            ..Config::from_sources(&Sources::default()).unwrap()
        };
        for (all, by_address, descriptors, bounds) in [
            (None, None, 1 << 20, (10_000, 2_500)),
            (None, None, 1024, (512, 128)),
            (Some(20_000), None, 1 << 20, (20_000, 5_000)),
            (Some(100_000), Some(1_000), 1024, (512, 512)),
            (Some(200), Some(50), 1024, (200, 50)),
            (Some(1), None, 4, (1, 1)),
        ] {
            let expected = Bounds { all: bounds.0, by_address: bounds.1 };
            assert_eq!(Bounds::new(&config(all, by_address), descriptors), expected);
        }
        let usual = Config { memory_budget: 256 << 20, ..config(None, None) };
        assert_eq!(Bounds::new(&usual, 1 << 20), Bounds { all: 2_048, by_address: 512 });
    }
}
