//! Waiting for a database or a bucket that cannot be reached yet.

use crate::error::{Error, Result};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The time between two attempts.
const PAUSE: Duration = Duration::from_secs(1);
/// Every how many attempts the reason is logged.
const ATTEMPTS_PER_MESSAGE: u32 = 10;

/// Tries until it succeeds or `until` has passed. A refusal ends it: only what cannot be reached may be there later.
pub(super) async fn reach<T>(until: Instant, attempt: impl AsyncFn() -> Result<T>) -> Result<T> {
    let mut attempts = 0;
    loop {
        match attempt().await {
            Err(Error::Unavailable(reason)) if Instant::now() + PAUSE <= until => {
                if attempts % ATTEMPTS_PER_MESSAGE == 0 {
                    tracing::warn!(%reason, seconds_left = (until - Instant::now()).as_secs(), "waiting for storage that cannot be reached yet");
                }
                attempts += 1;
                sleep(PAUSE).await;
            }
            outcome => return outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// Reaches something whose attempts have these outcomes, and returns the outcome and the number of attempts.
    async fn outcome_of(outcomes: &[Result<u8>], wait: u64) -> (Result<u8>, usize) {
        let attempts = Cell::new(0);
        let attempt = async || {
            attempts.set(attempts.get() + 1);
            outcomes[attempts.get() - 1].clone()
        };
        let outcome = reach(Instant::now() + Duration::from_secs(wait), attempt).await;
        (outcome, attempts.get())
    }

    #[tokio::test]
    async fn what_cannot_be_reached_is_tried_again_until_the_time_is_over() {
        let away = || Err(Error::Unavailable("away".to_owned()));
        assert!(matches!(outcome_of(&[away(), Ok(1)], 60).await, (Ok(1), 2)));
        assert!(matches!(outcome_of(&[away(), Ok(1)], 0).await, (Err(Error::Unavailable(_)), 1)));
    }

    #[tokio::test]
    async fn a_refusal_is_final() {
        let outcomes = [Err(Error::Internal("wrong password".to_owned())), Ok(1)];
        assert!(matches!(outcome_of(&outcomes, 60).await, (Err(Error::Internal(_)), 1)));
    }
}
