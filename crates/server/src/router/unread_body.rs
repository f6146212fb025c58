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

/// How much of a body is discarded to keep the connection.
const MAX_DISCARDED: u64 = 64 * 1024;
/// How long the response waits for it: many clients send a small body right after the head, but not with it.
const TIMEOUT: Duration = Duration::from_millis(50);

/// Closes the connection after the response if the body is not received. HTTP/2 needs nothing of that: the stream is reset with
/// NO_ERROR after the response (RFC 9113 §8.1).
///
/// `is_announced` says that the client waits for a 100 before it sends its body (`Expect: 100-continue`).
pub(super) async fn close_after(peer: &Peer, version: Version, body: &mut Incoming, is_announced: bool, response: &mut Response) {
    if version < Version::HTTP_2 && !is_received(body, is_announced).await {
        peer.activity.set_unread(true);
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
}

/// Whether a body has been received, if need be by discarding a small rest.
async fn is_received(body: &mut Incoming, is_announced: bool) -> bool {
    if body.size_hint().lower() > MAX_DISCARDED {
        return false;
    }
    if is_announced {
        // It may have been asked for and received. If not, a response without another poll keeps hyper from sending 100.
        return discard(body).now_or_never().unwrap_or(false);
    }
    timeout(TIMEOUT, discard(body)).await.unwrap_or(false)
}

/// Discards a body, if it ends within [`MAX_DISCARDED`].
async fn discard(body: &mut Incoming) -> bool {
    let mut left = MAX_DISCARDED;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return false };
        match left.checked_sub(frame.data_ref().map_or(0, Bytes::len) as u64) {
            Some(rest) => left = rest,
            None => return false,
        }
    }
    true
}
