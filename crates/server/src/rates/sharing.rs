//! What replicas tell each other: how much of each rate their callers have used.
//!
//! Twice a second, a replica posts what it has admitted since and reads what others have posted. So a rate is exceeded by at most what
//! the other replicas admit in about a second, of which a burst is part. While the database is away, every replica limits what it
//! admits itself, and tells it later.

use super::caller::Caller;
use super::limiters::Limiters;
use super::pending::Count;
use super::throttle::Scope;
use roadstead_model::Timestamp;
use roadstead_registry::{Board, Installation, Result};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The topic of these bulletins.
const TOPIC: &str = "rates";
const INTERVAL: Duration = Duration::from_millis(500);
/// The number of callers of a throttle in a bulletin. Those who used most come first, because they are the nearest to a limit.
const MOST_CALLERS: usize = 500;

/// By scope: a caller, a number of requests, and the time of the first in microseconds.
type Counts = BTreeMap<String, Vec<(Caller, u64, i64)>>;

/// The same time by the clock of this process, which rates go by, and by that of the installation.
#[derive(Debug, Clone, Copy)]
struct Moment {
    instant: Instant,
    time: Timestamp,
}

impl Moment {
    fn time_of(self, instant: Instant) -> i64 {
        let ago = self.instant.saturating_duration_since(instant);
        self.time.micros().saturating_sub(i64::try_from(ago.as_micros()).unwrap_or(i64::MAX))
    }

    /// A time to come is now: the clocks of replicas differ a little.
    fn instant_of(self, micros: i64) -> Instant {
        let ago = u64::try_from(self.time.micros().saturating_sub(micros)).unwrap_or(0);
        self.instant.checked_sub(Duration::from_micros(ago)).unwrap_or(self.instant)
    }
}

impl Limiters {
    /// Exchanges counts with the other replicas. Returns only if there can be none.
    pub(crate) async fn share_regularly(&self, installation: &Installation) {
        if !installation.is_shared() {
            return;
        }
        let mut board = Board::new(TOPIC);
        let mut failing = false;
        loop {
            tokio::time::sleep(INTERVAL).await;
            let shared = self.share(installation, &mut board).await;
            if let Err(error) = &shared
                && !failing
            {
                tracing::warn!(%error, "rates cannot be shared with other replicas: each one limits what it admits itself");
            }
            failing = shared.is_err();
        }
    }

    async fn share(&self, installation: &Installation, board: &mut Board) -> Result<()> {
        let moment = || Moment { instant: Instant::now(), time: installation.now() };
        installation.post(board, || tell(self.throttles(), moment())).await?;
        for bulletin in installation.read_board(board).await? {
            learn(self.throttles(), &bulletin, moment());
        }
        Ok(())
    }
}

/// What other replicas do not know. `None` if they know everything.
fn tell<'a>(throttles: impl Iterator<Item = Scope<'a>>, now: Moment) -> Option<String> {
    let mut counts = Counts::new();
    for (scope, throttle) in throttles {
        let unshared = throttle.take_unshared(MOST_CALLERS);
        if !unshared.is_empty() {
            let told = unshared.into_iter().map(|(caller, count)| (caller, count.amount, now.time_of(count.first)));
            counts.insert(scope.to_owned(), told.collect());
        }
    }
    // Numbers and text always serialise.
    (!counts.is_empty()).then(|| serde_json::to_string(&counts).unwrap_or_default())
}

/// Counts what another replica has admitted. Ignores what another version may tell.
fn learn<'a>(throttles: impl Iterator<Item = Scope<'a>>, bulletin: &str, now: Moment) {
    let Ok(counts) = serde_json::from_str::<Counts>(bulletin) else { return };
    for (scope, throttle) in throttles {
        for (caller, amount, first) in counts.get(scope).into_iter().flatten() {
            throttle.learn(*caller, Count { amount: *amount, first: now.instant_of(*first) }, now.instant);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Rate;
    use crate::rates::throttle::Throttle;

    const TIME: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn throttle() -> Throttle {
        Throttle::new(Rate::parse("10/m").unwrap(), true)
    }

    fn left(throttle: &Throttle, now: Instant) -> usize {
        (0..100).filter(|_| throttle.take(Caller(1), now).is_ok()).count()
    }

    #[test]
    fn what_is_told_is_learned_by_the_throttle_of_the_same_scope() {
        let (one, pulls, pages) = (throttle(), throttle(), throttle());
        let now = Moment { instant: Instant::now(), time: TIME };
        assert_eq!(tell([("pull", &one)].into_iter(), now), None);
        assert!((0..7).all(|_| one.take(Caller(1), now.instant).is_ok()));
        let told = tell([("pull", &one)].into_iter(), now).unwrap();
        assert_eq!(told, r#"{"pull":[[1,7,1800000000000000]]}"#);
        assert_eq!(tell([("pull", &one)].into_iter(), now), None);
        learn([("pull", &pulls), ("page", &pages)].into_iter(), &told, now);
        assert_eq!((left(&pulls, now.instant), left(&pages, now.instant)), (3, 10));
    }

    #[test]
    fn a_time_of_another_replica_is_the_same_time_here_and_never_to_come() {
        let now = Moment { instant: Instant::now(), time: TIME };
        for (seconds_ago, left_then) in [(-60_i64, 3), (0, 3), (6, 4), (42, 10), (3_000, 10)] {
            let throttle = throttle();
            let first = TIME.plus_seconds(-seconds_ago).micros();
            // The throttle must have begun before.
            let now = Moment { instant: now.instant + Duration::from_secs(4_000), ..now };
            learn([("pull", &throttle)].into_iter(), &format!(r#"{{"pull":[[1,7,{first}]]}}"#), now);
            assert_eq!(left(&throttle, now.instant), left_then, "{seconds_ago}");
        }
    }

    #[test]
    fn what_another_version_tells_is_ignored() {
        let (throttle, now) = (throttle(), Moment { instant: Instant::now(), time: TIME });
        let texts = ["", "null", "[]", r#"{"pull": 1}"#, r#"{"other": [[1, 7, 0]]}"#, r#"{"pull": [[1, -7, 0]]}"#];
        texts.iter().for_each(|text| learn([("pull", &throttle)].into_iter(), text, now));
        assert_eq!(left(&throttle, now.instant), 10);
    }
}
