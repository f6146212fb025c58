//! Work in the background at a pace that leaves room for requests.

use parking_lot::Mutex;
use std::num::NonZeroU64;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// The pace of reading. What was not used is not made up for.
pub(crate) struct Pace {
    bytes_per_second: Option<NonZeroU64>,
    /// When the next bytes may be read.
    next: Mutex<Instant>,
}

impl Pace {
    /// As fast as possible, if `None`.
    pub(crate) fn new(bytes_per_second: Option<NonZeroU64>) -> Self {
        Self { bytes_per_second, next: Mutex::new(Instant::now()) }
    }

    /// Waits until these bytes may be read.
    pub(crate) async fn wait_for(&self, bytes: u64) {
        let Some(rate) = self.bytes_per_second else { return };
        let begin = {
            let mut next = self.next.lock();
            let begin = (*next).max(Instant::now());
            *next = begin + Duration::from_secs_f64(bytes as f64 / rate.get() as f64);
            begin
        };
        sleep_until(begin).await;
    }
}

/// Sleeps as long as a step took, so that requests get at least half of the time, including those of other processes, which wait in other
/// queues.
pub(crate) async fn rest_after(begun: std::time::Instant) {
    tokio::time::sleep(begun.elapsed()).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn bytes_are_read_at_the_pace_and_idle_time_is_not_made_up_for() {
        let (pace, begun) = (Pace::new(NonZeroU64::new(100)), Instant::now());
        for seconds in [0, 2, 4] {
            pace.wait_for(200).await;
            assert_eq!(begun.elapsed().as_secs(), seconds);
        }
        tokio::time::advance(Duration::from_secs(60)).await;
        for seconds in [64, 66] {
            pace.wait_for(200).await;
            assert_eq!(begun.elapsed().as_secs(), seconds);
        }
    }
}
