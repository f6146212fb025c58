//! What the next request of a client for a manifest by its digest counts as, if an earlier request of the client told.
//!
//! containerd and others resolve a tag by HEAD and then request the manifest by its digest, so that the request does not name the tag.
//! helm requests what it has pushed. This table remembers for a minute with which counter, if any, such a request is to be counted. It
//! holds no addresses, only hashes under a random key of this process.

use super::counters::Counter;
use crate::stored_manifest::ManifestPlace;
use parking_lot::Mutex;
use roadstead_model::Timestamp;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::Arc;

/// How long a request is expected, in seconds.
const MEMORY: i64 = 60;
const SHARDS: usize = 64;
/// The number of slots of a shard: 65,536 in all.
const SLOTS: usize = 1024;

#[derive(Clone)]
struct Slot {
    hash: u64,
    until: Timestamp,
    counter: Option<Arc<Counter>>,
}

/// A direct-mapped table: an expected request replaces another one of the same slot.
pub(crate) struct ExpectedPulls {
    /// A shard has no slots until it is used.
    shards: [Mutex<Vec<Option<Slot>>>; SHARDS],
    hasher: RandomState,
}

impl Default for ExpectedPulls {
    fn default() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()), hasher: RandomState::new() }
    }
}

impl ExpectedPulls {
    /// Remembers with which counter a request of this client for this manifest is to be counted.
    pub(crate) fn remember(&self, client: IpAddr, place: ManifestPlace, counter: Option<Arc<Counter>>, now: Timestamp) {
        self.remember_hash(self.hasher.hash_one((client, place)), counter, now);
    }

    /// The same of a hash of client and manifest.
    pub(super) fn remember_hash(&self, hash: u64, counter: Option<Arc<Counter>>, now: Timestamp) {
        let (shard, slot) = find(hash);
        let mut slots = self.shards[shard].lock();
        if slots.is_empty() {
            slots.resize(SLOTS, None);
        }
        let replaced = slots[slot].replace(Slot { hash, until: now.plus_seconds(MEMORY), counter });
        drop(slots);
        drop(replaced);
    }

    /// The counter for a request of this client for this manifest. The outer `None`: the request was not expected.
    pub(crate) fn recall(&self, client: IpAddr, place: ManifestPlace, now: impl FnOnce() -> Timestamp) -> Option<Option<Arc<Counter>>> {
        self.recall_hash(self.hasher.hash_one((client, place)), now)
    }

    /// The same of a hash of client and manifest.
    pub(super) fn recall_hash(&self, hash: u64, now: impl FnOnce() -> Timestamp) -> Option<Option<Arc<Counter>>> {
        let (shard, slot) = find(hash);
        let slots = self.shards[shard].lock();
        let found = slots.get(slot)?.as_ref().filter(|slot| slot.hash == hash && now() < slot.until)?;
        Some(found.counter.clone())
    }

    /// Lets go of the counters of requests that were expected earlier.
    pub(crate) fn forget(&self, now: Timestamp) {
        for shard in &self.shards {
            for slot in shard.lock().iter_mut() {
                slot.take_if(|slot| slot.until <= now);
            }
        }
    }
}

/// The shard of a hash, and the slot there.
fn find(hash: u64) -> (usize, usize) {
    let index = usize::try_from(hash % (SHARDS * SLOTS) as u64).unwrap_or(0);
    (index / SLOTS, index % SLOTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: ManifestPlace = ManifestPlace { repository: 1, manifest: 2 };
    const NOW: Timestamp = Timestamp::from_seconds(1_000);

    fn client(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    #[test]
    fn a_request_is_expected_for_a_minute_from_the_client_that_announced_it() {
        let (expected, counter) = (ExpectedPulls::default(), Arc::default());
        expected.remember(client(1), PLACE, Some(Arc::clone(&counter)), NOW);
        let after = |seconds| move || NOW.plus_seconds(seconds);
        assert!(expected.recall(client(1), PLACE, after(59)).flatten().is_some_and(|found| Arc::ptr_eq(&found, &counter)));
        assert!(expected.recall(client(1), PLACE, after(60)).is_none());
        assert!(expected.recall(client(2), PLACE, after(1)).is_none());
        assert!(expected.recall(client(1), ManifestPlace { manifest: 3, ..PLACE }, after(1)).is_none());
        assert!(expected.recall(client(1), ManifestPlace { repository: 3, ..PLACE }, after(1)).is_none());
        expected.remember(client(1), PLACE, None, NOW);
        assert!(expected.recall(client(1), PLACE, after(1)).is_some_and(|counter| counter.is_none()));
    }

    #[test]
    fn any_number_of_clients_takes_the_same_memory_and_their_counters_are_let_go() {
        let (expected, counter) = (ExpectedPulls::default(), Arc::default());
        for number in 0..200_000_u32 {
            expected.remember(std::net::Ipv4Addr::from(number).into(), PLACE, Some(Arc::clone(&counter)), NOW);
        }
        assert!(expected.shards.iter().all(|shard| shard.lock().len() == SLOTS));
        assert!(Arc::strong_count(&counter) <= SHARDS * SLOTS + 1);
        expected.forget(NOW.plus_seconds(60));
        assert_eq!(Arc::strong_count(&counter), 1);
    }
}
