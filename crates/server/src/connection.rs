//! One connection: HTTP/1.1 or HTTP/2 as agreed on or by its first bytes, watched so that nobody holds it for nothing.

mod admission;
mod cleartext;
mod forwarded;
mod frames;
mod heads;
mod lingering;
mod streams;
mod watched;

pub(crate) use admission::{Connections, Full, Seat, turn_away};
pub(crate) use forwarded::Forwarded;
pub(crate) use streams::{Streams, data_moved};

use crate::config::Config;
use crate::tls::{HTTP2, Tls};
use crate::{Server, http};
use ::http::Version;
use frames::NewStreams;
use heads::Heads;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use lingering::Unread;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use watched::Watched;

/// How long a client may take to agree on a secure connection.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long the rest of a head, or of an answer to one that was sent, may take once the server stops. Only requests that are under
/// way keep it longer, and answers that their clients have yet to read. [`lingering`] has its time in it.
const FAREWELL: Duration = lingering::LONGEST;
/// Far more than any client of ours sends.
pub(crate) const MAX_HEADERS: usize = 100;
const MAX_HEAD_BYTES: usize = 32 * 1024;
/// The same over HTTP/2, where each connection may have one that is not complete beside those of its streams.
const MAX_STREAM_HEAD_BYTES: u32 = 8 * 1024;
/// Requests at once on one HTTP/2 connection: more than clients of registries have, and few enough for the state that h2 keeps of
/// each, which is in no budget.
const MAX_STREAMS: u32 = 32;
/// How much of an answer waits in the protocol for its client, however much the client lets it send: little, since each stream has it.
pub(crate) const SEND_BUFFER: usize = 32 * 1024;
/// What an HTTP/2 client may send ahead: enough for an upload at full speed, little enough for many of them.
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;

/// The protocols and their limits.
type Builder = auto::Builder<Streams>;

fn protocols(config: &Config, new: NewStreams) -> Builder {
    let mut builder = auto::Builder::new(Streams { patience: config.stall_timeout, new });
    // `Activity` watches how long a head takes, with one timer for the connection instead of one for each request.
    builder.http1().header_read_timeout(None).max_headers(MAX_HEADERS).max_buf_size(MAX_HEAD_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(MAX_STREAM_HEAD_BYTES)
        .max_send_buf_size(SEND_BUFFER)
        .max_concurrent_streams(MAX_STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW);
    builder
}

/// Which of the server's addresses a connection came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    /// The only one there is.
    Everything,
    /// The public one, beside which there is one for the operator.
    Public,
    /// The operator's (`--admin-listen`), which is plain whatever the public one is.
    Admin,
}

/// What is spoken where.
pub(crate) struct Protocols {
    /// Where nothing was agreed on: told by the first bytes.
    any: Builder,
    http1: Builder,
    http2: Builder,
    new_streams: NewStreams,
}

impl Protocols {
    pub(crate) fn new(config: &Config) -> Self {
        let new_streams = NewStreams::default();
        let any = protocols(config, new_streams.clone());
        Self { http1: any.clone().http1_only(), http2: any.clone().http2_only(), any, new_streams }
    }
}

/// The two ends of a connection, and what happens on it.
#[derive(Debug)]
pub(crate) struct Peer {
    /// The other end: a client or a proxy.
    pub(crate) address: SocketAddr,
    /// This end.
    pub(crate) local: SocketAddr,
    /// What this end is for.
    pub(crate) surface: Surface,
    /// Whether the other end is a proxy of ours.
    pub(crate) is_proxy: bool,
    activity: Arc<Activity>,
    unread: Arc<Unread>,
}

