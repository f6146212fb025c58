//! Responses of this door.

use crate::http::Response;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, StatusCode};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

pub(super) fn reply(request_id: &str, status: StatusCode, content_type: &'static str, body: Bytes) -> Response {
    let mut response = http::Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let (false, Ok(id)) = (request_id.is_empty(), HeaderValue::from_str(request_id)) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}
