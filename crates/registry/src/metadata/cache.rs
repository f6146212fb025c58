//! Caches of query results. Any commit, by this process or another, invalidates all entries, so answers are never stale and no write
//! needs to know what it affects. A question that is being answered already is not asked a second time: it waits for that answer.

use parking_lot::Mutex;
use std::collections::HashMap;
use tokio::sync::watch;

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
pub struct Version(pub(super) State);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// The header of SQLite's log index.
    Log([u32; 12]),
    /// Numbers of writes, and the generation, which rises when it cannot be known what was committed meanwhile. `grants` leaves out the
    /// writes of mere content: see [`super::Metadata::content`].
    Counted { generation: u64, writes: u64, grants: u64 },
}

impl Version {
    /// What of this version answers depend on that no content changes.
    fn without_content(self) -> Self {
        match self.0 {
            State::Log(_) => self,
            State::Counted { generation, grants, .. } => Self(State::Counted { generation, writes: grants, grants }),
        }
    }
}

/// A cache of answers of one kind.
pub(crate) struct Cache<V> {
    /// Returns the size of an answer in bytes. `None` if it must not be cached.
    weigh: fn(&V) -> Option<usize>,
    /// Whether content does not change the answers.
    outlives_content: bool,
    state: Mutex<Answers<V>>,
}

struct Answers<V> {
    version: Option<Version>,
    answers: HashMap<String, V>,
    bytes: usize,
    /// The questions that are being answered, at most one per request. The channel closes when the answer is there or has failed.
    asked: HashMap<String, (Version, watch::Receiver<()>)>,
}

impl<V> Answers<V> {
    fn begin(&mut self, version: Version) {
        (self.version, self.bytes) = (Some(version), 0);
        self.answers.clear();
    }
}

impl<V: Clone> Cache<V> {
    pub(crate) fn new(weigh: fn(&V) -> Option<usize>) -> Self {
        let state = Answers { version: None, answers: HashMap::new(), bytes: 0, asked: HashMap::new() };
        Self { weigh, outlives_content: false, state: Mutex::new(state) }
    }

    /// A cache of answers that writes of mere content do not change, such as keys and policies. See [`super::Metadata::content`].
    pub(crate) fn outliving_content(weigh: fn(&V) -> Option<usize>) -> Self {
        Self { outlives_content: true, ..Self::new(weigh) }
    }

    /// Looks up `question`, of which at most one part may contain line breaks. If the same is being asked at this version, waits for that
    /// answer. `version` must be determined before the answer is read from the database, so that the answer cannot be older than its
    /// version.
    pub(super) async fn ask(&self, version: Option<Version>, question: &[&str]) -> Asked<'_, V> {
        let Some(version) = version else { return Asked::Open(Question { cache: self, at: None, answering: None }) };
        let version = if self.outlives_content { version.without_content() } else { version };
        let question = question.join("\n");
        let mut earlier = match self.look_up(version, question) {
            Ok(asked) => return asked,
            Err(earlier) => earlier,
        };
        // An error says that the channel is closed, which is what is waited for.
        let _ = earlier.answered.changed().await;
        self.get(&version, &earlier.question)
            .map_or_else(|| Asked::Open(Question { cache: self, at: Some((version, earlier.question)), answering: None }), Asked::Known)
    }

    fn look_up(&self, version: Version, question: String) -> Result<Asked<'_, V>, Earlier> {
        let mut state = self.state.lock();
        if state.version == Some(version)
            && let Some(answer) = state.answers.get(&question)
        {
            return Ok(Asked::Known(answer.clone()));
        }
        let answering = match state.asked.get(&question) {
            Some((of, answered)) if *of == version => return Err(Earlier { question, answered: answered.clone() }),
            Some(_) => None,
            None => {
                let (answering, answered) = watch::channel(());
                state.asked.insert(question.clone(), (version, answered));
                Some(answering)
            }
        };
        Ok(Asked::Open(Question { cache: self, at: Some((version, question)), answering }))
    }

    fn get(&self, version: &Version, question: &str) -> Option<V> {
        let state = self.state.lock();
        if state.version.as_ref() == Some(version) { state.answers.get(question).cloned() } else { None }
    }

    fn put(&self, version: Version, question: &str, answer: &V) {
        let Some(bytes) = (self.weigh)(answer).filter(|bytes| *bytes <= LARGEST) else { return };
        let bytes = bytes + question.len() + OVERHEAD;
        let mut state = self.state.lock();
        if state.version != Some(version) || state.bytes + bytes > CAPACITY {
            state.begin(version);
        }
        if state.answers.insert(question.to_owned(), answer.clone()).is_none() {
            state.bytes += bytes;
        }
    }
}

/// A question that another request has asked before.
struct Earlier {
    question: String,
    answered: watch::Receiver<()>,
}

