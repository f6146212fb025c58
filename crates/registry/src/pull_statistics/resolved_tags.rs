//! Tags that clients have just resolved to digests.
//!
//! containerd, oras and others resolve a tag by HEAD and then request the manifest by its digest, so that the request does not name
//! the tag. This table remembers for a minute with which counter the second request is to be counted. It holds no addresses, only hashes
//! under a random key of this process.

use super::counters::Counter;
use crate::stored_manifest::ManifestPlace;
use parking_lot::Mutex;
use roadstead_model::Timestamp;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::Arc;

/// How long a tag is remembered, in seconds.
const MEMORY: i64 = 60;
const SHARDS: usize = 64;
/// The number of slots of a shard: 65,536 in all.
const SLOTS: usize = 1024;

#[derive(Clone)]
struct Slot {
    hash: u64,
    until: Timestamp,
    counter: Arc<Counter>,
}

/// A direct-mapped table: a tag replaces an earlier one of the same slot.
pub(crate) struct ResolvedTags {
    /// A shard has no slots until it is used.
    shards: [Mutex<Vec<Option<Slot>>>; SHARDS],
    hasher: RandomState,
}

impl Default for ResolvedTags {
    fn default() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()), hasher: RandomState::new() }
    }
}

impl ResolvedTags {
    /// Remembers that a client has resolved a tag, whose pulls `counter` counts, to this manifest.
    pub(crate) fn remember(&self, client: IpAddr, place: ManifestPlace, counter: Arc<Counter>, now: Timestamp) {
        let (hash, shard, slot) = self.find(client, place);
        let mut slots = self.shards[shard].lock();
        if slots.is_empty() {
            slots.resize(SLOTS, None);
        }
        let replaced = slots[slot].replace(Slot { hash, until: now.plus_seconds(MEMORY), counter });
        drop(slots);
        drop(replaced);
    }

    /// The counter of the tag that the client has resolved to this manifest.
    pub(crate) fn recall(&self, client: IpAddr, place: ManifestPlace, now: impl FnOnce() -> Timestamp) -> Option<Arc<Counter>> {
        let (hash, shard, slot) = self.find(client, place);
        let slots = self.shards[shard].lock();
        let found = slots.get(slot)?.as_ref().filter(|slot| slot.hash == hash && now() < slot.until)?;
        Some(found.counter.clone())
    }

    /// Lets go of the counters of tags that were resolved too long ago.
    pub(crate) fn forget(&self, now: Timestamp) {
        for shard in &self.shards {
            for slot in shard.lock().iter_mut() {
                slot.take_if(|slot| slot.until <= now);
            }
        }
    }

    fn find(&self, client: IpAddr, place: ManifestPlace) -> (u64, usize, usize) {
        let hash = self.hasher.hash_one((client, place));
        let index = usize::try_from(hash % (SHARDS * SLOTS) as u64).unwrap_or(0);
        (hash, index / SLOTS, index % SLOTS)
    }
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
    fn a_tag_is_remembered_for_a_minute_for_the_client_that_resolved_it() {
        let (tags, counter) = (ResolvedTags::default(), Arc::default());
        tags.remember(client(1), PLACE, Arc::clone(&counter), NOW);
        let after = |seconds| move || NOW.plus_seconds(seconds);
        assert!(tags.recall(client(1), PLACE, after(59)).is_some_and(|found| Arc::ptr_eq(&found, &counter)));
        assert!(tags.recall(client(1), PLACE, after(60)).is_none());
        assert!(tags.recall(client(2), PLACE, after(1)).is_none());
        assert!(tags.recall(client(1), ManifestPlace { manifest: 3, ..PLACE }, after(1)).is_none());
        assert!(tags.recall(client(1), ManifestPlace { repository: 3, ..PLACE }, after(1)).is_none());
    }

    #[test]
    fn any_number_of_clients_takes_the_same_memory_and_their_counters_are_let_go() {
        let (tags, counter) = (ResolvedTags::default(), Arc::default());
        for number in 0..200_000_u32 {
            tags.remember(std::net::Ipv4Addr::from(number).into(), PLACE, Arc::clone(&counter), NOW);
        }
        assert!(tags.shards.iter().all(|shard| shard.lock().len() == SLOTS));
        assert!(Arc::strong_count(&counter) <= SHARDS * SLOTS + 1);
        tags.forget(NOW.plus_seconds(60));
        assert_eq!(Arc::strong_count(&counter), 1);
    }
}
