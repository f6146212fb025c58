//! Turns: a lock with fencing, so that of all requests that want to write to an upload session one does.
//!
//! A client whose connection died sends its request again long before this end learns that nothing more will come. So a turn can
//! be taken over: who has it is told, stops reading its body and ends as if its connection had broken. Only when nothing of that
//! request can write any more, which may be in another thread, does the next one begin: bytes of two requests never mix.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// How long a request that was told to stop gets for what it has begun: a write, a sync, a commit.
const STOPPING: Duration = Duration::from_secs(30);

/// Nobody has said yet how far the session has come.
const UNKNOWN: u64 = u64::MAX;

/// What a request does with its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// It adds bytes, and those that arrived are kept if it ends early.
    Appending,
    /// It ends the session, or if it ends early leaves it as it was.
    Closing,
}

/// The sessions that requests of this process are writing to.
#[derive(Clone, Default)]
pub(crate) struct Turns(Arc<Mutex<HashMap<String, Arc<Holding>>>>);

/// What is known of a request that has a turn.
struct Holding {
    work: Work,
    /// Where the session would stand if the request ended now.
    reached: AtomicU64,
    /// True once it shall stop. Its receivers go when the turn is over.
    stop: watch::Sender<bool>,
}

/// The right to write to a session. It ends when the last clone is dropped, which may be in a thread that still writes for a
/// request that is gone.
#[derive(Clone)]
pub(crate) struct Turn(Arc<Held>);

struct Held {
    turns: Turns,
    id: String,
    holding: Arc<Holding>,
    stopped: watch::Receiver<bool>,
}

/// A request that has the turn that somebody else wants.
pub(crate) struct Holder(Arc<Holding>);

impl Turns {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Holding>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the turn of a session, or gives who has it.
    pub(crate) fn take(&self, id: &str, work: Work) -> Result<Turn, Holder> {
        let mut turns = self.lock();
        if let Some(holding) = turns.get(id) {
            return Err(Holder(holding.clone()));
        }
        let (stop, stopped) = watch::channel(false);
        let holding = Arc::new(Holding { work, reached: AtomicU64::new(UNKNOWN), stop });
        turns.insert(id.to_owned(), holding.clone());
        Ok(Turn(Arc::new(Held { turns: self.clone(), id: id.to_owned(), holding, stopped })))
    }

    /// Where a session would stand if the request that appends to it ended now; none when there is no such request.
    pub(crate) fn reached(&self, id: &str) -> Option<u64> {
        self.lock().get(id).filter(|holding| holding.work == Work::Appending).and_then(|holding| holding.reached())
    }

    /// Tells the request that writes to a session to stop, if there is one, since nothing will come of it.
    pub(crate) fn stop(&self, id: &str) {
        if let Some(holding) = self.lock().get(id) {
            holding.stop.send_replace(true);
        }
    }
}

impl Holding {
    fn reached(&self) -> Option<u64> {
        Some(self.reached.load(Ordering::Relaxed)).filter(|reached| *reached != UNKNOWN)
    }
}

impl Turn {
    /// Notes where the session would stand if this request ended now.
    pub(crate) fn reach(&self, received: u64) {
        self.0.holding.reached.store(received, Ordering::Relaxed);
    }

    /// Returns when this request shall stop.
    pub(crate) async fn stopped(&self) {
        // The other end lives as long as the turn.
        let _ = self.0.stopped.clone().wait_for(|stop| *stop).await;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.turns.lock().remove(&self.id);
    }
}

impl Holder {
    /// Where its session will stand, as far as is known, if it is stopped. `row` is where the session stood before.
    pub(crate) fn reached(&self, row: u64) -> u64 {
        match self.0.work {
            Work::Appending => self.0.reached().unwrap_or(row),
            Work::Closing => row,
        }
    }

    /// Whether a request that begins at `start` may take over, because it goes on at the offset that this one has reached. A closing
    /// request without a `start`, as BuildKit, containerd and oras send it, takes over from any: it names the digest of the whole.
    pub(crate) fn gives_way(&self, row: u64, start: Option<u64>, work: Work) -> bool {
        match (start, self.0.work) {
            (Some(start), Work::Appending) => self.0.reached() == Some(start),
            (Some(start), Work::Closing) => start == row,
            (None, _) => work == Work::Closing,
        }
    }

    /// Tells it to stop, and waits until its turn is over. False when that took too long.
    pub(crate) async fn stop(&self) -> bool {
        self.0.stop.send_replace(true);
        tokio::time::timeout(STOPPING, self.0.stop.closed()).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_turn_is_over_when_its_last_clone_is_gone_and_not_before() {
        let turns = Turns::default();
        let turn = turns.take("a", Work::Appending).ok().expect("free");
        assert!(turns.take("b", Work::Appending).is_ok());
        let holder = turns.take("a", Work::Appending).err().expect("taken");
        let writing = turn.clone();
        let told = tokio::spawn(async move {
            turn.stopped().await;
            drop(turn);
            tokio::task::yield_now().await;
            drop(writing);
        });
        assert!(holder.stop().await);
        assert!(turns.take("a", Work::Appending).is_ok());
        told.await.expect("no panic");
    }

    #[test]
    fn who_goes_on_where_a_request_got_to_takes_over_and_nobody_else() {
        let turns = Turns::default();
        let appending = turns.take("a", Work::Appending).ok().expect("free");
        let closing = turns.take("c", Work::Closing).ok().expect("free");
        let holder = |id: &str| turns.take(id, Work::Appending).err().expect("taken");
        // Nobody has read yet where the session stands.
        assert!(!holder("a").gives_way(5, Some(5), Work::Appending));
        appending.reach(9);
        closing.reach(9);
        for (start, work, from_appending, from_closing) in [
            (Some(9), Work::Appending, true, false),
            (Some(9), Work::Closing, true, false),
            (Some(5), Work::Appending, false, true),
            (Some(5), Work::Closing, false, true),
            (None, Work::Appending, false, false),
            (None, Work::Closing, true, true),
        ] {
            assert_eq!(holder("a").gives_way(5, start, work), from_appending, "{start:?} {work:?}");
            assert_eq!(holder("c").gives_way(5, start, work), from_closing, "{start:?} {work:?}");
        }
        assert_eq!((turns.reached("a"), turns.reached("c"), turns.reached("none")), (Some(9), None, None));
        assert_eq!((holder("a").reached(5), holder("c").reached(5)), (9, 5));
    }
}
