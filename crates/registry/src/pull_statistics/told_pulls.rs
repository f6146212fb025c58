//! Expected pulls among replicas: a client may resolve a tag at one and request the manifest at another.
//!
//! A replica tells the others what it expects ([`super::sharing`]). A request that no one here expected waits until what they have told
//! is known, and is then counted. All of it is bounded: what has no room is counted at once, for the image without its tag.

use super::counters::{Counter, Counters, Key};
use super::expected_pulls::ExpectedPulls;
use crate::stored_manifest::ManifestPlace;
use parking_lot::Mutex;
use roadstead_model::{Tag, Timestamp};
use std::collections::VecDeque;
use std::sync::Arc;

/// The number of expected pulls that are kept until they are told.
const MOST_UNTOLD: usize = 65_536;
/// The number of expected pulls in a bulletin.
const MOST_TOLD: usize = 4_096;
/// The number of requests that wait to be counted.
const MOST_WAITING: usize = 65_536;
/// How long a request waits, in seconds: longer than it takes until what another replica expects is known.
const WAIT: i64 = 2;

/// A hash of a client and a manifest under a key of the installation, the ids of repository and manifest, and the tag to count the
/// request for. Without a tag it is no pull.
type Told = (u64, i64, i64, Option<String>);

/// A request that may be expected at another replica.
pub(super) struct Waiting {
    pub(super) hash: u64,
    /// The counter if it is not.
    pub(super) own: Option<Arc<Counter>>,
    pub(super) is_robot: bool,
    pub(super) since: Timestamp,
}

#[derive(Default)]
pub(crate) struct ToldPulls {
    untold: Mutex<VecDeque<Told>>,
    /// What other replicas expect.
    heard: ExpectedPulls,
    waiting: Mutex<VecDeque<Waiting>>,
}

impl ToldPulls {
    /// Expects a request, which may come to another replica.
    pub(super) fn expect(&self, hash: u64, place: ManifestPlace, tag: Option<&Tag>) {
        let mut untold = self.untold.lock();
        if untold.len() < MOST_UNTOLD {
            untold.push_back((hash, place.repository, place.manifest, tag.map(ToString::to_string)));
        }
    }

    /// Counts a request once it is known what other replicas expect.
    pub(super) fn count_later(&self, request: Waiting) {
        let mut waiting = self.waiting.lock();
        if waiting.len() < MOST_WAITING {
            waiting.push_back(request);
        } else if let Some(counter) = request.own {
            counter.count(request.is_robot);
        }
    }

    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.lock().is_empty()
    }

    /// What other replicas have not been told. `None` if there is nothing.
    pub(super) fn tell(&self) -> Option<String> {
        let mut untold = self.untold.lock();
        let most = untold.len().min(MOST_TOLD);
        let told: Vec<Told> = untold.drain(..most).collect();
        // Numbers and text always serialise.
        (!told.is_empty()).then(|| serde_json::to_string(&told).unwrap_or_default())
    }

    /// Takes over what another replica expects. Ignores what another version may tell.
    pub(super) fn hear(&self, bulletin: &str, counters: &Counters, now: Timestamp) {
        let Ok(told) = serde_json::from_str::<Vec<Told>>(bulletin) else { return };
        for (hash, repository, manifest, tag) in told {
            let counter = match tag.map(|tag| Tag::parse(&tag)) {
                Some(Ok(tag)) => Some(counters.counter(Key { repository, manifest: Some(manifest), tag: Some(tag) })),
                Some(Err(_)) => continue,
                None => None,
            };
            self.heard.remember_hash(hash, counter, now);
        }
    }

    /// Counts the requests that have waited long enough, or all, and lets go of what is no longer expected.
    pub(super) fn settle(&self, all: bool, now: Timestamp) {
        loop {
            let next = self.waiting.lock().pop_front_if(|request| all || request.since.plus_seconds(WAIT) <= now);
            let Some(Waiting { hash, own, is_robot, since }) = next else { break };
            if let Some(counter) = self.heard.recall_hash(hash, || since).unwrap_or(own) {
                counter.count(is_robot);
            }
        }
        self.heard.forget(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pull_statistics::counters::PullCount;

    const PLACE: ManifestPlace = ManifestPlace { repository: 1, manifest: 2 };
    const NOW: Timestamp = Timestamp::from_seconds(1_000);

    /// The counts by tag after a request with this hash, two seconds later.
    fn counted(heard: &[String], hash: u64) -> Vec<(Option<String>, u64)> {
        let (replica, counters) = (ToldPulls::default(), Counters::default());
        let own = counters.counter(Key { repository: 1, manifest: Some(2), tag: None });
        replica.count_later(Waiting { hash, own: Some(own), is_robot: false, since: NOW });
        heard.iter().for_each(|bulletin| replica.hear(bulletin, &counters, NOW.plus_seconds(1)));
        replica.settle(false, NOW.plus_seconds(1));
        assert_eq!(counters.take(), []);
        replica.settle(false, NOW.plus_seconds(2));
        assert!(!replica.has_waiting());
        counters.take().into_iter().map(|(key, PullCount { people, .. })| (key.tag.map(|tag| tag.to_string()), people)).collect()
    }

    #[test]
    fn a_request_counts_for_the_tag_that_the_client_resolved_at_another_replica() {
        let other = ToldPulls::default();
        other.expect(7, PLACE, Some(&Tag::parse("v1").expect("a tag")));
        other.expect(8, PLACE, None);
        let bulletin = other.tell().expect("a bulletin");
        assert_eq!(bulletin, r#"[[7,1,2,"v1"],[8,1,2,null]]"#);
        assert_eq!(other.tell(), None);
        let heard = [bulletin];
        assert_eq!(counted(&heard, 7), [(Some("v1".to_owned()), 1)]);
        assert_eq!(counted(&heard, 8), [], "what the client has pushed is no pull");
        assert_eq!(counted(&heard, 9), [(None, 1)], "nobody expected it");
    }

    #[test]
    fn what_another_version_tells_is_ignored() {
        let texts = ["", "{}", "[1]", r#"[[7,1,2,"not a tag!"]]"#].map(str::to_owned);
        assert_eq!(counted(&texts, 7), [(None, 1)]);
    }

    #[test]
    fn any_number_of_requests_takes_bounded_memory_and_all_are_counted() {
        let (replica, counter) = (ToldPulls::default(), Arc::<Counter>::default());
        for hash in 0..100_000 {
            replica.expect(hash, PLACE, None);
            replica.count_later(Waiting { hash, own: Some(counter.clone()), is_robot: false, since: NOW });
        }
        assert_eq!((replica.untold.lock().len(), replica.waiting.lock().len()), (MOST_UNTOLD, MOST_WAITING));
        replica.settle(true, NOW);
        let counters = Counters::default();
        counters.put_back([(Key { repository: 1, manifest: None, tag: None }, counter.take())]);
        assert_eq!(counters.take().first().map(|(_, count)| count.people), Some(100_000));
    }
}
