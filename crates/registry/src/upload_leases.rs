//! Leases on upload sessions: only the request that holds the lease of a session writes to it.
//!
//! After a connection breaks, the client retries long before the server notices. A lease can therefore be revoked: its holder stops
//! reading its body and ends as if its connection had broken. The next lease is granted only after the last clone of the revoked one is
//! dropped, possibly by a thread that is still writing, so the bytes of two requests never mix.
//!
//! Leases are held in memory, so they only exclude writers of this process. Where replicas share the metadata, the session's row says
//! which request may write to the blob store (`uploads/write_right.rs`). `roadstead gc` checks the age of an upload instead; see
//! [`crate::blobs::BlobStore::upload_written_since`].

use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// How long the holder of a revoked lease may take to finish a write, a sync or a commit.
pub(crate) const GRACE: Duration = Duration::from_secs(30);

/// The position of a holder that has not read the length of its session yet.
const UNKNOWN: u64 = u64::MAX;

/// The purpose of a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Intent {
    /// Appends bytes. If the request breaks off, the bytes received are kept.
    Append,
    /// Completes the session. If the request breaks off, the session is unchanged.
    Complete,
}

/// The leases in force, by session id.
#[derive(Clone, Default)]
pub(crate) struct UploadLeases(Arc<Mutex<HashMap<String, Arc<State>>>>);

/// The state that a lease shares with requests for it.
struct State {
    intent: Intent,
    /// The length that the session would have if the request ended now.
    position: AtomicU64,
    /// Set to `true` to revoke the lease. Its receivers are dropped when the lease ends.
    revoke: watch::Sender<bool>,
}

/// The right to write to a session, until the last clone is dropped.
#[derive(Clone)]
pub(crate) struct UploadLease(Arc<Held>);

struct Held {
    leases: UploadLeases,
    id: String,
    state: Arc<State>,
    revoked: watch::Receiver<bool>,
}

/// Revokes a lease, unless it has ended.
pub(crate) struct Revoker(Arc<State>);

/// The request that holds the lease of a session.
pub(crate) struct Holder(Arc<State>);

impl UploadLeases {
    /// Grants the lease of a session, or returns the holder if it is taken.
    pub(crate) fn acquire(&self, id: &str, intent: Intent) -> Result<UploadLease, Holder> {
        let mut leases = self.0.lock();
        if let Some(state) = leases.get(id) {
            return Err(Holder(state.clone()));
        }
        let (revoke, revoked) = watch::channel(false);
        let state = Arc::new(State { intent, position: AtomicU64::new(UNKNOWN), revoke });
        leases.insert(id.to_owned(), state.clone());
        Ok(UploadLease(Arc::new(Held { leases: self.clone(), id: id.to_owned(), state, revoked })))
    }

    /// Returns the length that a session would have if the request appending to it ended now. `None` if there is no such request.
    pub(crate) fn position(&self, id: &str) -> Option<u64> {
        self.0.lock().get(id).filter(|state| state.intent == Intent::Append).and_then(|state| state.position())
    }

    /// Revokes the lease of a deleted session, if it is taken.
    pub(crate) fn revoke(&self, id: &str) {
        if let Some(state) = self.0.lock().get(id) {
            state.revoke.send_replace(true);
        }
    }
}

impl State {
    fn position(&self) -> Option<u64> {
        Some(self.position.load(Ordering::Relaxed)).filter(|position| *position != UNKNOWN)
    }
}

impl UploadLease {
    /// Publishes the length that the session would have if this request ended now.
    pub(crate) fn set_position(&self, received: u64) {
        self.0.state.position.store(received, Ordering::Relaxed);
    }

    /// What revokes this lease.
    pub(crate) fn revoker(&self) -> Revoker {
        Revoker(self.0.state.clone())
    }

    /// Returns when the lease is revoked.
    pub(crate) async fn revoked(&self) {
        // The sender lives as long as the lease.
        let _ = self.0.revoked.clone().wait_for(|revoked| *revoked).await;
    }
}

impl Revoker {
    pub(crate) fn revoke(&self) {
        self.0.revoke.send_replace(true);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.leases.0.lock().remove(&self.id);
    }
}

impl Holder {
    /// Returns the length that the session will have once this lease is revoked, if known. `stored` is the committed length.
    pub(crate) fn position(&self, stored: u64) -> u64 {
        match self.0.intent {
            Intent::Append => self.0.position().unwrap_or(stored),
            Intent::Complete => stored,
        }
    }

    /// Whether the lease may be revoked for a request that begins at `start`, because it continues at the holder's position.
    /// A completing request without a `start`, as BuildKit, containerd and oras send it, may always take over: it names the digest
    /// of the whole blob.
    pub(crate) fn yields_to(&self, stored: u64, start: Option<u64>, intent: Intent) -> bool {
        match (start, self.0.intent) {
            (Some(start), Intent::Append) => self.0.position() == Some(start),
            (Some(start), Intent::Complete) => start == stored,
            (None, _) => intent == Intent::Complete,
        }
    }

    /// Revokes the lease and waits until it has ended. Returns `false` after [`GRACE`].
    pub(crate) async fn revoke(&self) -> bool {
        self.0.revoke.send_replace(true);
        tokio::time::timeout(GRACE, self.0.revoke.closed()).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_lease_ends_when_its_last_clone_is_dropped_and_not_before() {
        let leases = UploadLeases::default();
        let lease = leases.acquire("a", Intent::Append).ok().expect("free");
        assert!(leases.acquire("b", Intent::Append).is_ok());
        let holder = leases.acquire("a", Intent::Append).err().expect("held");
        let writing = lease.clone();
        let told = tokio::spawn(async move {
            lease.revoked().await;
            drop(lease);
            tokio::task::yield_now().await;
            drop(writing);
        });
        assert!(holder.revoke().await);
        assert!(leases.acquire("a", Intent::Append).is_ok());
        told.await.expect("no panic");
    }

    #[test]
    fn a_lease_is_revoked_only_for_a_request_that_continues_where_its_holder_got_to() {
        let leases = UploadLeases::default();
        let appending = leases.acquire("a", Intent::Append).ok().expect("free");
        let completing = leases.acquire("c", Intent::Complete).ok().expect("free");
        let holder = |id: &str| leases.acquire(id, Intent::Append).err().expect("held");
        // The holder has not read the length of the session yet.
        assert!(!holder("a").yields_to(5, Some(5), Intent::Append));
        appending.set_position(9);
        completing.set_position(9);
        for (start, intent, from_appending, from_completing) in [
            (Some(9), Intent::Append, true, false),
            (Some(9), Intent::Complete, true, false),
            (Some(5), Intent::Append, false, true),
            (Some(5), Intent::Complete, false, true),
            (None, Intent::Append, false, false),
            (None, Intent::Complete, true, true),
        ] {
            assert_eq!(holder("a").yields_to(5, start, intent), from_appending, "{start:?} {intent:?}");
            assert_eq!(holder("c").yields_to(5, start, intent), from_completing, "{start:?} {intent:?}");
        }
        assert_eq!((leases.position("a"), leases.position("c"), leases.position("none")), (Some(9), None, None));
        assert_eq!((holder("a").position(5), holder("c").position(5)), (9, 5));
    }
}
