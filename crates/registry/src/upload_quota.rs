//! The quota of open upload sessions, so that sessions that never end fill neither the disk nor the metadata.
//!
//! Open sessions are counted in the memory of this process, so that a push pays nothing for the quota. Sessions that other processes
//! end are noticed when a limit seems to be reached: the metadata is then counted, at most once per second.

use crate::error::{Error, Result};
use crate::limits::Limits;
use parking_lot::Mutex;
use roadstead_model::{RegistryId, RepositoryKey};
use std::collections::HashMap;
use std::future::Future;
use std::time::{Duration, Instant};

/// How long a count of the metadata is recent enough to refuse a session by.
const RECOUNT: Duration = Duration::from_secs(1);

/// The open sessions of every account and repository that has any.
#[derive(Default)]
pub(crate) struct UploadQuota {
    counts: Mutex<Counts>,
    /// Held while the metadata is counted, so that requests that wait for a count share it.
    counting: tokio::sync::Mutex<()>,
}

/// What has a limit of its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Scope {
    Account(RegistryId),
    Repository(RepositoryKey),
}

#[derive(Default)]
struct Counts {
    /// When the metadata was last counted.
    counted: Option<Instant>,
    scopes: HashMap<Scope, Count>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Count {
    open: u64,
    /// Those among them that may not be in the metadata yet.
    starting: u64,
}

/// Room for a session that is about to be stored. Dropping it gives the room back, unless [`Self::commit`] was called.
pub(crate) struct Reservation<'a> {
    quota: &'a UploadQuota,
    scopes: [Scope; 2],
    committed: bool,
}

impl UploadQuota {
    /// Reserves room for one more session, if both the account and the repository may have it. `stored` counts the metadata; it is
    /// only awaited when a limit seems to be reached.
    pub(crate) async fn reserve(
        &self,
        repository: &RepositoryKey,
        limits: &Limits,
        stored: impl Future<Output = Result<Vec<(RepositoryKey, u64)>>>,
    ) -> Result<Reservation<'_>> {
        let scopes = scopes(repository);
        let reserve = || self.counts.lock().reserve(&scopes, [limits.uploads, limits.uploads_per_repository]);
        if reserve().is_err() {
            let _counting = self.counting.lock().await;
            let recently = self.counts.lock().counted.is_some_and(|counted| counted.elapsed() < RECOUNT);
            if !recently {
                let stored = stored.await?;
                self.counts.lock().replace(stored);
            }
            reserve().map_err(|full| full.refusal(limits))?;
        }
        Ok(Reservation { quota: self, scopes, committed: false })
    }

    /// Gives the room of a session back that has ended.
    pub(crate) fn release(&self, repository: &RepositoryKey) {
        let mut counts = self.counts.lock();
        scopes(repository).iter().for_each(|scope| counts.change(scope, |count| count.open = count.open.saturating_sub(1)));
    }
}

fn scopes(repository: &RepositoryKey) -> [Scope; 2] {
    [Scope::Account(repository.registry.clone()), Scope::Repository(repository.clone())]
}

impl Scope {
    fn refusal(self, limits: &Limits) -> Error {
        match self {
            Self::Account(registry) => Error::TooManyUploads { registry, name: None, limit: limits.uploads },
            Self::Repository(RepositoryKey { registry, name }) => {
                Error::TooManyUploads { registry, name: Some(name), limit: limits.uploads_per_repository }
            }
        }
    }
}

impl Counts {
    fn change(&mut self, scope: &Scope, change: impl Fn(&mut Count)) {
        if let Some(count) = self.scopes.get_mut(scope) {
            change(count);
            if count.open == 0 {
                self.scopes.remove(scope);
            }
        }
    }

    /// Counts one more session, or returns the scope whose limit is reached.
    fn reserve(&mut self, scopes: &[Scope; 2], limits: [u64; 2]) -> std::result::Result<(), Scope> {
        // Nothing is known before the first count.
        let open = |scope: &Scope| self.scopes.get(scope).map_or(0, |count| count.open);
        if let Some((full, _)) = scopes.iter().zip(limits).find(|(scope, limit)| self.counted.is_none() || open(scope) >= *limit) {
            return Err(full.clone());
        }
        for scope in scopes {
            let count = self.scopes.entry(scope.clone()).or_default();
            count.open += 1;
            count.starting += 1;
        }
        Ok(())
    }

    /// Replaces the counts by those of the metadata.
    fn replace(&mut self, stored: Vec<(RepositoryKey, u64)>) {
        self.scopes.retain(|_, count| count.starting > 0);
        self.scopes.values_mut().for_each(|count| count.open = count.starting);
        for (repository, count) in stored {
            scopes(&repository).into_iter().for_each(|scope| self.scopes.entry(scope).or_default().open += count);
        }
        self.counted = Some(Instant::now());
    }
}

impl Reservation<'_> {
    /// Keeps the room, now that the session is stored.
    pub(crate) fn commit(mut self) {
        self.committed = true;
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        let released = u64::from(!self.committed);
        let mut counts = self.quota.counts.lock();
        for scope in &self.scopes {
            counts.change(scope, |count| {
                count.open = count.open.saturating_sub(released);
                count.starting = count.starting.saturating_sub(1);
            });
        }
    }
}
