//! A map by caller that never exceeds a maximum size, however many callers there are.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// How many callers are kept at most: a few megabytes.
const MAX_CALLERS: usize = 100_000;
/// A full map is pruned at most this often, since that looks at all of it.
const PRUNE_INTERVAL: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct BoundedMap<K, V> {
    entries: HashMap<K, V>,
    pruned: Option<Instant>,
}

impl<K: Eq + Hash + Clone, V: Default> BoundedMap<K, V> {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter()
    }

    /// The value of a caller, a default one if it is new. None if the map is full even without all values that `is_spare` gives
    /// up: letting a few through is better than growing, or refusing callers that did nothing.
    pub(crate) fn get_or_insert(&mut self, caller: &K, now: Instant, is_spare: impl Fn(&V) -> bool) -> Option<&mut V> {
        if self.entries.len() >= MAX_CALLERS && !self.entries.contains_key(caller) {
            let due = self.pruned.is_none_or(|pruned| now.saturating_duration_since(pruned) >= PRUNE_INTERVAL);
            if due {
                self.pruned = Some(now);
                self.entries.retain(|_, value| !is_spare(value));
            }
            if self.entries.len() >= MAX_CALLERS {
                return None;
            }
        }
        Some(self.entries.entry(caller.clone()).or_default())
    }

    /// The value of a caller, if there is one.
    pub(super) fn get(&self, caller: &K) -> Option<&V> {
        self.entries.get(caller)
    }

    /// Removes all callers.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
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
        let (mut map, begun) = (BoundedMap::<usize, bool>::new(), Instant::now());
        for caller in 0..MAX_CALLERS {
            *map.get_or_insert(&caller, begun, |busy| !busy).unwrap() = caller > 0;
        }
        assert!(map.get_or_insert(&MAX_CALLERS, begun, |busy| !busy).is_some(), "the first caller was spare");
        assert!(map.get(&0).is_none());
        *map.get_or_insert(&MAX_CALLERS, begun, |busy| !busy).unwrap() = true;
        assert!(map.get_or_insert(&0, begun + PRUNE_INTERVAL, |busy| !busy).is_none());
        assert!(map.get_or_insert(&1, begun + PRUNE_INTERVAL, |busy| !busy).is_some(), "who is map stays map");
        assert_eq!(map.entries.len(), MAX_CALLERS);
    }
}
