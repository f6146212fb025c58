//! What happens on a connection, so that nobody holds it for nothing.

use http::Version;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// How long the rest of a head, or of an answer to one that was sent, may take once the server stops. Only requests that are under
/// way keep it longer, and answers that their clients have yet to read. A connection that is closed lingers no longer either.
pub(crate) const FAREWELL: Duration = Duration::from_secs(2);

/// A request that is under way.
#[derive(Debug)]
pub(crate) struct InFlight(Arc<Activity>);

impl InFlight {
    pub(crate) fn new(activity: &Arc<Activity>) -> Self {
        activity.requests.fetch_add(1, Ordering::Relaxed);
        Self(activity.clone())
    }

    /// Notes that data of it moves.
    pub(crate) fn touch(&self) {
        self.0.touch();
    }
}

impl Clone for InFlight {
    fn clone(&self) -> Self {
        Self::new(&self.0)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.touch();
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

/// When a connection last did something, in milliseconds since it began. Bytes of a request's head do not count: it has to
/// be complete in the time that a connection may be idle. Neither do bytes of HTTP/2 that are no data: a client sends `PING` and
/// `WINDOW_UPDATE` as long as it likes. There the bodies of requests and answers say when data moves.
#[derive(Debug)]
pub(crate) struct Activity {
    begun: Instant,
    last: AtomicU64,
    requests: AtomicUsize,
    /// Whether a request has come, over HTTP/1.1 or over HTTP/2.
    is_simple: AtomicBool,
    is_multiplexed: AtomicBool,
    /// Whether the last write found no room: something has been answered, and its client has yet to read it.
    is_blocked: AtomicBool,
    /// Whether bytes may come, or have come, that nobody reads.
    has_unread: AtomicBool,
    /// Whether somebody has authenticated on it.
    is_known: AtomicBool,
    /// How long a connection may wait for the next request, or take to send one's head.
    idle: Duration,
    /// How long a request may go on while nothing moves. Its client is gone, or means harm.
    stalled: Duration,
}

impl Activity {
    pub(crate) fn new(idle: Duration, stalled: Duration) -> Self {
        Self {
            begun: Instant::now(),
            last: AtomicU64::new(0),
            requests: AtomicUsize::new(0),
            is_simple: AtomicBool::new(false),
            is_multiplexed: AtomicBool::new(false),
            is_blocked: AtomicBool::new(false),
            has_unread: AtomicBool::new(false),
            is_known: AtomicBool::new(false),
            idle,
            stalled,
        }
    }

    pub(crate) fn touch(&self) {
        self.last.store(self.begun.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    /// When something last happened.
    pub(crate) fn last(&self) -> Instant {
        self.begun + Duration::from_millis(self.last.load(Ordering::Relaxed))
    }

    /// Counts a request as under way until the result is dropped.
    pub(super) fn begin_request(self: &Arc<Self>, version: Version) -> InFlight {
        self.set_unread(false);
        if version == Version::HTTP_2 {
            self.is_multiplexed.store(true, Ordering::Relaxed);
            self.touch();
        } else {
            self.is_simple.store(true, Ordering::Relaxed);
        }
        InFlight::new(self)
    }

    /// Notes that somebody has authenticated on the connection.
    pub(crate) fn authenticated(&self) {
        self.is_known.store(true, Ordering::Relaxed);
    }

    /// Whether somebody has authenticated on the connection.
    pub(crate) fn is_known(&self) -> bool {
        self.is_known.load(Ordering::Relaxed)
    }

    /// Whether a request is under way.
    pub(crate) fn has_request(&self) -> bool {
        self.requests.load(Ordering::Relaxed) > 0
    }

    /// Whether bytes may come, or have come, that nobody reads: the rest of a body, or a head that no request has come of yet.
    pub(crate) fn set_unread(&self, unread: bool) {
        self.has_unread.store(unread, Ordering::Relaxed);
    }

    /// What [`Self::set_unread`] said last.
    pub(crate) fn has_unread(&self) -> bool {
        self.has_unread.load(Ordering::Relaxed)
    }

    /// Whether the last write found no room.
    pub(crate) fn set_blocked(&self, blocked: bool) {
        self.is_blocked.store(blocked, Ordering::Relaxed);
    }

    /// Bytes have come.
    pub(crate) fn received(&self) {
        if self.has_request() && !self.is_multiplexed.load(Ordering::Relaxed) {
            self.touch();
        }
    }

    /// Bytes have been sent.
    pub(crate) fn sent(&self) {
        if self.is_simple.load(Ordering::Relaxed) {
            self.touch();
        }
    }

    /// Ends when nothing has happened for too long.
    pub(crate) async fn ceases(&self) {
        loop {
            let patience = if self.has_request() { self.stalled } else { self.idle };
            let deadline = self.last() + patience;
            if deadline <= Instant::now() {
                return;
            }
            // A request that ends meanwhile makes the deadline nearer: look again after the shorter time.
            tokio::time::sleep_until(deadline.min(Instant::now() + self.idle)).await;
        }
    }

    /// Whether somebody waits for something that this end has begun.
    fn is_under_way(&self) -> bool {
        self.has_request() || self.is_blocked.load(Ordering::Relaxed)
    }

    /// Ends when the server stops and nothing has been under way for a moment: whoever keeps a connection with half of a head,
    /// or with no answer to HTTP/2's farewell, does not keep the server.
    pub(crate) async fn takes_leave(&self, stopping: &mut watch::Receiver<bool>) {
        let _ = stopping.wait_for(|stop| *stop).await;
        let stopped = Instant::now();
        loop {
            let last = self.begun + Duration::from_millis(self.last.load(Ordering::Relaxed));
            let deadline = last.max(stopped) + FAREWELL;
            if self.is_under_way() {
                tokio::time::sleep(FAREWELL).await;
            } else if deadline <= Instant::now() {
                return;
            } else {
                tokio::time::sleep_until(deadline).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::timeout;

    const IDLE: Duration = Duration::from_secs(75);
    const STALLED: Duration = Duration::from_secs(600);

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_requests_ceases_after_the_idle_time() {
        let activity = Activity::new(IDLE, STALLED);
        let begun = Instant::now();
        activity.ceases().await;
        assert_eq!(begun.elapsed().as_secs(), IDLE.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_comes_byte_by_byte_does_not_keep_a_connection() {
        let activity = Arc::new(Activity::new(IDLE, STALLED));
        let (begun, trickling) = (Instant::now(), activity.clone());
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_secs(10)).await;
                trickling.received();
            }
        });
        activity.ceases().await;
        assert_eq!(begun.elapsed().as_secs(), IDLE.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_under_way_may_pause_for_longer_and_bytes_start_the_clock_anew() {
        let activity = Arc::new(Activity::new(IDLE, STALLED));
        activity.requests.fetch_add(1, Ordering::Relaxed);
        let begun = Instant::now();
        let touching = activity.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(300)).await;
            touching.touch();
        });
        activity.ceases().await;
        assert_eq!(begun.elapsed().as_secs(), 300 + STALLED.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn the_idle_time_counts_from_the_end_of_the_last_request() {
        let activity = Arc::new(Activity::new(IDLE, STALLED));
        activity.requests.fetch_add(1, Ordering::Relaxed);
        let request = InFlight(activity.clone());
        let begun = Instant::now();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(200)).await;
            drop(request);
        });
        activity.ceases().await;
        assert!((200 + 75..=200 + 150).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_stops_waits_for_requests_and_for_nothing_else() {
        let activity = Arc::new(Activity::new(IDLE, STALLED));
        let (stop, mut stopping) = watch::channel(false);
        let request = InFlight::new(&activity);
        let begun = Instant::now();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(5)).await;
            stop.send_replace(true);
            tokio::time::sleep(Duration::from_secs(10)).await;
            drop(request);
            std::future::pending::<()>().await;
        });
        activity.takes_leave(&mut stopping).await;
        let ended = Duration::from_secs(15);
        assert!((ended + FAREWELL..=ended + 2 * FAREWELL).contains(&begun.elapsed()), "{:?}", begun.elapsed());
        activity.is_blocked.store(true, Ordering::Relaxed);
        assert!(timeout(STALLED, activity.takes_leave(&mut stopping)).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn control_frames_keep_no_http2_connection() {
        let activity = Arc::new(Activity::new(IDLE, STALLED));
        activity.is_multiplexed.store(true, Ordering::Relaxed);
        let (request, begun) = (InFlight::new(&activity), Instant::now());
        let pinging = activity.clone();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_secs(10)).await;
                pinging.received();
                pinging.sent();
            }
        });
        activity.ceases().await;
        assert_eq!(begun.elapsed().as_secs(), STALLED.as_secs());
        drop(request);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_has_asked_for_nothing_is_idle_whatever_is_sent_to_it() {
        let activity = Arc::new(Activity::new(IDLE, STALLED));
        let (begun, pinging) = (Instant::now(), activity.clone());
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_secs(10)).await;
                pinging.sent();
            }
        });
        activity.ceases().await;
        assert_eq!(begun.elapsed().as_secs(), IDLE.as_secs());
    }
}