impl Peer {
    /// The scheme that is spoken on the connection itself.
    pub(crate) fn scheme(&self, server: &Server) -> &'static str {
        if self.surface == Surface::Admin { "http" } else { server.scheme() }
    }

    /// Counts a request as under way until what this returns is dropped.
    pub(crate) fn begin_request(&self, version: Version) -> InFlight {
        self.unread.set(false);
        if version == Version::HTTP_2 {
            self.activity.is_multiplexed.store(true, Ordering::Relaxed);
            streams::runs_on(&self.activity);
            self.activity.touch();
        } else {
            self.activity.is_simple.store(true, Ordering::Relaxed);
        }
        InFlight::new(&self.activity)
    }

    /// Where a request notes who uses the connection.
    pub(crate) fn standing(&self) -> Standing {
        Standing(Some(self.activity.clone()))
    }

    /// The body of a request is not received to its end: what still comes of it is thrown away when the connection is closed.
    pub(crate) fn leave_unread(&self) {
        self.unread.set(true);
    }
}

/// Who uses a connection: strangers, or somebody who is known.
#[derive(Debug, Default)]
pub(crate) struct Standing(Option<Arc<Activity>>);

impl Standing {
    /// Notes that somebody has proved on the connection who he is.
    pub(crate) fn is_known(&self) {
        if let Some(activity) = &self.0 {
            activity.is_known.store(true, Ordering::Relaxed);
        }
    }
}

/// A request that is under way.
#[derive(Debug)]
pub(crate) struct InFlight(Arc<Activity>);

