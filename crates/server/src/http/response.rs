//! Responses and their builder.

use super::{Body, Call};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use roadstead_model::measure::json_length;
use serde::Serialize;

/// A response of any door.
pub(crate) type Response = http::Response<Body>;

/// The number of headers of a usual response.
const HEADERS: usize = 12;

/// Builds a response.
pub(crate) struct Reply(Response);

impl Reply {
    pub(crate) fn new(status: StatusCode, body: impl Into<Body>) -> Self {
        let mut response = Response::new(body.into());
        *response.status_mut() = status;
        // Otherwise the map grows, and moves its headers, several times.
        response.headers_mut().reserve(HEADERS);
        Self(response)
    }

    /// A plain text response.
    pub(crate) fn text(status: StatusCode, text: impl Into<Body>) -> Self {
        Self::new(status, text).with_static(CONTENT_TYPE, "text/plain; charset=utf-8")
    }

    /// A response without a body.
    pub(crate) fn empty(status: StatusCode) -> Self {
        let reply = Self::new(status, Body::empty());
        // Responses with these statuses have no length (RFC 9110, sections 8.6 and 15.4.5).
        if status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED { reply } else { reply.with_length(0) }
    }

    /// A JSON document.
    pub(crate) fn json(status: StatusCode, document: &impl Serialize) -> Self {
        // Structs of text and numbers always serialise.
        Self::json_text(status, serde_json::to_vec(document).unwrap_or_default())
    }

    /// A JSON document in response to `call`. For HEAD, only the length is computed.
    pub(crate) fn json_for(call: &Call, document: &impl Serialize) -> Self {
        match call.method {
            Method::HEAD => Self::json_head(json_length(document)),
            _ => Self::json(StatusCode::OK, document),
        }
    }

    /// The response to HEAD for a JSON document of `length` bytes.
    pub(crate) fn json_head(length: u64) -> Self {
        Self::json_text(StatusCode::OK, Bytes::new()).with_length(length)
    }

    /// A JSON document, already serialised.
    pub(crate) fn json_text(status: StatusCode, text: impl Into<Bytes>) -> Self {
        let bytes = text.into();
        let length = bytes.len() as u64;
        Self::new(status, Body::from(bytes)).with_length(length).with_static(CONTENT_TYPE, "application/json; charset=utf-8")
    }

    /// Content pushed by a client.
    pub(crate) fn content(status: StatusCode, body: Body, length: u64, media_type: &str) -> Self {
        // The AWS door accepts media types that are not valid in a header.
        let media_type = HeaderValue::from_str(media_type).unwrap_or(HeaderValue::from_static("application/octet-stream"));
        let mut reply = Self::new(status, body).with_length(length);
        reply.0.headers_mut().insert(CONTENT_TYPE, media_type);
        reply
    }

    fn with_length(mut self, length: u64) -> Self {
        self.0.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
        self
    }

    /// Sets a header. An invalid value is ignored.
    pub(crate) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.0.headers_mut().insert(name, value);
        }
        self
    }

    /// Sets a header. Panics if the value is invalid.
    pub(crate) fn with_static(mut self, name: HeaderName, value: &'static str) -> Self {
        self.0.headers_mut().insert(name, HeaderValue::from_static(value));
        self
    }

    /// Sets several headers.
    pub(crate) fn with_all(mut self, headers: &[(HeaderName, HeaderValue)]) -> Self {
        self.0.headers_mut().extend(headers.iter().cloned());
        self
    }

    /// Appends a line to a header. An invalid value is ignored.
    pub(crate) fn append(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.0.headers_mut().append(name, value);
        }
        self
    }

    pub(crate) fn into_response(self) -> Response {
        self.0
    }
}
