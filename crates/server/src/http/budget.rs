//! The memory budget of requests and responses.
//!
//! Memory is charged to a [`Share`], which grows as bytes arrive and is released on drop. Anonymous clients are limited by address
//! and in total, authenticated ones by account and in total. Anonymous clients cannot use up the whole budget.

mod verified_keys;

use super::network::network_of;
use super::trace::Trace;
use parking_lot::Mutex;
use roadstead_model::RegistryId;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};
use verified_keys::{Claim, VerifiedKeys};

/// Bytes charged to a waiting request besides its body: task, head, and protocol state.
pub(crate) const REQUEST: usize = 16 * 1024;
/// Bytes charged to a connection besides its requests: buffers, most of all for an incomplete head.
pub(crate) const CONNECTION: usize = 32 * 1024;
/// The size in bytes of a small request. The requests of most operations are smaller.
const SMALL: usize = 64 * 1024;
/// The step in bytes by which shares grow.
const STEP: usize = 16 * 1024;
/// How long an authenticated holder waits for room at most.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// How long an authenticated holder of nothing waits for room.
const SHORTEST_WAIT: Duration = Duration::from_secs(2);
/// The size from which a full table is cleared of unused entries.
const CLEAR_FROM: usize = 1024;

/// Why the budget has no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Crowded {
    /// The caller's own quota is exhausted.
    ByCaller,
    /// A quota shared by callers is exhausted.
    InAll,
}

impl Crowded {
    /// `Retry-After` in seconds.
    pub(crate) const RETRY_AFTER: &str = "5";
}

/// The memory budget of a server.
#[derive(Debug)]
pub struct Budget(Arc<Pools>);

#[derive(Debug)]
struct Pools {
    all: Quota,
    all_anonymous: Quota,
    authenticated: Quota,
    claims: Quota,
    small: Quota,
    quotas: Mutex<Quotas>,
    verified_keys: VerifiedKeys,
    /// The number of holders that wait for `room`.
    waiting: AtomicUsize,
    room: Notify,
    /// How often there was no room, indexed by [`Crowded`].
    refused: [AtomicU64; 2],
}

/// A number of bytes up to a limit.
#[derive(Debug)]
struct Quota {
    held: AtomicUsize,
    limit: usize,
}

