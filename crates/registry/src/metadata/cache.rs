//! Answers that are asked for again and again. An answer is used as long as nothing at all has been committed since it was
//! read, by this process or another one, so it is never stale: what a commit changed need not be known.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// How many answers are kept. When there are more, all of them go.
const CAPACITY: usize = 1024;

/// What tells one state of the database from every other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Version(pub(super) [u32; 12]);

/// Answers of one kind.
pub(super) struct Cache<V> {
    /// Whether an answer is worth its memory.
    worthy: fn(&V) -> bool,
    state: Mutex<State<V>>,
}

struct State<V> {
    version: Option<Version>,
    answers: HashMap<String, V>,
}

impl<V: Clone> Cache<V> {
    pub(super) fn new(worthy: fn(&V) -> bool) -> Self {
        Self { worthy, state: Mutex::new(State { version: None, answers: HashMap::new() }) }
    }

    /// The answer, if it was read from this version.
    pub(super) fn get(&self, version: &Version, question: &str) -> Option<V> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.version.as_ref() == Some(version) { state.answers.get(question).cloned() } else { None }
    }

    /// Keeps an answer that was read when the database was at `version` or later.
    pub(super) fn put(&self, version: Version, question: String, answer: &V) {
        if !(self.worthy)(answer) {
            return;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.version != Some(version) || state.answers.len() >= CAPACITY {
            state.answers.clear();
            state.version = Some(version);
        }
        state.answers.insert(question, answer.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_good_for_the_version_that_it_was_read_from_and_no_other() {
        let (old, new) = (Version([1; 12]), Version([2; 12]));
        let cache = Cache::new(|_: &u32| true);
        cache.put(old, "a".into(), &1);
        assert_eq!((cache.get(&old, "a"), cache.get(&old, "b"), cache.get(&new, "a")), (Some(1), None, None));
        cache.put(new, "b".into(), &2);
        assert_eq!((cache.get(&new, "a"), cache.get(&new, "b"), cache.get(&old, "b")), (None, Some(2), None));
    }

    #[test]
    fn there_is_an_end_to_what_is_kept() {
        let version = Version([0; 12]);
        let cache = Cache::new(|value: &usize| *value != 7);
        for number in 0..3 * CAPACITY {
            cache.put(version, number.to_string(), &number);
        }
        assert!(cache.state.lock().unwrap().answers.len() <= CAPACITY);
        assert_eq!(cache.get(&version, &(3 * CAPACITY - 1).to_string()), Some(3 * CAPACITY - 1));
        cache.put(version, "7".into(), &7);
        assert_eq!(cache.get(&version, "7"), None);
    }
}
