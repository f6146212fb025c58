//! Serves one connection: HTTP/1.1 or HTTP/2, chosen by ALPN or by the first bytes. Closes it when it is idle or stalls.

mod framing_guard;
mod http2_frames;
mod http2_streams;
mod lingering_close;
mod listener;
mod monitored_stream;
mod protocols;
mod slot;

pub(crate) use listener::serve;

use crate::http::{Activity, Peer};
use crate::router::Router;
use crate::server::Server;
use crate::tls::{HTTP2, HandshakeError, HandshakeFailure, Tls};
use framing_guard::FramingGuard;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use monitored_stream::MonitoredStream;
use protocols::{Builder, Protocols};
use slot::Slot;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// The response to plain HTTP on a port that speaks HTTPS.
const SPEAKS_HTTPS: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\nx-content-type-options: nosniff\r\n\
    content-length: 76\r\nconnection: close\r\n\r\nThis port speaks HTTPS, and the request was plain HTTP: use an https:// URL.";

/// Serves a connection until the client closes it, the server stops, it stalls, or it is evicted.
async fn run(
    stream: TcpStream,
    address: SocketAddr,
    mut slot: Slot,
    router: Arc<Router>,
    protocols: Arc<Protocols>,
    stopping: watch::Receiver<bool>,
) {
    let server = &router.server;
    let _open = server.telemetry.connection_opens();
    // Responses are written whole, so Nagle's algorithm would only delay them. A failure costs nothing but that delay.
    let _ = stream.set_nodelay(true);
    let activity = slot.activity.clone();
    let local = stream.local_addr().unwrap_or(address);
    let (surface, is_proxy) = (slot.surface, slot.is_proxy);
    let tls = server.tls_at(surface);
    let scheme = if tls.is_some() { "https" } else { "http" };
    let peer = Arc::new(Peer { address, local, surface, is_proxy, scheme, activity: activity.clone() });
    let stream = MonitoredStream::new(stream, activity, server.telemetry.clone());
    let serving = async {
        match tls {
            None => answer(FramingGuard::of_any(stream, &protocols.pending_streams), peer, router.clone(), &protocols.any, stopping).await,
            Some(tls) => secure(stream, peer, tls, &router, &protocols, stopping).await,
        }
    };
    tokio::select! {
        biased;
        () = serving => {}
        _ = &mut slot.evicted => tracing::debug!(peer = %address, "connection closed: idle, evicted for a new connection"),
    }
}

/// Performs the TLS handshake and serves the protocol chosen by ALPN (RFC 7301; RFC 9113 §3.2).
async fn secure(
    stream: MonitoredStream,
    peer: Arc<Peer>,
    tls: &Tls,
    router: &Arc<Router>,
    protocols: &Protocols,
    mut stopping: watch::Receiver<bool>,
) {
    let (address, server) = (peer.address, &router.server);
    let handshake = async {
        if is_plain_http(&stream.tcp).await {
            refuse_plain_http(stream, &peer.activity).await;
            return Err(HandshakeError { failure: HandshakeFailure::PlainHttp, error: None });
        }
        tls.accept(stream, &server.installation).await
    };
    let handshake = tokio::select! {
        handshake = timeout(HANDSHAKE, handshake) => handshake,
        () = peer.activity.drained(&mut stopping) => return,
    };
    match handshake.unwrap_or(Err(HandshakeError { failure: HandshakeFailure::Timeout, error: None })) {
        Ok(Some(secured)) => {
            let pending_streams = &protocols.pending_streams;
            let (stream, protocol) = match secured.get_ref().1.alpn_protocol() {
                Some(HTTP2) => (FramingGuard::of_http2(secured, pending_streams), &protocols.http2),
                _ => (FramingGuard::of_any(secured, pending_streams), &protocols.http1),
            };
            answer(stream, peer, router.clone(), protocol, stopping).await;
        }
        Ok(None) => tracing::debug!(peer = %address, "a certificate authority has validated a domain"),
        Err(failed) => report(server, tls, address, &failed),
    }
}

/// Counts a failed handshake, and logs it if an operator should know and not too many are logged.
fn report(server: &Server, tls: &Tls, peer: SocketAddr, failed: &HandshakeError) {
    let (reason, error) = (failed.failure.label(), failed.error.as_ref().map(tracing::field::display));
    server.telemetry.handshake_failed(reason);
    match failed.failure.advice().zip(tls.failures.admit(failed.failure, Instant::now())) {
        Some((advice, unlogged)) => tracing::info!(%peer, reason, error, unlogged, "TLS handshake failed: {advice}"),
        None => tracing::debug!(%peer, reason, error, "TLS handshake failed"),
    }
}

/// Whether the client begins with an HTTP method; a handshake begins with byte 22 (RFC 8446 §5.1). Waits for the first byte.
async fn is_plain_http(stream: &TcpStream) -> bool {
    let mut first = [0];
    matches!(stream.peek(&mut first).await, Ok(1) if first[0].is_ascii_alphabetic())
}

/// Tells a client that this port speaks HTTPS, because a failed handshake would not, and closes the connection.
async fn refuse_plain_http(mut stream: MonitoredStream, activity: &Activity) {
    activity.set_unread(true);
    // Best effort: the client may be gone.
    let _ = stream.write_all(SPEAKS_HTTPS).await;
    let _ = stream.shutdown().await;
}

/// Answers the requests of a connection.
async fn answer(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Arc<Peer>,
    router: Arc<Router>,
    protocols: &Builder,
    mut stopping: watch::Receiver<bool>,
) {
    let (address, activity) = (peer.address, peer.activity.clone());
    let service = service_fn(move |request| {
        let (router, peer) = (router.clone(), peer.clone());
        async move { Ok::<_, Infallible>(router.answer(&peer, request).await) }
    });
    let mut connection = pin!(protocols.serve_connection(TokioIo::new(stream), service));
    let mut timed_out = pin!(activity.timed_out());
    let mut stopping_too = stopping.clone();
    let mut drained = pin!(activity.drained(&mut stopping_too));
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
            () = &mut timed_out => {
                tracing::debug!(peer = %address, "connection closed: idle or stalled");
                return;
            }
            () = &mut drained => {
                tracing::debug!(peer = %address, "connection closed: shutdown, no request in flight");
                return;
            }
        }
    }
}
