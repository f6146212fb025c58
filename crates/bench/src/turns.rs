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
    /// Has a permit for each operation that is due and not begun. `None`: an operation is due when a connection is free.
    due: Option<Arc<Semaphore>>,
}

impl Turns {
    /// Begins a load.
    pub(crate) fn begin(load: Load) -> Self {
        let begun = Instant::now();
        let end = begun + load.duration;
        let due = load.rate.map(|rate| at_rate(rate, begun, end));
        Self { end, operations: load.operations, taken: Arc::default(), due }
    }

    /// Waits for the next operation. `false` if there is none.
    pub(crate) async fn next(&self) -> bool {
        if Instant::now() >= self.end || self.operations.is_some_and(|most| self.taken.fetch_add(1, Ordering::Relaxed) >= most) {
            return false;
        }
        match &self.due {
            None => true,
            Some(due) => due.acquire().await.map(tokio::sync::SemaphorePermit::forget).is_ok(),
        }
    }
}

/// Adds a permit `rate` times a second, evenly, and closes the semaphore at the end. A thread of its own does that, because the runtime's
/// timers have a resolution of a millisecond, in which many operations would begin at once.
fn at_rate(rate: f64, begun: Instant, end: Instant) -> Arc<Semaphore> {
    let due = Arc::new(Semaphore::new(0));
    let given = due.clone();
    std::thread::spawn(move || {
        let times = (1_u64..).map(|number| begun + Duration::from_secs_f64(number as f64 / rate));
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
        while turns.next().await {
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
}
