//! When connections begin their next operation.

use crate::load::Load;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// The operations of one load. A connection takes a turn for each.
#[derive(Clone)]
pub(crate) struct Turns {
    end: Instant,
    operations: Option<u64>,
    taken: Arc<AtomicU64>,
    /// `None`: an operation is due when a connection is free.
    pace: Option<Pace>,
}

/// Operations that are due at a rate, whether or not a connection is free.
#[derive(Clone)]
struct Pace {
    begun: Instant,
    rate: f64,
    /// Has a permit for each operation that is due and not begun.
    due: Arc<Semaphore>,
}

impl Turns {
    /// Begins a load.
    pub(crate) fn begin(load: Load) -> Self {
        let begun = Instant::now();
        let end = begun + load.duration;
        let pace = load.rate.map(|rate| Pace { begun, rate, due: at_rate(rate, begun, end) });
        Self { end, operations: load.operations, taken: Arc::default(), pace }
    }

    /// Waits for the next operation, and returns when it was due: latency counts from then, so that a server which makes requests queue
    /// does not look fast. `None` if there is none.
    pub(crate) async fn next(&self) -> Option<Instant> {
        let now = Instant::now();
        let number = self.taken.fetch_add(1, Ordering::Relaxed);
        if now >= self.end || self.operations.is_some_and(|most| number >= most) {
            return None;
        }
        let Some(Pace { begun, rate, due }) = &self.pace else { return Some(now) };
        due.acquire().await.ok()?.forget();
        Some(time_of(number, *begun, *rate))
    }
}

/// When an operation is due. The first one is due an interval after the begin.
fn time_of(number: u64, begun: Instant, rate: f64) -> Instant {
    begun + Duration::from_secs_f64((number + 1) as f64 / rate)
}

/// Adds a permit `rate` times a second, evenly, and closes the semaphore at the end. A thread of its own does that, because the runtime's
/// timers have a resolution of a millisecond, in which many operations would begin at once.
fn at_rate(rate: f64, begun: Instant, end: Instant) -> Arc<Semaphore> {
    let due = Arc::new(Semaphore::new(0));
    let given = due.clone();
    std::thread::spawn(move || {
        let times = (0..).map(|number| time_of(number, begun, rate));
        for time in times.take_while(|time| *time < end) {
            std::thread::sleep(time.saturating_duration_since(Instant::now()));
            given.add_permits(1);
        }
        std::thread::sleep(end.saturating_duration_since(Instant::now()));
        given.close();
    });
    due
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn count(load: Load) -> u64 {
        let turns = Turns::begin(load);
        let mut count = 0;
        while turns.next().await.is_some() {
            count += 1;
        }
        count
    }

    #[tokio::test]
    async fn a_load_ends_after_its_operations_or_its_time_and_a_rate_bounds_them() {
        let load = |duration, operations, rate| Load { connections: 1, duration, operations, rate };
        assert_eq!(count(load(Duration::from_secs(3600), Some(7), None)).await, 7);
        assert_eq!(count(load(Duration::ZERO, None, None)).await, 0);
        assert_eq!(count(load(Duration::from_secs(3600), Some(3), Some(1e6))).await, 3);
        assert!(count(load(Duration::from_millis(100), None, Some(100.0))).await < 10, "the tenth is due at the end");
    }

    #[tokio::test]
    async fn a_wait_for_a_free_connection_counts() {
        let turns = Turns::begin(Load { connections: 1, duration: Duration::from_secs(3600), operations: Some(2), rate: Some(1000.0) });
        let first = turns.next().await.expect("an operation");
        tokio::time::sleep(Duration::from_millis(20)).await;
        let second = turns.next().await.expect("another one");
        assert_eq!((second - first).as_millis(), 1);
    }
}
