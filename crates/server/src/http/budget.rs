//! One budget of memory for everything that is held for a request or an answer.
//!
//! Whoever holds something has a [`Share`], which is taken as the bytes come and given back when it is dropped. Anonymous holders
//! ("strangers") are limited by address and in total, authenticated ones ("the known") by account and in total; the limits leave a
//! part of the budget that strangers cannot use up.

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

/// What a request takes besides its own bytes while it waits for its client: its task, its head, the protocol's state.
pub(crate) const REQUEST: usize = 16 * 1024;
/// What a connection takes besides its requests: its buffers, most of all with a head that is not complete.
pub(crate) const CONNECTION: usize = 32 * 1024;
/// What the requests of most operations stay below.
const SMALL: usize = 64 * 1024;
/// Shares grow in steps of this size.
const STEP: usize = 16 * 1024;
/// For how long the known wait at most for others to give room back.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
const SHORTEST_WAIT: Duration = Duration::from_secs(2);
/// When a table of bounds is full and has this many or more, those that nobody refers to any more are removed from it.
const CLEARED_AT: usize = 1024;

/// There is no room for what somebody would hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Crowded {
    /// It would be too much for one caller.
    ByCaller,
    /// It would be too much in all.
    InAll,
}

impl Crowded {
    /// When to come again, in seconds (`Retry-After`, RFC 9110, section 10.2.3).
    pub(crate) const RETRY_AFTER: &str = "5";
}

/// The budget of a server.
#[derive(Debug)]
pub struct Budget(Arc<Pots>);

/// What is held, by whom, and how much it may be.
#[derive(Debug)]
struct Pots {
    all: Bound,
    strangers: Bound,
    known: Bound,
    claims: Bound,
    small: Bound,
    bounds: Mutex<Bounds>,
    verified_keys: VerifiedKeys,
    /// Who waits for room, and what tells them that there is some.
    waiting: AtomicUsize,
    room: Notify,
    /// How often there was no room: for one caller, and for all together.
    refused: [AtomicU64; 2],
}

/// An amount of bytes that must not pass a limit.
#[derive(Debug)]
struct Bound {
    held: AtomicUsize,
    limit: usize,
}

/// The bounds of those who hold something now.
#[derive(Debug)]
struct Bounds {
    addresses: HashMap<(IpAddr, Class), Weak<Bound>>,
    accounts: HashMap<RegistryId, Weak<Bound>>,
    claims: HashMap<Claim, Weak<Bound>>,
    small_claims: HashMap<Claim, Weak<Bound>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Class {
    Stranger,
    /// Who claims to have an access key that exists, in a request that is small.
    Claimant,
    Known,
    /// Who is answered in a few words although there is no room.
    Small,
}

/// Somebody who may hold something.
#[derive(Debug, Clone)]
pub(crate) struct Holder {
    pots: Arc<Pots>,
    class: Class,
    /// The bounds of his own.
    own: [Option<Arc<Bound>>; 2],
    /// The holder that a share passes to when it grows beyond [`SMALL`], or when the bounds for small shares have no room.
    larger: Option<Larger>,
}

/// Who a holder of little is when he holds more.
#[derive(Debug, Clone, Copy)]
enum Larger {
    /// Whoever comes from this address.
    Stranger(IpAddr),
    /// The same claimant of a key.
    Claimant(Claim),
}

/// What somebody holds.
#[derive(Debug)]
pub(crate) struct Share {
    holder: Holder,
    bytes: usize,
}

impl Budget {
    /// A budget of so many bytes, of which nothing is held.
    ///
    /// - Strangers have a half of it, and one address an eighth.
    /// - The known have seven eighths, and one account a half. Of that, one address with one access key has a quarter of the budget
    ///   for requests whose signature is not verified yet.
    /// - Besides the budget, a sixteenth of its size is kept for small requests that claim to have an access key, and a
    ///   thirty-second for answers of a few words.
    pub fn new(bytes: u64) -> Self {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        Self(Arc::new(Pots {
            all: Bound::of(bytes),
            strangers: Bound::of(bytes / 2),
            known: Bound::of(bytes - bytes / 8),
            claims: Bound::of(bytes / 16),
            small: Bound::of(bytes / 32),
            bounds: Mutex::new(Bounds {
                addresses: HashMap::new(),
                accounts: HashMap::new(),
                claims: HashMap::new(),
                small_claims: HashMap::new(),
            }),
            verified_keys: VerifiedKeys::default(),
            waiting: AtomicUsize::new(0),
            room: Notify::new(),
            refused: Default::default(),
        }))
    }