/// The quotas of single holders that are in use.
#[derive(Debug, Default)]
struct Quotas {
    addresses: HashMap<(IpAddr, Class), Weak<Quota>>,
    accounts: HashMap<RegistryId, Weak<Quota>>,
    claims: HashMap<(Claim, Size), Weak<Quota>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Class {
    Anonymous,
    /// The sender of a small signed request that is not verified yet.
    Claimant,
    Authenticated,
    /// A recipient of a small response while there is no room.
    Small,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Size {
    Small,
    Large,
}

/// The client that a share is charged to.
#[derive(Debug, Clone)]
pub(crate) struct Holder {
    pools: Arc<Pools>,
    class: Class,
    /// The quotas of this holder alone.
    own: [Option<Arc<Quota>>; 2],
    /// Takes over when a share grows beyond [`SMALL`], or when the quotas for small shares are exhausted.
    larger: Option<Fallback>,
}

/// See [`Holder::larger`].
#[derive(Debug, Clone, Copy)]
enum Fallback {
    /// All anonymous clients at this address.
    Anonymous(IpAddr),
    /// The sender of a request with this key that is not verified yet.
    Claimant(Claim),
}

/// Memory charged to a holder.
#[derive(Debug)]
pub(crate) struct Share {
    holder: Holder,
    bytes: usize,
}

impl Budget {
    /// Creates a budget of `bytes`.
    ///
    /// - Anonymous holders have one half of it, and one address one eighth.
    /// - Authenticated holders have seven eighths, and one account one half. Of that, one address with one access key has a
    ///   quarter of the budget for requests whose signature is not verified yet.
    /// - In addition, one sixteenth of `bytes` is reserved for small signed requests that are not verified yet, and one
    ///   thirty-second for small responses.
    pub fn new(bytes: u64) -> Self {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        Self(Arc::new(Pools {
            all: Quota::of(bytes),
            all_anonymous: Quota::of(bytes / 2),
            authenticated: Quota::of(bytes - bytes / 8),
            claims: Quota::of(bytes / 16),
            small: Quota::of(bytes / 32),
            quotas: Mutex::default(),
            verified_keys: VerifiedKeys::default(),
            waiting: AtomicUsize::new(0),
            room: Notify::new(),
            refused: Default::default(),
        }))
    }

    /// The number of bytes held, including those of connections.
    pub(crate) fn held(&self) -> usize {
        self.0.all.held.load(Ordering::Relaxed)
    }

    /// The number of bytes that may be held.
    pub(crate) fn limit(&self) -> usize {
        self.0.all.limit
    }

    /// The number of holders that wait for room.
    pub(crate) fn waiting(&self) -> usize {
        self.0.waiting.load(Ordering::Relaxed)
    }

    /// How often there was no room.
    pub(crate) fn refused(&self, crowded: Crowded) -> u64 {
        self.0.refused[crowded as usize].load(Ordering::Relaxed)
    }

    /// Charges a connection until the result is dropped.
    pub(crate) fn connection(&self) -> ConnectionShare {
        self.0.all.held.fetch_add(CONNECTION, Ordering::Relaxed);
        ConnectionShare(self.0.clone())
    }

    /// The sender of a request: its account once it is authenticated, else its address.
    pub(crate) fn sender(&self, trace: &Trace) -> Holder {
        match trace.caller() {
            Some(known) => self.authenticated(&known.identity.registry),
            None => self.anonymous(trace.client()),
        }
    }

    pub(crate) fn anonymous(&self, client: IpAddr) -> Holder {
        Holder::of_address(&self.0, client, Class::Anonymous)
    }

    /// Fails if an anonymous client holds so much that it has no room for `bytes` more.
    pub(crate) fn has_room_for_anonymous(&self, client: IpAddr, bytes: usize) -> Result<(), Crowded> {
        // Fast path: an address cannot exceed the total of all anonymous clients.
        if self.0.all_anonymous.held.load(Ordering::Relaxed) + bytes <= self.0.all.limit / 8 {
            return Ok(());
        }
        self.anonymous(client).has_room_of_its_own(bytes)
    }

    pub(crate) fn authenticated(&self, account: &RegistryId) -> Holder {
        Holder { pools: self.0.clone(), class: Class::Authenticated, own: [Some(self.0.account(account)), None], larger: None }
    }

    /// The sender of a signed request that is not verified yet.
    ///
    /// It is charged as an anonymous client, with an additional quota for small requests, unless this address has
    /// [proved](Self::prove) this key before. Then it is charged to the account, within quotas of this address and key, so that
    /// forged signatures from other addresses take no memory from the account's own clients.
    pub(crate) fn claimant(&self, client: IpAddr, access_key_id: &str, account: &RegistryId) -> Holder {
        let claim = self.0.verified_keys.claim(network_of(client), access_key_id);
        if !self.0.verified_keys.contains(claim) {
            return Holder { larger: Some(Fallback::Anonymous(client)), ..Holder::of_address(&self.0, client, Class::Claimant) };
        }
        let own = [Some(self.0.claim(claim, Size::Small)), Some(self.0.account(account))];
        Holder { pools: self.0.clone(), class: Class::Authenticated, own, larger: Some(Fallback::Claimant(claim)) }
    }

    /// Records that this address has proved possession of an access key.
    pub(crate) fn prove(&self, client: IpAddr, access_key_id: &str) {
        self.0.verified_keys.insert(self.0.verified_keys.claim(network_of(client), access_key_id));
    }

    /// The recipient of a small response while there is no room for more.
    pub(crate) fn small(&self, client: IpAddr) -> Holder {
        Holder::of_address(&self.0, client, Class::Small)
    }
}

/// The share of an open connection, never refused because [`crate::admission`] limits the number of connections.
#[derive(Debug)]
pub(crate) struct ConnectionShare(Arc<Pools>);

impl Drop for ConnectionShare {
    fn drop(&mut self) {
        self.0.all.give(CONNECTION);
        self.0.wake_waiting();
    }
}

impl Pools {
    fn count(&self, crowded: Crowded) {
        self.refused[crowded as usize].fetch_add(1, Ordering::Relaxed);
    }

    fn wake_waiting(&self) {
        if self.waiting.load(Ordering::Relaxed) > 0 {
            self.room.notify_waiters();
        }
    }

    fn address(&self, network: IpAddr, class: Class) -> Arc<Quota> {
        let part = match class {
            Class::Small => 128,
            Class::Claimant => 64,
            Class::Anonymous | Class::Authenticated => 8,
        };
        let mut quotas = self.quotas.lock();
        quota(&mut quotas.addresses, &(network, class), self.all.limit / part)
    }

    fn account(&self, account: &RegistryId) -> Arc<Quota> {
        let mut quotas = self.quotas.lock();
        quota(&mut quotas.accounts, account, self.all.limit / 2)
    }

    /// Small requests have their own quota, so that large bodies with wrong signatures leave room for them.
    fn claim(&self, claim: Claim, size: Size) -> Arc<Quota> {
        let part = match size {
            Size::Small => 16,
            Size::Large => 4,
        };
        let mut quotas = self.quotas.lock();
        quota(&mut quotas.claims, &(claim, size), self.all.limit / part)
    }
}

/// Returns the quota of a key, created unless it is in use.
fn quota<K: Eq + Hash + Clone>(quotas: &mut HashMap<K, Weak<Quota>>, key: &K, limit: usize) -> Arc<Quota> {
    if let Some(quota) = quotas.get(key).and_then(Weak::upgrade) {
        return quota;
    }
    if quotas.len() >= CLEAR_FROM && quotas.len() == quotas.capacity() {
        quotas.retain(|_, quota| quota.strong_count() > 0);
    }
    let quota = Arc::new(Quota::of(limit));
    quotas.insert(key.clone(), Arc::downgrade(&quota));
    quota
}

impl Quota {
    const fn of(limit: usize) -> Self {
        Self { held: AtomicUsize::new(0), limit }
    }

    fn take(&self, bytes: usize) -> bool {
        let more = |held: usize| held.checked_add(bytes).filter(|held| *held <= self.limit);
        self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    fn give(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Holder {
    fn of_address(pools: &Arc<Pools>, client: IpAddr, class: Class) -> Self {
        let address = pools.address(network_of(client), class);
        Self { pools: pools.clone(), class, own: [Some(address), None], larger: None }
    }

    /// Resolves [`Self::larger`].
    fn larger(&self) -> Option<Self> {
        Some(match self.larger? {
            Fallback::Anonymous(client) => Self::of_address(&self.pools, client, Class::Anonymous),
            Fallback::Claimant(claim) => {
                let own = [Some(self.pools.claim(claim, Size::Large)), self.own[1].clone()];
                Self { pools: self.pools.clone(), class: Class::Authenticated, own, larger: None }
            }
        })
    }

    /// An empty share.
    pub(crate) fn nothing(self) -> Share {
        Share { holder: self, bytes: 0 }
    }

    /// A share of `bytes`. Fails if there is no room now.
    pub(crate) fn share(self, bytes: usize) -> Result<Share, Crowded> {
        self.take(bytes).inspect_err(|crowded| self.pools.count(*crowded))?;
        Ok(Share { holder: self, bytes })
    }

    /// Fails if the quotas of this holder alone have no room for `bytes`, or for half of their limit if that is less.
    fn has_room_of_its_own(&self, bytes: usize) -> Result<(), Crowded> {
        let has_room = |quota: &Arc<Quota>| quota.held.load(Ordering::Relaxed) + bytes.min(quota.limit / 2) <= quota.limit;
        if self.own.iter().flatten().all(has_room) {
            return Ok(());
        }
        self.pools.count(Crowded::ByCaller);
        Err(Crowded::ByCaller)
    }

    pub(crate) fn is_authenticated(&self) -> bool {
        self.class == Class::Authenticated
    }

    /// All quotas of this holder, each with the error if it is exhausted. Small shares do not count towards the whole budget.
    fn quotas(&self) -> impl DoubleEndedIterator<Item = (&Quota, Crowded)> {
        let pools = &*self.pools;
        let (class, all) = match self.class {
            Class::Anonymous => (&pools.all_anonymous, Some(&pools.all)),
            Class::Authenticated => (&pools.authenticated, Some(&pools.all)),
            Class::Claimant => (&pools.claims, None),
            Class::Small => (&pools.small, None),
        };
        let own = self.own.iter().flatten().map(|quota| (&**quota, Crowded::ByCaller));
        own.chain([(class, Crowded::InAll)]).chain(all.map(|all| (all, Crowded::InAll)))
    }

    fn take(&self, bytes: usize) -> Result<(), Crowded> {
        for (at, (quota, crowded)) in self.quotas().enumerate() {
            if !quota.take(bytes) {
                self.quotas().take(at).for_each(|(quota, _)| quota.give(bytes));
                return Err(crowded);
            }
        }
        Ok(())
    }

    fn give(&self, bytes: usize) {
        self.quotas().for_each(|(quota, _)| quota.give(bytes));
        self.pools.wake_waiting();
    }
}

impl Share {
    /// Grows the share to at least `bytes`.
    ///
    /// Without room, anonymous holders are refused immediately. Authenticated ones wait, for longer the more they hold: of two
    /// holders that wait for each other (a deadlock), the smaller one times out first and the larger one continues.
    pub(crate) async fn hold(&mut self, bytes: usize) -> Result<(), Crowded> {
        let Some(missing) = bytes.checked_sub(self.bytes).filter(|missing| *missing > 0) else { return Ok(()) };
        let more = missing.next_multiple_of(STEP);
        let grown = match self.grow(more) {
            Err(_) if self.holder.is_authenticated() => self.wait_for(more).await,
            grown => grown,
        };
        grown.inspect_err(|crowded| self.holder.pools.count(*crowded))
    }

    fn grow(&mut self, more: usize) -> Result<(), Crowded> {
        let bytes = self.bytes + more;
        let may_take = bytes <= SMALL || self.holder.larger.is_none();
        let taken = if may_take { self.holder.take(more) } else { Err(Crowded::ByCaller) };
        if let Err(crowded) = taken {
            let larger = self.holder.larger().ok_or(crowded)?;
            larger.take(bytes)?;
            std::mem::replace(&mut self.holder, larger).give(self.bytes);
        }
        self.bytes = bytes;
        Ok(())
    }

    async fn wait_for(&mut self, more: usize) -> Result<(), Crowded> {
        let pools = self.holder.pools.clone();
        let _waiter = Waiter::new(&pools);
        let part = self.bytes as f64 / pools.all.limit.max(1) as f64;
        let wait = SHORTEST_WAIT + LONGEST_WAIT.mul_f64(4.0 * part);
        let deadline = Instant::now() + wait.min(LONGEST_WAIT);
        loop {
            let room = pools.room.notified();
            match self.grow(more) {
                Err(crowded) if timeout_at(deadline, room).await.is_err() => return Err(crowded),
                Err(_) => {}
                Ok(()) => return Ok(()),
            }
        }
    }

    /// Transfers the share to another holder, if that one has room.
    pub(crate) fn pass_to(&mut self, holder: Holder) {
        if holder.take(self.bytes).is_ok() {
            std::mem::replace(&mut self.holder, holder).give(self.bytes);
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.holder.give(self.bytes);
        }
    }
}

/// Counts a holder that waits for room until it is dropped.
struct Waiter<'a>(&'a Pools);

impl<'a> Waiter<'a> {
    fn new(pools: &'a Pools) -> Self {
        pools.waiting.fetch_add(1, Ordering::SeqCst);
        Self(pools)
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests;
