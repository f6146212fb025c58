//! The quotas of upload sessions that have bytes, so that abandoned sessions fill neither the disk nor the metadata.
//!
//! This process counts the sessions in memory, so that a push need not query the metadata. When a quota seems to be reached, the
//! sessions in the metadata are counted, at most once per second, because other processes may have ended some. Where replicas share the
//! metadata, they are counted every second in which sessions begin: together, replicas exceed a quota by at most what each of them
//! admits within a second.

use crate::error::{Error, Result};
use crate::limits::Limits;
use parking_lot::Mutex;
use roadstead_model::{RegistryId, RepositoryKey, RepositoryName};
use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a count of the metadata may be used to refuse sessions and, where replicas share it, to admit them.
const RECOUNT: Duration = Duration::from_secs(1);

/// The open sessions of each account and repository.
#[derive(Clone, Default)]
pub(crate) struct UploadQuota(Arc<Shared>);

#[derive(Default)]
struct Shared {
    counts: Mutex<Counts>,
    /// Held while the metadata is counted, so that concurrent requests share one count.
    counting: tokio::sync::Mutex<()>,
}

/// An account or, with a name, a repository. Each has a quota.
type Scope = (RegistryId, Option<RepositoryName>);

#[derive(Default)]
struct Counts {
    /// When the metadata was last counted. `None` before the first count.
    counted: Option<Instant>,
    scopes: HashMap<Scope, Count>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Count {
    open: u64,
    /// The number of open sessions that may not be in the metadata yet.
    starting: u64,
}

/// The place of a session that is about to be stored. Released on drop, unless [committed](Self::commit).
pub(crate) struct Reservation {
    quota: UploadQuota,
    scopes: [Scope; 2],
    committed: bool,
}

impl UploadQuota {
    /// Reserves a place for a session. Fails if the account or the repository has reached its quota. `stored` counts the metadata and
    /// is only awaited if a quota seems to be reached or, with `is_shared`, if the last count is too old.
    pub(crate) async fn reserve(
        &self,
        repository: &RepositoryKey,
        limits: &Limits,
        is_shared: bool,
        stored: impl Future<Output = Result<Vec<(RepositoryKey, u64)>>>,
    ) -> Result<Reservation> {
        let (scopes, limits) = (scopes(repository), [limits.uploads, limits.uploads_per_repository]);
        let reserve = || self.0.counts.lock().reserve(&scopes, limits);
        if (is_shared && !self.counted_recently()) || reserve().is_err() {
            let _counting = self.0.counting.lock().await;
            if !self.counted_recently() {
                let stored = stored.await?;
                self.0.counts.lock().replace(stored);
            }
            reserve()?;
        }
        Ok(Reservation { quota: self.clone(), scopes, committed: false })
    }

    fn counted_recently(&self) -> bool {
        self.0.counts.lock().counted.is_some_and(|counted| counted.elapsed() < RECOUNT)
    }

    /// Releases the place of a session that has ended.
    pub(crate) fn release(&self, repository: &RepositoryKey) {
        let mut counts = self.0.counts.lock();
        scopes(repository).iter().for_each(|scope| counts.change(scope, |count| count.open = count.open.saturating_sub(1)));
    }
}

fn scopes(repository: &RepositoryKey) -> [Scope; 2] {
    [None, Some(repository.name.clone())].map(|name| (repository.registry.clone(), name))
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

    /// Counts one more session. Fails if a scope has reached its limit, or before the first count of the metadata.
    fn reserve(&mut self, scopes: &[Scope; 2], limits: [u64; 2]) -> Result<()> {
        for (scope, limit) in scopes.iter().zip(limits) {
            if self.counted.is_none() || self.scopes.get(scope).map_or(0, |count| count.open) >= limit {
                let (registry, name) = scope.clone();
                return Err(Error::TooManyUploads { registry, name, limit });
            }
        }
        for scope in scopes {
            let count = self.scopes.entry(scope.clone()).or_default();
            count.open += 1;
            count.starting += 1;
        }
        Ok(())
    }

    /// Replaces the counts by those of the metadata, plus the sessions that are starting.
    fn replace(&mut self, stored: Vec<(RepositoryKey, u64)>) {
        self.scopes.retain(|_, count| count.starting > 0);
        self.scopes.values_mut().for_each(|count| count.open = count.starting);
        for (repository, count) in stored {
            scopes(&repository).into_iter().for_each(|scope| self.scopes.entry(scope).or_default().open += count);
        }
        self.counted = Some(Instant::now());
    }
}

impl Reservation {
    /// Keeps the place, because the session is stored.
    pub(crate) fn commit(mut self) {
        self.committed = true;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let released = u64::from(!self.committed);
        let mut counts = self.quota.0.counts.lock();
        for scope in &self.scopes {
            counts.change(scope, |count| {
                count.open = count.open.saturating_sub(released);
                count.starting = count.starting.saturating_sub(1);
            });
        }
    }
}