    /// How many bytes are held, of connections too.
    pub(crate) fn held(&self) -> usize {
        self.0.all.held.load(Ordering::Relaxed)
    }

    /// How often somebody was refused because there was no room.
    pub(crate) fn refused(&self, crowded: Crowded) -> u64 {
        self.0.refused[crowded as usize].load(Ordering::Relaxed)
    }

    /// A connection that is open until what this returns is dropped.
    pub(crate) fn connection(&self) -> OfConnection {
        self.0.all.held.fetch_add(CONNECTION, Ordering::Relaxed);
        OfConnection(self.0.clone())
    }

    /// Whoever sends a request: an account, once one of its principals has proved who it is, and until then a stranger.
    pub(crate) fn sender(&self, trace: &Trace) -> Holder {
        match trace.caller() {
            Some(known) => self.known(&known.identity.registry),
            None => self.stranger(trace.client()),
        }
    }

    /// Whoever comes from this address.
    pub(crate) fn stranger(&self, client: IpAddr) -> Holder {
        self.of_address(client, Class::Stranger)
    }

    /// Fails if a stranger from this address holds so much that there would be no room for so many bytes more.
    pub(crate) fn has_room_for_stranger(&self, client: IpAddr, bytes: usize) -> Result<(), Crowded> {
        // No address holds more than all strangers together: mostly nothing has to be looked up.
        if self.0.strangers.held.load(Ordering::Relaxed) + bytes <= self.0.all.limit / 8 {
            return Ok(());
        }
        self.stranger(client).has_room_of_its_own(bytes)
    }

    fn of_address(&self, client: IpAddr, class: Class) -> Holder {
        Holder::of_address(&self.0, client, class)
    }

    /// An account, one of whose principals has proved who it is.
    pub(crate) fn known(&self, account: &RegistryId) -> Holder {
        Holder { pots: self.0.clone(), class: Class::Known, own: [Some(self.0.account(account)), None], larger: None }
    }

    /// The sender of a signed request whose signature is not verified yet. He counts as a stranger, with a part of the budget of its
    /// own for small requests, unless this address has [proved](Self::prove) this key before. Then he counts against the account, but
    /// within bounds of his own address and key, so that forged signatures from elsewhere take nothing from him.
    pub(crate) fn claimant(&self, client: IpAddr, access_key_id: &str, account: &RegistryId) -> Holder {
        let claim = self.0.verified_keys.claim(network_of(client), access_key_id);
        if !self.0.verified_keys.holds(claim) {
            return Holder { larger: Some(Larger::Stranger(client)), ..self.of_address(client, Class::Claimant) };
        }
        let own = [Some(self.0.small_claim(claim)), Some(self.0.account(account))];
        Holder { pots: self.0.clone(), class: Class::Known, own, larger: Some(Larger::Claimant(claim)) }
    }

    /// Notes that this address has proved to have an access key.
    pub(crate) fn prove(&self, client: IpAddr, access_key_id: &str) {
        self.0.verified_keys.note(self.0.verified_keys.claim(network_of(client), access_key_id));
    }

