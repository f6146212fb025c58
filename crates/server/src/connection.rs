//! One connection: HTTP/1.1 or HTTP/2, negotiated or told by its first bytes, and closed when it stalls.

mod cleartext;
mod framing_guard;
mod http2_frames;
mod http2_streams;
mod lingering_close;
mod listener;
mod monitored_stream;
mod protocols;
mod slot;

pub(crate) use listener::serve;

use crate::http::{Peer, Surface};
use crate::router::Router;
use crate::tls::{HTTP2, Tls};
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
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
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
    // Responses are written whole, so Nagle's algorithm would only delay them. If the option cannot be set, they still arrive.
    let _ = stream.set_nodelay(true);
    let activity = slot.activity.clone();
    let local = stream.local_addr().unwrap_or(address);
    let (surface, is_proxy) = (slot.surface, slot.is_proxy);
    let tls = server.tls.as_ref().filter(|_| surface != Surface::Admin);
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

/// Does the TLS handshake, and serves the protocol that ALPN has chosen (RFC 7301; RFC 9113 §3.2).
async fn secure(
    stream: MonitoredStream,
    peer: Arc<Peer>,
    tls: &Tls,
    router: &Arc<Router>,
    protocols: &Protocols,
    mut stopping: watch::Receiver<bool>,
) {
    let address = peer.address;
    let handshake = async {
        if cleartext::is_spoken(stream.tcp()).await {
            cleartext::refuse(stream, &peer.activity).await;
            return None;
        }
        Some(tls.acceptor().accept(stream).await)
    };
    let handshake = tokio::select! {
        handshake = timeout(HANDSHAKE, handshake) => handshake,
        () = peer.activity.drained(&mut stopping) => return,
    };
    match handshake {
        Ok(Some(Ok(secured))) => {
            let is_http2 = secured.get_ref().1.alpn_protocol() == Some(HTTP2);
            if is_http2 {
                answer(FramingGuard::of_http2(secured, &protocols.pending_streams), peer, router.clone(), &protocols.http2, stopping).await;
            } else {
                answer(FramingGuard::of_any(secured, &protocols.pending_streams), peer, router.clone(), &protocols.http1, stopping).await;
            }
        }
        Ok(Some(Err(error))) => tracing::debug!(peer = %address, %error, "TLS handshake failed"),
        Ok(None) => tracing::debug!(peer = %address, "plain HTTP on an HTTPS port"),
        Err(_) => tracing::debug!(peer = %address, "TLS handshake not completed within {} s", HANDSHAKE.as_secs()),
    }
}

/// Answers the requests on a connection.
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
