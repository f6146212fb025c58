//! How many upload sessions are open, so that nobody fills the disk and the metadata with sessions that never end.
//!
//! They are counted in memory, so that a push pays nothing for the limits. What others end (a collection, a command, the deletion
//! of a repository) is noticed when a limit seems to be reached: then they are counted in the metadata, once a second at most.

use crate::Installation;
use crate::error::{Error, Result};
use roadstead_model::{RegistryId, RepositoryName};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a count is good for to refuse a session with.
const RECOUNT: Duration = Duration::from_secs(1);

/// The sessions of each account and each repository that has any.
#[derive(Default)]
pub(crate) struct OpenSessions {
    counts: Mutex<Counts>,
    /// Held while the metadata is counted, so that requests that wait for it share one count.
    counting: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Counts {
    /// When they were read from the metadata.
    read: Option<Instant>,
    accounts: HashMap<String, Count>,
    repositories: HashMap<(String, String), Count>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Count {
    open: u64,
    /// Those among them that the metadata may not have yet.
    beginning: u64,
}

/// Why there is no room for one more session.
enum Full {
    Account,
    Repository,
}

impl OpenSessions {
    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a session has ended.
    pub(crate) fn ended(&self, registry: &RegistryId, name: &RepositoryName) {
        self.lock().change(registry, name, |count| count.open = count.open.saturating_sub(1));
    }
}

impl Counts {
    fn change(&mut self, registry: &RegistryId, name: &RepositoryName, change: impl Fn(&mut Count)) {
        if let Some(count) = self.accounts.get_mut(registry.as_str()) {
            change(count);
            if count.open == 0 {
                self.accounts.remove(registry.as_str());
            }
        }
        let key = (registry.to_string(), name.to_string());
        if let Some(count) = self.repositories.get_mut(&key) {
            change(count);
            if count.open == 0 {
                self.repositories.remove(&key);
            }
        }
    }

    /// Makes room for one more.
    fn begin(&mut self, registry: &RegistryId, name: &RepositoryName, limits: (u64, u64)) -> std::result::Result<(), Full> {
        let account = self.accounts.entry(registry.to_string()).or_default();
        let repository = self.repositories.entry((registry.to_string(), name.to_string())).or_default();
        let full = match (account.open < limits.0, repository.open < limits.1) {
            (true, true) => None,
            (false, _) => Some(Full::Account),
            (true, false) => Some(Full::Repository),
        };
        match full {
            None => [account, repository].into_iter().for_each(|count| {
                count.open += 1;
                count.beginning += 1;
            }),
            // What may just have been added goes again.
            Some(_) => self.change(registry, name, |_| ()),
        }
        full.map_or(Ok(()), Err)
    }

    /// Takes over what the metadata has.
    fn replace(&mut self, stored: Vec<(String, String, u64)>) {
        let begun = |count: Count| Count { open: count.beginning, ..count };
        let (accounts, repositories) = (std::mem::take(&mut self.accounts), std::mem::take(&mut self.repositories));
        self.accounts = accounts.into_iter().filter(|(_, count)| count.beginning > 0).map(|(key, count)| (key, begun(count))).collect();
        self.repositories =
            repositories.into_iter().filter(|(_, count)| count.beginning > 0).map(|(key, count)| (key, begun(count))).collect();
        for (registry, name, open) in stored {
            self.accounts.entry(registry.clone()).or_default().open += open;
            self.repositories.entry((registry, name)).or_default().open += open;
        }
        self.read = Some(Instant::now());
    }
}

/// The place of a session that is about to be stored. It is given back when this is dropped, unless [`Self::has_begun`] was called.
pub(crate) struct Beginning<'a> {
    sessions: &'a OpenSessions,
    registry: &'a RegistryId,
    name: &'a RepositoryName,
    begun: bool,
}

impl Beginning<'_> {
    /// The session is stored.
    pub(crate) fn has_begun(mut self) {
        self.begun = true;
    }
}

impl Drop for Beginning<'_> {
    fn drop(&mut self) {
        let open = u64::from(!self.begun);
        self.sessions.lock().change(self.registry, self.name, |count| {
            count.open = count.open.saturating_sub(open);
            count.beginning = count.beginning.saturating_sub(1);
        });
    }
}

impl Installation {
    /// Makes room for one more session, if the account and the repository may have it.
    pub(crate) async fn make_room<'a>(&'a self, registry: &'a RegistryId, name: &'a RepositoryName) -> Result<Beginning<'a>> {
        let sessions = &self.0.open_sessions;
        let limits = (self.0.limits.uploads, self.0.limits.uploads_per_repository);
        let beginning = || Beginning { sessions, registry, name, begun: false };
        let begin = |counted_within: Option<Duration>| {
            let mut counts = sessions.lock();
            let read = counts.read?.elapsed();
            match counts.begin(registry, name, limits) {
                Ok(()) => Some(Ok(beginning())),
                Err(full) => counted_within.filter(|within| read < *within).map(|_| Err(self.no_room(registry, name, &full))),
            }
        };
        if let Some(begun) = begin(None) {
            return begun;
        }
        let _counting = sessions.counting.lock().await;
        if let Some(begun) = begin(Some(RECOUNT)) {
            return begun;
        }
        let stored = self.0.metadata.count_uploads().await?;
        sessions.lock().replace(stored);
        begin(Some(Duration::MAX)).unwrap_or_else(|| Err(Error::Internal("sessions were counted in vain".to_owned())))
    }

    fn no_room(&self, registry: &RegistryId, name: &RepositoryName, full: &Full) -> Error {
        let (name, limit) = match full {
            Full::Account => (None, self.0.limits.uploads),
            Full::Repository => (Some(name.clone()), self.0.limits.uploads_per_repository),
        };
        Error::TooManyUploads { registry: registry.clone(), name, limit }
    }
}