    /// Whoever is answered in a few words although there is no room for more.
    pub(crate) fn small(&self, client: IpAddr) -> Holder {
        self.of_address(client, Class::Small)
    }
}

/// What an open connection takes. It was let in already, so it is never refused: its number is bounded, and what is left is
/// what others may take.
#[derive(Debug)]
pub(crate) struct OfConnection(Arc<Pots>);

impl Drop for OfConnection {
    fn drop(&mut self) {
        self.0.all.give(CONNECTION);
        self.0.tell_waiting();
    }
}

impl Pots {
    fn count(&self, crowded: Crowded) {
        self.refused[crowded as usize].fetch_add(1, Ordering::Relaxed);
    }

    fn tell_waiting(&self) {
        if self.waiting.load(Ordering::Relaxed) > 0 {
            self.room.notify_waiters();
        }
    }

    fn address(&self, network: IpAddr, class: Class) -> Arc<Bound> {
        let part = match class {
            Class::Small => 128,
            Class::Claimant => 64,
            Class::Stranger | Class::Known => 8,
        };
        let mut bounds = self.bounds.lock();
        bound(&mut bounds.addresses, &(network, class), self.all.limit / part)
    }

    fn account(&self, account: &RegistryId) -> Arc<Bound> {
        let mut bounds = self.bounds.lock();
        bound(&mut bounds.accounts, account, self.all.limit / 2)
    }

    /// Large bodies with wrong signatures leave room for small ones: each have a bound.
    fn small_claim(&self, claim: Claim) -> Arc<Bound> {
        let mut bounds = self.bounds.lock();
        bound(&mut bounds.small_claims, &claim, self.all.limit / 16)
    }

    fn large_claim(&self, claim: Claim) -> Arc<Bound> {
        let mut bounds = self.bounds.lock();
        bound(&mut bounds.claims, &claim, self.all.limit / 4)
    }
}

/// The bound of somebody, which is made when there is none.
fn bound<K: Eq + Hash + Clone>(bounds: &mut HashMap<K, Weak<Bound>>, of: &K, limit: usize) -> Arc<Bound> {
    if let Some(bound) = bounds.get(of).and_then(Weak::upgrade) {
        return bound;
    }
    if bounds.len() >= CLEARED_AT && bounds.len() == bounds.capacity() {
        bounds.retain(|_, bound| bound.strong_count() > 0);
    }
    let bound = Arc::new(Bound::of(limit));
    bounds.insert(of.clone(), Arc::downgrade(&bound));
    bound
}

impl Bound {
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
    fn of_address(pots: &Arc<Pots>, client: IpAddr, class: Class) -> Self {
        let address = pots.address(network_of(client), class);
        Self { pots: pots.clone(), class, own: [Some(address), None], larger: None }
    }

    /// The same who holds more; none if that makes no difference.
    fn larger(&self) -> Option<Self> {
        Some(match self.larger? {
            Larger::Stranger(client) => Self::of_address(&self.pots, client, Class::Stranger),
            Larger::Claimant(claim) => {
                let own = [Some(self.pots.large_claim(claim)), self.own[1].clone()];
                Self { pots: self.pots.clone(), class: Class::Known, own, larger: None }
            }
        })
    }

    /// A share of nothing.
    pub(crate) fn nothing(self) -> Share {
        Share { holder: self, bytes: 0 }
    }

    /// A share of so many bytes, if there is room for them now.
    pub(crate) fn share(self, bytes: usize) -> Result<Share, Crowded> {
        self.take(bytes).inspect_err(|crowded| self.pots.count(*crowded))?;
        Ok(Share { holder: self, bytes })
    }

    /// Fails if he holds so much that he would not be given so many bytes more, or a half of what he may hold if that is less.
    fn has_room_of_its_own(&self, bytes: usize) -> Result<(), Crowded> {
        let has_room = |bound: &Arc<Bound>| bound.held.load(Ordering::Relaxed) + bytes.min(bound.limit / 2) <= bound.limit;
        if self.own.iter().flatten().all(has_room) {
            return Ok(());
        }
        self.pots.count(Crowded::ByCaller);
        Err(Crowded::ByCaller)
    }

