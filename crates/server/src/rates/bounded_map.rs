//! A map of callers with a bounded number of entries.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// The maximum number of entries: a few megabytes.
pub(super) const MAX_CALLERS: usize = 100_000;
/// The minimum time between two prunings of a full map, which visit all entries.
const PRUNE_INTERVAL: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct BoundedMap<K, V> {
    entries: HashMap<K, V>,
    pruned: Option<Instant>,
}

impl<K: Eq + Hash + Clone, V: Default> BoundedMap<K, V> {
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter()
    }

    /// Returns the value of a caller, inserting the default for a new one. If the map is full, drops the entries with `is_spare`
    /// values. Returns `None` if it is still full: such callers are not limited, because neither memory nor innocent callers should
    /// pay.
    pub(crate) fn get_or_insert(&mut self, caller: &K, now: Instant, is_spare: impl Fn(&V) -> bool) -> Option<&mut V> {
        if self.entries.len() >= MAX_CALLERS && !self.entries.contains_key(caller) {
            if self.pruned.is_none_or(|pruned| now.saturating_duration_since(pruned) >= PRUNE_INTERVAL) {
                self.pruned = Some(now);
                self.entries.retain(|_, value| !is_spare(value));
            }
            if self.entries.len() >= MAX_CALLERS {
                return None;
            }
        }
        Some(self.entries.entry(caller.clone()).or_default())
    }

    pub(super) fn get(&self, caller: &K) -> Option<&V> {
        self.entries.get(caller)
    }
}

impl<K, V> Default for BoundedMap<K, V> {
    fn default() -> Self {
        Self { entries: HashMap::new(), pruned: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_map_forgets_what_is_spare_and_else_takes_nobody_new() {
        let (mut map, begun) = (BoundedMap::<usize, bool>::default(), Instant::now());
        for caller in 0..MAX_CALLERS {
            *map.get_or_insert(&caller, begun, |busy| !busy).unwrap() = caller > 0;
        }
        assert!(map.get_or_insert(&MAX_CALLERS, begun, |busy| !busy).is_some(), "the first caller was spare");
        assert!(map.get(&0).is_none());
        *map.get_or_insert(&MAX_CALLERS, begun, |busy| !busy).unwrap() = true;
        assert!(map.get_or_insert(&0, begun + PRUNE_INTERVAL, |busy| !busy).is_none());
        assert!(map.get_or_insert(&1, begun + PRUNE_INTERVAL, |busy| !busy).is_some(), "a caller in the map stays");
        assert_eq!(map.entries.len(), MAX_CALLERS);
    }
}
