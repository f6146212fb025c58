//! The accept loop of one address.

use super::protocols::Protocols;
use super::run;
use super::slot::Slot;
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

/// How long requests in flight may take to finish once the server stops.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(30);
/// The pause after a failed accept, usually because descriptors or memory have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The response to a refused connection without TLS.
const REFUSAL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// Accepts and serves connections at one address until `shutdown` resolves. Requests then in flight have [`SHUTDOWN_GRACE`] to
/// finish.
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
            // Reap finished connections. The panic of a connection does not affect others.
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, address)) => match Slot::take(server, surface, address.ip()) {
                    Ok(slot) => {
                        connections.spawn(run(stream, address, slot, router.clone(), protocols.clone(), stopping.clone()));
                        server.connections_at(surface).settle().await;
                    }
                    Err(_) => refuse(stream, server.tls_at(surface).is_some()),
                },
                Err(error) => pause_after(&error).await,
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

/// Ignores clients that disconnected before accept. After any other error, pauses, because retrying immediately would spin.
async fn pause_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    if !matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted) {
        tracing::error!(%error, "cannot accept connections");
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}

/// Refuses a connection without spawning a task, because the tasks of a flood would fill the memory.
fn refuse(stream: TcpStream, is_secure: bool) {
    let Ok(mut stream) = stream.into_std() else { return };
    if !is_secure {
        // Best effort: the socket is nonblocking.
        let _ = stream.write(REFUSAL);
        let _ = stream.shutdown(Shutdown::Write);
        // Closing a socket with unread bytes would reset the connection, which can destroy the response.
        let _ = stream.read(&mut [0; 4096]);
    }
}
