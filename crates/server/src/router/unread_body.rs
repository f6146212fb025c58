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

/// The maximum number of bytes that are discarded to keep the connection open.
const MAX_DISCARDED: u64 = 64 * 1024;
/// How long the response waits for the rest of the body, because many clients send a small body shortly after the head.
const TIMEOUT: Duration = Duration::from_millis(50);

/// Closes the connection after the response if the body is not received. A no-op on HTTP/2, which resets the stream with NO_ERROR
/// after the response (RFC 9113, section 8.1).
///
/// `is_announced` says that the client waits for a 100 before it sends its body (`Expect: 100-continue`).
pub(super) async fn close_after(peer: &Peer, version: Version, body: &mut Incoming, is_announced: bool, response: &mut Response) {
    if version < Version::HTTP_2 && !is_received(body, is_announced).await {
        peer.activity.set_unread(true);
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
}

/// Whether a body has been received, after discarding a small rest.
async fn is_received(body: &mut Incoming, is_announced: bool) -> bool {
    if body.size_hint().lower() > MAX_DISCARDED {
        return false;
    }
    if is_announced {
        // The client may have been asked for the body and have sent it. If not, hyper must not be polled again, or it sends 100.
        return discard(body).now_or_never().unwrap_or(false);
    }
    timeout(TIMEOUT, discard(body)).await.unwrap_or(false)
}

/// Discards a body. Returns `false` if it does not end within [`MAX_DISCARDED`] bytes.
async fn discard(body: &mut Incoming) -> bool {
    let mut remaining = MAX_DISCARDED;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return false };
        let length = frame.data_ref().map_or(0, Bytes::len) as u64;
        let Some(rest) = remaining.checked_sub(length) else { return false };
        remaining = rest;
    }
    true
}
