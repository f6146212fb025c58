//! What is noted of callers: a map that never grows beyond a bound, however many of them there are.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// How many callers are noted at most: a few megabytes.
const MAXIMUM: usize = 100_000;
/// A full map is looked through for what can be forgotten this often at most.
const PRUNING: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct BoundedMap<K, V> {
    notes: HashMap<K, V>,
    pruned: Option<Instant>,
}

impl<K: Eq + Hash + Clone, V: Default> BoundedMap<K, V> {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Everybody of whom there is a note.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.notes.iter()
    }

    /// The note about a caller, a fresh one if there was none. None when there is no room even after forgetting all that
    /// `is_spare` gives up: better to let a few through than to grow, or to turn away those who did nothing.
    pub(crate) fn about(&mut self, caller: &K, now: Instant, is_spare: impl Fn(&V) -> bool) -> Option<&mut V> {
        if self.notes.len() >= MAXIMUM && !self.notes.contains_key(caller) {
            let due = self.pruned.is_none_or(|pruned| now.saturating_duration_since(pruned) >= PRUNING);
            if due {
                self.pruned = Some(now);
                self.notes.retain(|_, note| !is_spare(note));
            }
            if self.notes.len() >= MAXIMUM {
                return None;
            }
        }
        Some(self.notes.entry(caller.clone()).or_default())
    }

    /// The note about a caller, if there is one.
    pub(super) fn find(&self, caller: &K) -> Option<&V> {
        self.notes.get(caller)
    }

    /// Forgets everybody.
    pub(super) fn clear(&mut self) {
        self.notes.clear();
    }
}

impl<K, V> Default for BoundedMap<K, V> {
    fn default() -> Self {
        Self { notes: HashMap::new(), pruned: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_map_forgets_what_is_spare_and_else_takes_nobody_new() {
        let (mut noted, begun) = (BoundedMap::<usize, bool>::new(), Instant::now());
        for caller in 0..MAXIMUM {
            *noted.about(&caller, begun, |busy| !busy).unwrap() = caller > 0;
        }
        assert!(noted.about(&MAXIMUM, begun, |busy| !busy).is_some(), "the first caller was spare");
        assert!(noted.find(&0).is_none());
        *noted.about(&MAXIMUM, begun, |busy| !busy).unwrap() = true;
        assert!(noted.about(&0, begun + PRUNING, |busy| !busy).is_none());
        assert!(noted.about(&1, begun + PRUNING, |busy| !busy).is_some(), "who is noted stays noted");
        assert_eq!(noted.notes.len(), MAXIMUM);
    }
}