    /// Whether this is somebody who has proved who he is.
    pub(crate) fn is_known(&self) -> bool {
        self.class == Class::Known
    }

    /// All bounds that hold for him, and what it means if one of them is passed. What is small has room when nothing else has.
    fn bounds(&self) -> impl DoubleEndedIterator<Item = (&Bound, Crowded)> {
        let pots = &*self.pots;
        let (class, all) = match self.class {
            Class::Stranger => (&pots.strangers, Some(&pots.all)),
            Class::Known => (&pots.known, Some(&pots.all)),
            Class::Claimant => (&pots.claims, None),
            Class::Small => (&pots.small, None),
        };
        let own = self.own.iter().flatten().map(|bound| (&**bound, Crowded::ByCaller));
        own.chain([(class, Crowded::InAll)]).chain(all.map(|all| (all, Crowded::InAll)))
    }

    fn take(&self, bytes: usize) -> Result<(), Crowded> {
        for (at, (bound, crowded)) in self.bounds().enumerate() {
            if !bound.take(bytes) {
                self.bounds().take(at).for_each(|(bound, _)| bound.give(bytes));
                return Err(crowded);
            }
        }
        Ok(())
    }

    fn give(&self, bytes: usize) {
        self.bounds().for_each(|(bound, _)| bound.give(bytes));
        self.pots.tell_waiting();
    }
}

impl Share {
    /// Makes it a share of at least so many bytes. When there is no room, strangers are refused at once, and the known wait for a
    /// while. How long depends on what they hold: of holders that wait for each other (a deadlock), the smaller one times out first and
    /// the larger one goes on.
    pub(crate) async fn hold(&mut self, bytes: usize) -> Result<(), Crowded> {
        let Some(missing) = bytes.checked_sub(self.bytes).filter(|missing| *missing > 0) else { return Ok(()) };
        let more = missing.next_multiple_of(STEP);
        let grown = match self.grow(more) {
            Err(_) if self.holder.is_known() => self.wait_for(more).await,
            grown => grown,
        };
        grown.inspect_err(|crowded| self.holder.pots.count(*crowded))
    }

    fn grow(&mut self, more: usize) -> Result<(), Crowded> {
        let bytes = self.bytes + more;
        let is_small = bytes <= SMALL || self.holder.larger.is_none();
        let taken = if is_small { self.holder.take(more) } else { Err(Crowded::ByCaller) };
        if let Err(crowded) = taken {
            let larger = self.holder.larger().ok_or(crowded)?;
            larger.take(bytes)?;
            std::mem::replace(&mut self.holder, larger).give(self.bytes);
        }
        self.bytes = bytes;
        Ok(())
    }

    async fn wait_for(&mut self, more: usize) -> Result<(), Crowded> {
        let pots = self.holder.pots.clone();
        let _waiter = Waiter::new(&pots);
        let part = self.bytes as f64 / pots.all.limit.max(1) as f64;
        let wait = SHORTEST_WAIT + LONGEST_WAIT.mul_f64(4.0 * part);
        let deadline = Instant::now() + wait.min(LONGEST_WAIT);
        loop {
            let room = pots.room.notified();
            match self.grow(more) {
                Err(crowded) if timeout_at(deadline, room).await.is_err() => return Err(crowded),
                Err(_) => {}
                Ok(()) => return Ok(()),
            }
        }
    }

    /// Makes it the share of somebody else, if there is room in his.
    pub(crate) fn pass_to(&mut self, holder: Holder) {
        if holder.take(self.bytes).is_ok() {
            let before = std::mem::replace(&mut self.holder, holder);
            before.give(self.bytes);
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

/// Somebody who waits for room.
struct Waiter<'a>(&'a Pots);

impl<'a> Waiter<'a> {
    fn new(pots: &'a Pots) -> Self {
        pots.waiting.fetch_add(1, Ordering::SeqCst);
        Self(pots)
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests;
