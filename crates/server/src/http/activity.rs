//! The activity of a connection, by which idle and stalled ones are found.

use http::Version;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// How long the rest of a head, or of a response already composed, may take once the server stops. Only requests in flight and
/// unread responses keep a connection open for longer. Also the limit of a lingering close.
pub(crate) const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

/// A request in flight, counted until it is dropped.
#[derive(Debug)]
pub(crate) struct InFlight(Arc<Activity>);

impl InFlight {
    pub(crate) fn new(activity: &Arc<Activity>) -> Self {
        activity.requests.fetch_add(1, Ordering::Relaxed);
        Self(activity.clone())
    }

    /// Records that data of the request moved.
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

/// When a connection was last active.
///
/// Bytes of a request's head do not count, because the head must be complete within the idle timeout. HTTP/2 control frames do
/// not count either, because a client may send `PING` and `WINDOW_UPDATE` for ever. On HTTP/2, only the bodies of requests and
/// responses count.
#[derive(Debug)]
pub(crate) struct Activity {
    begun: Instant,
    /// Milliseconds since `begun`.
    last: AtomicU64,
    /// The number of requests in flight.
    requests: AtomicUsize,
    /// Whether a request has come over HTTP/1.1.
    is_simple: AtomicBool,
    /// Whether a request has come over HTTP/2.
    is_multiplexed: AtomicBool,
    /// Whether the last write would have blocked: the client has yet to read a response.
    is_blocked: AtomicBool,
    /// Whether there may be input that the server does not read: the rest of a body, or an incomplete head.
    has_unread: AtomicBool,
    /// Whether a request on the connection was authenticated.
    is_authenticated: AtomicBool,
    /// How long a connection may wait for the next request, or take to send a head.
    idle: Duration,
    /// How long a request may stall, because its client has disconnected or is malicious.
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
            is_authenticated: AtomicBool::new(false),
            idle,
            stalled,
        }
    }

    pub(crate) fn touch(&self) {
        self.last.store(self.begun.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    /// When the connection was last active.
    pub(crate) fn last(&self) -> Instant {
        self.begun + Duration::from_millis(self.last.load(Ordering::Relaxed))
    }

    /// Counts a request as in flight until the result is dropped.
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

    pub(crate) fn authenticated(&self) {
        self.is_authenticated.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_authenticated(&self) -> bool {
        self.is_authenticated.load(Ordering::Relaxed)
    }

    /// Whether a request is in flight.
    pub(crate) fn has_request(&self) -> bool {
        self.requests.load(Ordering::Relaxed) > 0
    }

    pub(crate) fn set_unread(&self, unread: bool) {
        self.has_unread.store(unread, Ordering::Relaxed);
    }

    /// Whether a lingering close is needed.
    pub(crate) fn has_unread(&self) -> bool {
        self.has_unread.load(Ordering::Relaxed)
    }

    pub(crate) fn set_blocked(&self, blocked: bool) {
        self.is_blocked.store(blocked, Ordering::Relaxed);
    }

    /// Records that bytes were received.
    pub(crate) fn received(&self) {
        if self.has_request() && !self.is_multiplexed.load(Ordering::Relaxed) {
            self.touch();
        }
    }

    /// Records that bytes were sent.
    pub(crate) fn sent(&self) {
        if self.is_simple.load(Ordering::Relaxed) {
            self.touch();
        }
    }

    /// Resolves when the connection has been idle, or its requests have stalled, for too long.
    pub(crate) async fn timed_out(&self) {
        loop {
            let deadline = self.last() + if self.has_request() { self.stalled } else { self.idle };
            if deadline <= Instant::now() {
                return;
            }
            // The end of a request moves the deadline forward, so look again after the shorter time.
            tokio::time::sleep_until(deadline.min(Instant::now() + self.idle)).await;
        }
    }

    /// Resolves when the server stops and the connection has had neither a request in flight nor an unread response for
    /// [`DRAIN_TIMEOUT`]. An incomplete head or a client that ignores GOAWAY does not delay the exit.
    pub(crate) async fn drained(&self, stopping: &mut watch::Receiver<bool>) {
        let _ = stopping.wait_for(|stop| *stop).await;
        let stopped = Instant::now();
        loop {
            let deadline = self.last().max(stopped) + DRAIN_TIMEOUT;
            if self.has_request() || self.is_blocked.load(Ordering::Relaxed) {
                tokio::time::sleep(DRAIN_TIMEOUT).await;
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

    fn new_activity() -> Arc<Activity> {
        Arc::new(Activity::new(IDLE, STALLED))
    }

    fn every_ten_seconds(activity: &Arc<Activity>, act: impl Fn(&Activity) + Send + 'static) {
        let activity = activity.clone();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_secs(10)).await;
                act(&activity);
            }
        });
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_requests_times_out_when_idle() {
        let activity = new_activity();
        let begun = Instant::now();
        activity.timed_out().await;
        assert_eq!(begun.elapsed().as_secs(), IDLE.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_arrives_byte_by_byte_does_not_keep_a_connection_alive() {
        let activity = new_activity();
        let begun = Instant::now();
        every_ten_seconds(&activity, Activity::received);
        activity.timed_out().await;
        assert_eq!(begun.elapsed().as_secs(), IDLE.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_in_flight_may_pause_for_longer_and_bytes_restart_the_timeout() {
        let activity = new_activity();
        activity.requests.fetch_add(1, Ordering::Relaxed);
        let begun = Instant::now();
        let touching = activity.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(300)).await;
            touching.touch();
        });
        activity.timed_out().await;
        assert_eq!(begun.elapsed().as_secs(), 300 + STALLED.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn the_idle_time_counts_from_the_end_of_the_last_request() {
        let activity = new_activity();
        activity.requests.fetch_add(1, Ordering::Relaxed);
        let request = InFlight(activity.clone());
        let begun = Instant::now();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(200)).await;
            drop(request);
        });
        activity.timed_out().await;
        assert!((200 + 75..=200 + 150).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_stopping_server_waits_only_for_requests_and_unread_responses() {
        let activity = new_activity();
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
        activity.drained(&mut stopping).await;
        let ended = Duration::from_secs(15);
        assert!((ended + DRAIN_TIMEOUT..=ended + 2 * DRAIN_TIMEOUT).contains(&begun.elapsed()), "{:?}", begun.elapsed());
        activity.is_blocked.store(true, Ordering::Relaxed);
        assert!(timeout(STALLED, activity.drained(&mut stopping)).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn control_frames_do_not_keep_an_http2_connection_alive() {
        let activity = new_activity();
        activity.is_multiplexed.store(true, Ordering::Relaxed);
        let (request, begun) = (InFlight::new(&activity), Instant::now());
        every_ten_seconds(&activity, |activity| {
            activity.received();
            activity.sent();
        });
        activity.timed_out().await;
        assert_eq!(begun.elapsed().as_secs(), STALLED.as_secs());
        drop(request);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_without_requests_is_idle_whatever_is_sent_to_it() {
        let activity = new_activity();
        let begun = Instant::now();
        every_ten_seconds(&activity, Activity::sent);
        activity.timed_out().await;
        assert_eq!(begun.elapsed().as_secs(), IDLE.as_secs());
    }
}
