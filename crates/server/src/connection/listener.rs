//! Accepts connections.

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

/// How long requests under way may take to finish once the server stops.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(30);
/// How long accepting pauses when descriptors or memory have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The response to a refused connection that is not TLS.
const REFUSAL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// Accepts and serves connections at one address until `shutdown`; then lets requests under way finish, for [`SHUTDOWN_GRACE`]
/// at most.
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
            // Finished connections are reaped one by one; a panic in one of them ends with it.
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, address)) => match Slot::take(server, surface, address.ip()) {
                    Ok(slot) => {
                        connections.spawn(run(stream, address, slot, router.clone(), protocols.clone(), stopping.clone()));
                        server.connections_at(surface).settle().await;
                    }
                    Err(_) => refuse(stream, server.tls.is_some() && surface != Surface::Admin),
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

/// A client that left before it was accepted is no problem. Any other error would persist, and without a pause the loop would
/// spin.
async fn pause_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    if !matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted) {
        tracing::error!(%error, "cannot accept connections");
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}

/// Refuses a connection, without a task: many of them would fill the memory.
fn refuse(stream: TcpStream, is_secure: bool) {
    let Ok(mut stream) = stream.into_std() else { return };
    if !is_secure {
        // Best effort; the socket does not block.
        let _ = stream.write(REFUSAL);
        let _ = stream.shutdown(Shutdown::Write);
        // Unread bytes would reset the connection and destroy the response.
        let _ = stream.read(&mut [0; 4096]);
    }
}