/// What a cache says to a question.
pub(super) enum Asked<'c, V> {
    Known(V),
    Open(Question<'c, V>),
}

/// A question that the database has to answer.
pub(super) struct Question<'c, V> {
    cache: &'c Cache<V>,
    /// The version at which it was asked. `None` if the answer cannot be kept.
    at: Option<(Version, String)>,
    /// Those who ask the same meanwhile wait until this is dropped.
    answering: Option<watch::Sender<()>>,
}

impl<V: Clone> Question<'_, V> {
    /// Caches an answer read after [`Cache::ask`].
    pub(super) fn keep(self, answer: &V) {
        if let Some((version, question)) = &self.at {
            self.cache.put(*version, question, answer);
        }
    }
}

impl<V> Drop for Question<'_, V> {
    fn drop(&mut self) {
        if let (Some((_, question)), Some(_)) = (&self.at, &self.answering) {
            self.cache.state.lock().asked.remove(question);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(number: u32) -> Version {
        Version(State::Log([number; 12]))
    }

    fn counted(generation: u64, writes: u64, grants: u64) -> Version {
        Version(State::Counted { generation, writes, grants })
    }

    #[tokio::test]
    async fn a_write_of_content_leaves_only_the_answers_that_outlive_it() {
        let (grants, content) = (Cache::outliving_content(|_: &u32| Some(4)), Cache::new(|_: &u32| Some(4)));
        for cache in [&grants, &content] {
            let Asked::Open(question) = cache.ask(Some(counted(1, 5, 2)), &["a"]).await else { panic!("an empty cache knows nothing") };
            question.keep(&7);
        }
        let is_known = async |cache: &Cache<u32>, version| matches!(cache.ask(Some(version), &["a"]).await, Asked::Known(7));
        assert!(is_known(&grants, counted(1, 6, 2)).await && !is_known(&content, counted(1, 6, 2)).await);
        for later in [counted(1, 7, 3), counted(2, 5, 2)] {
            assert!(!is_known(&grants, later).await, "{later:?}");
        }
    }

    #[test]
    fn an_answer_is_good_for_the_version_that_it_was_read_from_and_no_other() {
        let (old, new) = (version(1), version(2));
        let cache = Cache::new(|_: &u32| Some(4));
        cache.put(old, "a", &1);
        assert_eq!((cache.get(&old, "a"), cache.get(&old, "b"), cache.get(&new, "a")), (Some(1), None, None));
        cache.put(new, "b", &2);
        assert_eq!((cache.get(&new, "a"), cache.get(&new, "b"), cache.get(&old, "b")), (None, Some(2), None));
    }

    #[test]
    fn there_is_an_end_to_what_is_kept() {
        let version = version(0);
        let cache = Cache::new(|value: &usize| if *value == 7 { None } else { Some(*value) });
        for number in 0..1000 {
            cache.put(version, &number.to_string(), &LARGEST);
            assert!(cache.state.lock().bytes <= CAPACITY);
        }
        let kept = cache.state.lock().answers.len();
        assert!((1..=CAPACITY / LARGEST).contains(&kept) && cache.get(&version, "999").is_some());
        for unworthy in [7, LARGEST + 1] {
            cache.put(version, "unworthy", &unworthy);
            assert_eq!(cache.get(&version, "unworthy"), None);
        }
        cache.put(version, "999", &LARGEST);
        assert_eq!(cache.state.lock().answers.len(), kept, "the same answer counts once");
    }

    #[tokio::test]
    async fn what_is_being_asked_is_not_asked_again() {
        let (version, cache) = (version(1), Cache::new(|_: &u32| Some(4)));
        let Asked::Open(first) = cache.ask(Some(version), &["a"]).await else { panic!("an empty cache knows nothing") };
        assert!(matches!(cache.ask(Some(self::version(2)), &["a"]).await, Asked::Open(_)), "another version is another question");
        let second = cache.ask(Some(version), &["a"]);
        let answer = async { first.keep(&7) };
        let (second, ()) = tokio::join!(second, answer);
        assert!(matches!(second, Asked::Known(7)));
        assert!(cache.state.lock().asked.is_empty());
    }

    #[tokio::test]
    async fn who_waited_for_an_answer_that_never_came_asks_anew() {
        let (version, cache) = (version(1), Cache::new(|_: &u32| Some(4)));
        let Asked::Open(first) = cache.ask(Some(version), &["a"]).await else { panic!("an empty cache knows nothing") };
        let (second, ()) = tokio::join!(cache.ask(Some(version), &["a"]), async { drop(first) });
        assert!(matches!(second, Asked::Open(_)));
        drop(second);
        assert!(cache.state.lock().asked.is_empty());
    }
}
