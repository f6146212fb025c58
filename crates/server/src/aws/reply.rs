//! Responses of this door.

use crate::http::{Body, Reply, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderName, StatusCode};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// A response with an optional `Retry-After`. A request that was refused unread has an empty id.
pub(super) fn reply(
    request_id: &str,
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Body>,
    retry_after: Option<&'static str>,
) -> Response {
    let reply = Reply::new(status, body).with_static(CONTENT_TYPE, content_type);
    let reply = if request_id.is_empty() { reply } else { reply.with(REQUEST_ID, request_id) };
    let reply = match retry_after {
        Some(seconds) => reply.with_static(RETRY_AFTER, seconds),
        None => reply,
    };
    reply.into_response()
}
