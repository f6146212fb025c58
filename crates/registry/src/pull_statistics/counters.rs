//! Pulls counted in memory since the last flush.

use parking_lot::Mutex;
use roadstead_model::Tag;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use tokio::sync::Notify;

const SHARDS: usize = 16;
/// The number of keys at which the counters ask to be flushed early.
const MANY: usize = 100_000;
/// The number of keys from which on images and tags are no longer told apart: clients could otherwise add keys faster than a slow disk
/// takes them.
const TOO_MANY: usize = 131_072;

/// What pulls are counted by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) repository: i64,
    /// The row of the manifest. `None` while there are too many keys.
    pub(crate) manifest: Option<i64>,
    /// The tag that the client asked for, if it asked for one.
    pub(crate) tag: Option<Tag>,
}

/// Pulls by clients that are no robots, and by robots.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct PullCount {
    pub people: u64,
    pub robots: u64,
}

/// The pulls of one key since the last flush.
#[derive(Debug, Default)]
pub(crate) struct Counter {
    people: AtomicU64,
    robots: AtomicU64,
}

impl Counter {
    pub(crate) fn count(&self, is_robot: bool) {
        let counter = if is_robot { &self.robots } else { &self.people };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn take(&self) -> PullCount {
        PullCount { people: self.people.swap(0, Ordering::Relaxed), robots: self.robots.swap(0, Ordering::Relaxed) }
    }

    fn add(&self, count: PullCount) {
        self.people.fetch_add(count.people, Ordering::Relaxed);
        self.robots.fetch_add(count.robots, Ordering::Relaxed);
    }
}

/// The counters of all keys that were asked for since they were last flushed, or that something still holds.
pub(crate) struct Counters {
    shards: [Mutex<HashMap<Key, Arc<Counter>>>; SHARDS],
    hasher: RandomState,
    keys: AtomicUsize,
    /// What earlier flushes took.
    flushed: Counter,
    /// Notified when there are many keys.
    pub(crate) many: Notify,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            hasher: RandomState::new(),
            keys: AtomicUsize::new(0),
            flushed: Counter::default(),
            many: Notify::new(),
        }
    }
}

impl Counters {
    /// The counter of a key.
    pub(crate) fn counter(&self, mut key: Key) -> Arc<Counter> {
        if self.keys.load(Ordering::Relaxed) >= TOO_MANY {
            key = Key { repository: key.repository, manifest: None, tag: None };
        }
        let mut shard = self.shard(&key).lock();
        let counter = shard.entry(key).or_insert_with(|| {
            if self.keys.fetch_add(1, Ordering::Relaxed) + 1 == MANY {
                self.many.notify_one();
            }
            Arc::default()
        });
        counter.clone()
    }

    /// Takes what was counted, and forgets keys whose counter nothing holds any more.
    pub(crate) fn take(&self) -> Vec<(Key, PullCount)> {
        let mut taken = Vec::new();
        for shard in &self.shards {
            shard.lock().retain(|key, counter| {
                // Nobody else gets hold of a counter while its shard is locked, so nobody counts with one that is forgotten.
                let is_held = Arc::get_mut(counter).is_none();
                let count = counter.take();
                if count != PullCount::default() {
                    self.flushed.add(count);
                    taken.push((key.clone(), count));
                }
                if !is_held {
                    self.keys.fetch_sub(1, Ordering::Relaxed);
                }
                is_held
            });
        }
        taken
    }

    /// Puts back what could not be written.
    pub(crate) fn put_back(&self, taken: impl IntoIterator<Item = (Key, PullCount)>) {
        for (key, count) in taken {
            self.counter(key).add(count);
            self.flushed.people.fetch_sub(count.people, Ordering::Relaxed);
            self.flushed.robots.fetch_sub(count.robots, Ordering::Relaxed);
        }
    }

    /// All pulls counted by this process.
    pub(crate) fn total(&self) -> PullCount {
        let mut total =
            PullCount { people: self.flushed.people.load(Ordering::Relaxed), robots: self.flushed.robots.load(Ordering::Relaxed) };
        for shard in &self.shards {
            for counter in shard.lock().values() {
                total.people += counter.people.load(Ordering::Relaxed);
                total.robots += counter.robots.load(Ordering::Relaxed);
            }
        }
        total
    }

    fn shard(&self, key: &Key) -> &Mutex<HashMap<Key, Arc<Counter>>> {
        let hash = self.hasher.hash_one(key);
        &self.shards[usize::try_from(hash % SHARDS as u64).unwrap_or(0)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(manifest: i64) -> Key {
        Key { repository: 1, manifest: Some(manifest), tag: None }
    }

    const ONE: PullCount = PullCount { people: 1, robots: 0 };

    #[test]
    fn what_was_counted_is_taken_once() {
        let counters = Counters::default();
        let held = counters.counter(key(1));
        held.count(false);
        counters.counter(key(1)).count(true);
        assert_eq!(counters.take(), [(key(1), PullCount { people: 1, robots: 1 })]);
        assert_eq!(counters.take(), []);
        held.count(false);
        assert_eq!(counters.take(), [(key(1), ONE)]);
        assert_eq!(counters.total(), PullCount { people: 2, robots: 1 });
    }

    #[test]
    fn a_counter_is_forgotten_once_nothing_holds_it() {
        let counters = Counters::default();
        let held = counters.counter(key(1));
        counters.counter(key(2)).count(false);
        assert_eq!(counters.take(), [(key(2), ONE)]);
        assert_eq!(counters.keys.load(Ordering::Relaxed), 1);
        drop(held);
        counters.take();
        assert_eq!(counters.keys.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn what_is_put_back_is_counted_once() {
        let counters = Counters::default();
        counters.counter(key(1)).count(false);
        let taken = counters.take();
        counters.counter(key(1)).count(false);
        counters.put_back(taken);
        assert_eq!(counters.total(), PullCount { people: 2, robots: 0 });
        assert_eq!(counters.take(), [(key(1), PullCount { people: 2, robots: 0 })]);
    }

    #[test]
    fn a_million_different_keys_are_counted_in_bounded_memory() {
        let counters = Counters::default();
        for manifest in 0..1_000_000 {
            counters.counter(key(manifest)).count(false);
        }
        assert!(counters.keys.load(Ordering::Relaxed) <= TOO_MANY + 1);
        let taken = counters.take();
        assert_eq!(taken.iter().map(|(_, count)| count.people).sum::<u64>(), 1_000_000);
        assert_eq!(taken.len(), TOO_MANY + 1);
    }

    #[test]
    fn nothing_is_lost_or_doubled_when_threads_count_while_others_take() {
        let counters = Counters::default();
        let taken = Mutex::new(0);
        let add = |part: Vec<(Key, PullCount)>| *taken.lock() += part.iter().map(|(_, count)| count.people).sum::<u64>();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..50_000).for_each(|number| counters.counter(key(number % 7)).count(false)));
            }
            scope.spawn(|| (0..500).for_each(|_| add(counters.take())));
        });
        add(counters.take());
        assert_eq!(*taken.lock(), 200_000);
    }
}
