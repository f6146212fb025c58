//! Responses, and the one way to make them.

use super::{Body, Call};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use roadstead_model::measure::json_length;
use serde::Serialize;

/// A response of any door.
pub(crate) type Response = http::Response<Body>;

/// How many headers a usual response has.
const HEADERS: usize = 12;

/// A response in the making.
pub(crate) struct Reply(Response);

impl Reply {
    pub(crate) fn new(status: StatusCode, body: impl Into<Body>) -> Self {
        let mut response = Response::new(body.into());
        *response.status_mut() = status;
        // Growing step by step would move the headers each time.
        response.headers_mut().reserve(HEADERS);
        Self(response)
    }

    /// A response of one sentence.
    pub(crate) fn text(status: StatusCode, text: impl Into<Body>) -> Self {
        Self::new(status, text).with_static(CONTENT_TYPE, "text/plain; charset=utf-8")
    }

    /// A response without a body.
    pub(crate) fn empty(status: StatusCode) -> Self {
        let reply = Self::new(status, Body::empty());
        // These two never have a length (RFC 9110, sections 8.6 and 15.4.5).
        if status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED { reply } else { reply.with_length(0) }
    }

    /// A JSON document.
    pub(crate) fn json(status: StatusCode, document: &impl Serialize) -> Self {
        // Structs of text and numbers always serialise.
        Self::json_text(status, serde_json::to_vec(document).unwrap_or_default())
    }

    /// A JSON document in response to `call`: for HEAD only its length is computed.
    pub(crate) fn json_for(call: &Call, document: &impl Serialize) -> Self {
        match call.method {
            Method::HEAD => Self::json_head(json_length(document)),
            _ => Self::json(StatusCode::OK, document),
        }
    }

    /// The response to HEAD for a JSON document of this length.
    pub(crate) fn json_head(length: u64) -> Self {
        Self::json_text(StatusCode::OK, Bytes::new()).with_length(length)
    }

    /// A JSON document from its text.
    pub(crate) fn json_text(status: StatusCode, text: impl Into<Bytes>) -> Self {
        let bytes = text.into();
        let length = bytes.len() as u64;
        Self::new(status, Body::from(bytes)).with_length(length).with_static(CONTENT_TYPE, "application/json; charset=utf-8")
    }

    /// Content that somebody pushed.
    pub(crate) fn content(status: StatusCode, body: Body, length: u64, media_type: &str) -> Self {
        // The AWS door takes media types that are not valid in a header.
        let media_type = HeaderValue::from_str(media_type).unwrap_or(HeaderValue::from_static("application/octet-stream"));
        let mut reply = Self::new(status, body).with_length(length);
        reply.0.headers_mut().insert(CONTENT_TYPE, media_type);
        reply
    }

    fn with_length(mut self, length: u64) -> Self {
        self.0.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
        self
    }

    /// Sets a header, unless the value is not valid in one.
    pub(crate) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.0.headers_mut().insert(name, value);
        }
        self
    }

    /// Sets a header to a value that is known to be valid.
    pub(crate) fn with_static(mut self, name: HeaderName, value: &'static str) -> Self {
        self.0.headers_mut().insert(name, HeaderValue::from_static(value));
        self
    }

    /// Appends a line of a header, unless the value is not valid in one.
    pub(crate) fn and(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.0.headers_mut().append(name, value);
        }
        self
    }

    /// The finished response.
    pub(crate) fn into_response(self) -> Response {
        self.0
    }
}
