//! Responses.

use super::Body;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};

/// A response of any door.
pub type Response = http::Response<Body>;

/// A response of one sentence.
pub(crate) fn plain(status: StatusCode, text: impl Into<Body>) -> Response {
    let mut response = http::Response::new(text.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
