//! Permits to compose a page of a listing, which limit how many pages are composed concurrently for anonymous clients. A page may have 4 MiB, and composing it keeps
//! a processor busy. Without a limit, requests whose responses are never read could occupy all processors.

use super::budget::{Budget, Crowded};
use super::trace::Trace;
use roadstead_model::page::PAGE_BYTES;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

/// How many requests may wait. Each holds its head and its task.
const MAX_WAITING: usize = 256;
/// How long a request may wait.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// A semaphore with one permit per processor.
#[derive(Debug)]
pub(crate) struct ListingPermits {
    permits: Semaphore,
    waiting: AtomicUsize,
}

impl ListingPermits {
    pub(crate) fn new() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self { permits: Semaphore::new(processors), waiting: AtomicUsize::new(0) }
    }

    /// Waits for a permit. Returns `None` for an authenticated caller, which needs none. Fails immediately if too many requests
    /// wait, or if the client's address holds so much memory that it could not be sent a large page.
    pub(crate) async fn permit(&self, budget: &Budget, trace: &Trace) -> Result<Option<SemaphorePermit<'_>>, Crowded> {
        if trace.caller().is_some() {
            return Ok(None);
        }
        budget.has_room_for_anonymous(trace.client(), PAGE_BYTES)?;
        if let Ok(permit) = self.permits.try_acquire() {
            return Ok(Some(permit));
        }
        let _waiting = Waiting::new(&self.waiting)?;
        match timeout(MAX_WAIT, self.permits.acquire()).await {
            Ok(Ok(permit)) => Ok(Some(permit)),
            _ => Err(Crowded::InAll),
        }
    }
}

/// Counts a waiting request until it is dropped.
#[derive(Debug)]
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(waiting: &'a AtomicUsize) -> Result<Self, Crowded> {
        if waiting.fetch_add(1, Ordering::Relaxed) >= MAX_WAITING {
            waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(Crowded::InAll);
        }
        Ok(Self(waiting))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::principal::KnownPrincipal;
    use roadstead_model::{Identity, RegistryId};
    use std::net::IpAddr;

    fn anonymous(last: u8) -> Trace {
        Trace::new(IpAddr::from([192, 0, 2, last]), String::new(), None, false)
    }

    #[tokio::test(start_paused = true)]
    async fn anonymous_clients_wait_for_a_permit_and_authenticated_ones_need_none() {
        let (permits, budget) = (ListingPermits { permits: Semaphore::new(1), ..ListingPermits::new() }, Budget::new(256 << 20));
        let trace = anonymous(1);
        let permit = permits.permit(&budget, &trace).await.expect("a free permit");
        assert_eq!(permits.permit(&budget, &trace).await.err(), Some(Crowded::InAll), "after the timeout");
        let authenticated = anonymous(1);
        let identity = Identity { registry: RegistryId::parse("000000000001").expect("an id"), user: None };
        authenticated.authenticated_as(&KnownPrincipal { identity, access_key_id: String::new() });
        assert!(permits.permit(&budget, &authenticated).await.expect("no permit needed").is_none());
        drop(permit);
        assert!(permits.permit(&budget, &trace).await.is_ok());
        assert_eq!(permits.waiting.load(Ordering::Relaxed), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_holds_too_much_gets_no_permit() {
        let (permits, budget) = (ListingPermits::new(), Budget::new(256 << 20));
        let held = budget.anonymous(anonymous(1).client()).share(29 << 20).expect("an eighth");
        assert_eq!(permits.permit(&budget, &anonymous(1)).await.err(), Some(Crowded::ByCaller));
        assert!(permits.permit(&budget, &anonymous(2)).await.is_ok());
        drop(held);
        assert!(permits.permit(&budget, &anonymous(1)).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn requests_beyond_the_waiting_limit_are_refused_immediately() {
        let (permits, budget) = (ListingPermits { permits: Semaphore::new(0), ..ListingPermits::new() }, Budget::new(256 << 20));
        let trace = anonymous(1);
        let waiting: Vec<_> = (0..MAX_WAITING).map(|_| Waiting::new(&permits.waiting).expect("there is room")).collect();
        let begun = tokio::time::Instant::now();
        assert_eq!(permits.permit(&budget, &trace).await.err(), Some(Crowded::InAll));
        assert_eq!(begun.elapsed(), Duration::ZERO);
        drop(waiting);
    }
}