impl InFlight {
    fn new(activity: &Arc<Activity>) -> Self {
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
struct Activity {
    begun: Instant,
    last: AtomicU64,
    requests: AtomicUsize,
    /// Whether a request has come, over HTTP/1.1 or over HTTP/2.
    is_simple: AtomicBool,
    is_multiplexed: AtomicBool,
    /// Whether the last write found no room: something has been answered, and its client has yet to read it.
    is_blocked: AtomicBool,
    /// Whether somebody has proved on it who he is.
    is_known: AtomicBool,
    /// How long a connection may wait for the next request, or take to send one's head.
    idle: Duration,
    /// How long a request may go on while nothing moves. Its client is gone, or means harm.
    stalled: Duration,
}

impl Activity {
    fn new(idle: Duration, stalled: Duration) -> Self {
        Self {
            begun: Instant::now(),
            last: AtomicU64::new(0),
            requests: AtomicUsize::new(0),
            is_simple: AtomicBool::new(false),
            is_multiplexed: AtomicBool::new(false),
            is_blocked: AtomicBool::new(false),
            is_known: AtomicBool::new(false),
            idle,
            stalled,
        }
    }

    fn touch(&self) {
        self.last.store(self.begun.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    /// When something last happened.
    fn last(&self) -> Instant {
        self.begun + Duration::from_millis(self.last.load(Ordering::Relaxed))
    }

    fn received(&self) {
        if self.requests.load(Ordering::Relaxed) > 0 && !self.is_multiplexed.load(Ordering::Relaxed) {
            self.touch();
        }
    }

    fn sent(&self) {
        if self.is_simple.load(Ordering::Relaxed) {
            self.touch();
        }
    }

    /// Ends when nothing has happened for too long.
    async fn ceases(&self) {
        loop {
            let patience = if self.requests.load(Ordering::Relaxed) == 0 { self.idle } else { self.stalled };
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
        self.requests.load(Ordering::Relaxed) > 0 || self.is_blocked.load(Ordering::Relaxed)
    }

    /// Ends when the server stops and nothing has been under way for a moment: whoever keeps a connection with half of a head,
    /// or with no answer to HTTP/2's farewell, does not keep the server.
    async fn takes_leave(&self, stopping: &mut watch::Receiver<bool>) {
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

/// Serves one connection until its client has enough, `stopping` says so, nothing happens on it any more, or it has to make room.
pub(crate) async fn serve(
    stream: TcpStream,
    address: SocketAddr,
    mut seat: Seat,
    server: Arc<Server>,
    protocols: Arc<Protocols>,
    stopping: watch::Receiver<bool>,
) {
    let _open = server.telemetry.connection_opens();
    // Answers are small and whole: waiting for more to send would only delay them. Without the option they still arrive.
    let _ = stream.set_nodelay(true);
    let (activity, unread) = (seat.activity.clone(), Arc::new(Unread::default()));
    let local = stream.local_addr().unwrap_or(address);
    let (surface, is_proxy) = (seat.surface, seat.is_proxy);
    let peer = Arc::new(Peer { address, local, surface, is_proxy, activity: activity.clone(), unread: unread.clone() });
    let serving = async {
        match server.tls.as_ref().filter(|_| surface != Surface::Admin) {
            None => {
                let watched = Watched::new(stream, activity, unread, server.clone());
                answer(Heads::of_any(watched, &protocols.new_streams), peer, server.clone(), &protocols.any, stopping).await;
            }
            Some(tls) => secure(stream, peer, tls, &server, &protocols, stopping).await,
        }
    };
    tokio::select! {
        biased;
        () = serving => {}
        _ = &mut seat.asked_to_leave => tracing::debug!(peer = %address, "connection closed: it was idle, and others wanted its place"),
    }
}

/// Agrees on a secure connection, and serves it with the protocol that was agreed on with it (RFC 7301; RFC 9113 §3.2).
async fn secure(
    stream: TcpStream,
    peer: Arc<Peer>,
    tls: &Tls,
    server: &Arc<Server>,
    protocols: &Protocols,
    mut stopping: watch::Receiver<bool>,
) {
    let (address, unread) = (peer.address, peer.unread.clone());
    let handshake = async {
        let plain = cleartext::is_spoken(&stream).await;
        let watched = Watched::new(stream, peer.activity.clone(), unread.clone(), server.clone());
        if plain {
            cleartext::refuse(watched, &unread).await;
            return None;
        }
        Some(tls.acceptor().accept(watched).await)
    };
    let handshake = tokio::select! {
        handshake = timeout(HANDSHAKE, handshake) => handshake,
        () = peer.activity.takes_leave(&mut stopping) => return,
    };
    match handshake {
        Ok(Some(Ok(secured))) => {
            let is_http2 = secured.get_ref().1.alpn_protocol() == Some(HTTP2);
            if is_http2 {
                answer(Heads::of_http2(secured, &protocols.new_streams), peer, server.clone(), &protocols.http2, stopping).await;
            } else {
                answer(Heads::of_any(secured, &protocols.new_streams), peer, server.clone(), &protocols.http1, stopping).await;
            }
        }
        Ok(Some(Err(error))) => tracing::debug!(peer = %address, %error, "no secure connection came about"),
        Ok(None) => tracing::debug!(peer = %address, "plain HTTP where HTTPS is spoken"),
        Err(_) => tracing::debug!(peer = %address, "no secure connection came about in {} s", HANDSHAKE.as_secs()),
    }
}

/// Answers the requests on a connection that is ready for them.
async fn answer(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Arc<Peer>,
    server: Arc<Server>,
    protocols: &Builder,
    mut stopping: watch::Receiver<bool>,
) {
    let (address, activity) = (peer.address, peer.activity.clone());
    let service = service_fn(move |request| {
        let (server, peer) = (server.clone(), peer.clone());
        async move { Ok::<_, Infallible>(http::answer(&server, &peer, request).await) }
    });
    let mut connection = pin!(protocols.serve_connection(TokioIo::new(stream), service));
    let mut ceases = pin!(activity.ceases());
    let mut stopping_too = stopping.clone();
    let mut takes_leave = pin!(activity.takes_leave(&mut stopping_too));
    let mut told_to_stop = false;
    loop {
        tokio::select! {
            biased;
            result = connection.as_mut() => {
                if let Err(error) = result {
                    tracing::debug!(peer = %address, %error, "connection failed");
                }
                return;
            }
            _ = stopping.wait_for(|stop| *stop), if !told_to_stop => {
                connection.as_mut().graceful_shutdown();
                told_to_stop = true;
            }
            () = &mut ceases => {
                tracing::debug!(peer = %address, "connection closed: nothing happened on it");
                return;
            }
            () = &mut takes_leave => {
                tracing::debug!(peer = %address, "connection closed: the server stops, and no request is under way");
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
