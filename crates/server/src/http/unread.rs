//! Requests that are answered before their bodies are received.

use super::Response;
use crate::connection::Peer;
use bytes::Bytes;
use futures_util::FutureExt;
use http::Version;
use http::header::{CONNECTION, HeaderValue};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

/// What is received of a body that nobody wants, so that the connection can be used again.
const SPARE: u64 = 64 * 1024;
/// How many times the connection may hand on what has arrived of it.
const TURNS: usize = 16;

/// Makes the answer the last one of its connection if the body has not been received. On HTTP/2 nothing has to be done: the
/// stream is reset with NO_ERROR behind the answer (RFC 9113 §8.1).
///
/// `is_announced` says that the client waits to be asked for its body (`Expect: 100-continue`), which it is not.
pub(super) async fn close_after(peer: &Peer, version: Version, body: &mut Incoming, is_announced: bool, response: &mut Response) {
    if version >= Version::HTTP_2 || is_received(body, is_announced).await {
        return;
    }
    peer.leave_unread();
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
}

/// Whether a body has been received to its end, or the rest is little, has arrived and is thrown away here.
async fn is_received(body: &mut Incoming, is_announced: bool) -> bool {
    let (mut left, mut turns) = (SPARE, if is_announced { 0 } else { TURNS });
    if body.size_hint().lower() > SPARE {
        return false;
    }
    while !body.is_end_stream() {
        match body.frame().now_or_never() {
            Some(None) => return true,
            Some(Some(Ok(frame))) => match left.checked_sub(frame.data_ref().map_or(0, Bytes::len) as u64) {
                Some(rest) => left = rest,
                None => return false,
            },
            Some(Some(Err(_))) => return false,
            None if turns == 0 => return false,
            None => {
                turns -= 1;
                tokio::task::yield_now().await;
            }
        }
    }
    true
}
