//! Accepts connections.

use super::protocols::Protocols;
use super::run;
use super::seat::Seat;
use crate::http::Surface;
use crate::router::Router;
use std::future::Future;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How long requests that are under way get to finish once the server stops.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(30);
/// How long accepting rests when the process has no descriptor or memory left for one more connection.
const ACCEPT_REST: Duration = Duration::from_millis(100);
/// What a connection is turned away with, where there is no handshake before an answer.
const NO_ROOM: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// Accepts and serves connections to one address until `shutdown` is done; then finishes what is under way, for [`SHUTDOWN_GRACE`] at most.
pub(crate) async fn serve(listener: TcpListener, surface: Surface, router: Arc<Router>, shutdown: impl Future<Output = ()>) {
    let server = &router.server;
    let protocols = Arc::new(Protocols::new(&server.config));
    let (stop, stopping) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            // Finished connections are let go one by one; a panic in one of them ends with it.
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, address)) => match Seat::take(server, surface, address.ip()) {
                    Ok(seat) => {
                        connections.spawn(run(stream, address, seat, router.clone(), protocols.clone(), stopping.clone()));
                        server.connections_at(surface).settle().await;
                    }
                    Err(_) => turn_away(stream, server.tls.is_some() && surface != Surface::Admin),
                },
                Err(error) => rest_after(&error).await,
            },
        }
    }
    drop(listener);
    stop.send_replace(true);
    let finished = tokio::time::timeout(SHUTDOWN_GRACE, async { while connections.join_next().await.is_some() {} }).await;
    if finished.is_err() {
        tracing::warn!(connections = connections.len(), "requests in flight were cut off");
        connections.shutdown().await;
    }
}

/// A client that left before it was accepted is nobody's trouble. Anything else will not be better a moment later: without
/// a rest, the loop would only burn the processor until a descriptor is free again.
async fn rest_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    if !matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted) {
        tracing::error!(%error, "cannot accept connections");
        tokio::time::sleep(ACCEPT_REST).await;
    }
}

/// Turns a connection away for which there is no place: at once, and without a task that a crowd of them could fill memory with.
fn turn_away(stream: TcpStream, is_secure: bool) {
    let Ok(mut stream) = stream.into_std() else { return };
    if !is_secure {
        // All of this is for a client that can make use of it; the socket does not block.
        let _ = stream.write(NO_ROOM);
        let _ = stream.shutdown(Shutdown::Write);
        // What is read cannot reset the connection and take the answer along.
        let _ = stream.read(&mut [0; 4096]);
    }
}
