//! Requests that are answered before their bodies are received.

use crate::http::{Peer, Response};
use bytes::Bytes;
use futures_util::FutureExt;
use http::Version;
use http::header::{CONNECTION, HeaderValue};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use std::time::Duration;
use tokio::time::timeout;

/// What is received of a body that nobody wants, so that the connection can be used again.
const SPARE: u64 = 64 * 1024;
/// How long the answer waits for it: many clients send a small body right after the head, but not with it.
const PATIENCE: Duration = Duration::from_millis(50);

/// Makes the answer the last one of its connection if the body is not received. On HTTP/2 there is nothing to do, and nothing to
/// wait for: the stream is reset with NO_ERROR behind the answer (RFC 9113 §8.1).
///
/// `is_announced` says that the client waits to be asked for its body (`Expect: 100-continue`), which it is not.
pub(super) async fn close_after(peer: &Peer, version: Version, body: &mut Incoming, is_announced: bool, response: &mut Response) {
    if version < Version::HTTP_2 && !is_received(body, is_announced).await {
        peer.activity.set_unread(true);
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
}

/// Whether a body has been received to its end, or the rest is little, arrives at once and is thrown away here.
async fn is_received(body: &mut Incoming, is_announced: bool) -> bool {
    if body.size_hint().lower() > SPARE {
        return false;
    }
    if is_announced {
        // It may have been asked for, and be at its end. If not, an answer in the same turn keeps hyper from asking.
        return receive(body).now_or_never().unwrap_or(false);
    }
    timeout(PATIENCE, receive(body)).await.unwrap_or(false)
}

/// Throws a body away, if it ends within the bound.
async fn receive(body: &mut Incoming) -> bool {
    let mut left = SPARE;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return false };
        match left.checked_sub(frame.data_ref().map_or(0, Bytes::len) as u64) {
            Some(rest) => left = rest,
            None => return false,
        }
    }
    true
}
