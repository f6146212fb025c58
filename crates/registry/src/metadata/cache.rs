//! Caches of query results. Any commit, by this process or another, invalidates all entries, so answers are never stale and no write
//! needs to know what it affects.

use parking_lot::Mutex;
use std::collections::HashMap;

/// The approximate capacity of a cache in bytes. A full cache is cleared, because the next commit usually clears it sooner.
const CAPACITY: usize = 4 << 20;
/// The largest cached answer in bytes.
const LARGEST: usize = 64 << 10;
/// The overhead of an entry in bytes.
const OVERHEAD: usize = 128;
/// The overhead of a text in bytes.
const TEXT: usize = 40;

/// The approximate size of these texts in bytes.
pub(crate) fn bytes_of<'a>(texts: impl Iterator<Item = &'a str>) -> usize {
    texts.map(|text| text.len() + TEXT).sum()
}

/// Identifies a committed state of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version(pub(super) [u32; 12]);

/// A cache of answers of one kind.
pub(crate) struct Cache<V> {
    /// Returns the size of an answer in bytes. `None` if it must not be cached.
    weigh: fn(&V) -> Option<usize>,
    state: Mutex<State<V>>,
}

struct State<V> {
    version: Option<Version>,
    answers: HashMap<String, V>,
    bytes: usize,
}

impl<V: Clone> Cache<V> {
    pub(crate) fn new(weigh: fn(&V) -> Option<usize>) -> Self {
        Self { weigh, state: Mutex::new(State { version: None, answers: HashMap::new(), bytes: 0 }) }
    }

    /// Looks up `question`, of which at most one part may contain line breaks. `version` must be determined before the answer is read
    /// from the database, so that the answer cannot be older than its version.
    pub(super) fn ask(&self, version: Option<Version>, question: &[&str]) -> Asked<'_, V> {
        Asked { cache: self, version, question: question.join("\n") }
    }

    fn get(&self, version: &Version, question: &str) -> Option<V> {
        let state = self.state.lock();
        if state.version.as_ref() == Some(version) { state.answers.get(question).cloned() } else { None }
    }

    fn put(&self, version: Version, question: String, answer: &V) {
        let Some(bytes) = (self.weigh)(answer).filter(|bytes| *bytes <= LARGEST) else { return };
        let bytes = bytes + question.len() + OVERHEAD;
        let mut state = self.state.lock();
        if state.version != Some(version) || state.bytes + bytes > CAPACITY {
            *state = State { version: Some(version), answers: HashMap::new(), bytes: 0 };
        }
        if state.answers.insert(question, answer.clone()).is_none() {
            state.bytes += bytes;
        }
    }
}

/// A question and the version at which it was asked.
pub(super) struct Asked<'c, V> {
    cache: &'c Cache<V>,
    version: Option<Version>,
    question: String,
}

impl<V: Clone> Asked<'_, V> {
    /// The cached answer, if it is of this version.
    pub(super) fn answer(&self) -> Option<V> {
        self.cache.get(self.version.as_ref()?, &self.question)
    }

    /// Caches an answer read after [`Cache::ask`].
    pub(super) fn keep(self, answer: &V) {
        if let Some(version) = self.version {
            self.cache.put(version, self.question, answer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_good_for_the_version_that_it_was_read_from_and_no_other() {
        let (old, new) = (Version([1; 12]), Version([2; 12]));
        let cache = Cache::new(|_: &u32| Some(4));
        cache.put(old, "a".into(), &1);
        assert_eq!((cache.get(&old, "a"), cache.get(&old, "b"), cache.get(&new, "a")), (Some(1), None, None));
        cache.put(new, "b".into(), &2);
        assert_eq!((cache.get(&new, "a"), cache.get(&new, "b"), cache.get(&old, "b")), (None, Some(2), None));
    }

    #[test]
    fn there_is_an_end_to_what_is_kept() {
        let version = Version([0; 12]);
        let cache = Cache::new(|value: &usize| if *value == 7 { None } else { Some(*value) });
        for number in 0..1000 {
            cache.put(version, number.to_string(), &LARGEST);
            assert!(cache.state.lock().bytes <= CAPACITY);
        }
        let kept = cache.state.lock().answers.len();
        assert!((1..=CAPACITY / LARGEST).contains(&kept) && cache.get(&version, "999").is_some());
        for unworthy in [7, LARGEST + 1] {
            cache.put(version, "unworthy".into(), &unworthy);
            assert_eq!(cache.get(&version, "unworthy"), None);
        }
        cache.put(version, "999".into(), &LARGEST);
        assert_eq!(cache.state.lock().answers.len(), kept, "the same answer counts once");
    }
}
