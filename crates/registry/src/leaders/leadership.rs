//! A lease that is held: renewing it, and stopping in time when that fails.

use super::Lease;
use crate::clock::Clock;
use crate::error::{Error, Result};
use std::fs::File;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

/// How often a lease is renewed.
const RENEWAL: Duration = Duration::from_secs(10);
/// How soon a failed renewal is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// How long a lease counts as held after it was last renewed: less than its row is valid, because clocks may differ.
const HELD: Duration = Duration::from_secs(20);

/// A lease that this process holds. It is released when this is dropped.
pub struct Leadership(Option<Shared>, Option<File>);

struct Shared {
    lease: Lease,
    lost: watch::Receiver<bool>,
    renewing: tokio::task::AbortHandle,
}

impl Leadership {
    /// The leadership of the only process that can do the task.
    pub(crate) const fn of_one_process() -> Self {
        Self(None, None)
    }

    /// The leadership of the process that has locked a file.
    pub(super) const fn by_lock(lock: File) -> Self {
        Self(None, Some(lock))
    }

    /// The leadership by a row that has just been taken.
    pub(super) fn renewed(lease: Lease, clock: Clock) -> Self {
        let (lose, lost) = watch::channel(false);
        let renewed = lease.clone();
        let renewing = tokio::spawn(async move {
            renew(&renewed, &clock).await;
            lose.send_replace(true);
        });
        Self(Some(Shared { lease, lost, renewing: renewing.abort_handle() }), None)
    }

    /// Returns when the lease is lost, perhaps never.
    pub async fn lost(&self) {
        match &self.0 {
            // An error means that renewing has ended, however.
            Some(Shared { lost, .. }) => drop(lost.clone().wait_for(|lost| *lost).await),
            None => std::future::pending().await,
        }
    }

    /// Does `work`, which is dropped where it awaits something if the lease is lost. Releases the lease at the end.
    pub async fn run<T>(self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let outcome = tokio::select! {
            outcome = work => outcome,
            () = self.lost() => Err(lost()),
        };
        self.release().await;
        outcome
    }

    /// Lets another process take the lease.
    pub async fn release(mut self) {
        if let Some(lease) = self.end() {
            release(lease).await;
        }
    }

    /// Stops renewing the lease, and returns it to be released.
    fn end(&mut self) -> Option<Lease> {
        self.1 = None;
        let Shared { lease, renewing, .. } = self.0.take()?;
        renewing.abort();
        Some(lease)
    }
}

/// The error of work that was dropped because the lease on it was lost.
pub(crate) fn lost() -> Error {
    Error::Unavailable("the lease on the task could not be renewed, so another process may do it".to_owned())
}

impl Drop for Leadership {
    fn drop(&mut self) {
        if let (Some(lease), Ok(runtime)) = (self.end(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(release(lease));
        }
    }
}

async fn release(lease: Lease) {
    if let Err(error) = lease.release().await {
        tracing::debug!(%error, "a lease could not be released: it expires");
    }
}

/// Renews a lease for as long as that succeeds.
async fn renew(lease: &Lease, clock: &Clock) {
    let (mut held_until, mut pause) = (Instant::now() + HELD, RENEWAL);
    while Instant::now() < held_until {
        sleep(pause).await;
        let begun = Instant::now();
        match timeout_at(held_until, lease.renew(clock.now())).await {
            Ok(Ok(true)) => (held_until, pause) = (begun + HELD, RENEWAL),
            Ok(Ok(false)) => return,
            Ok(Err(error)) => {
                tracing::debug!(%error, "a lease could not be renewed: it is retried");
                pause = RETRY;
            }
            Err(_) => return,
        }
    }
}
