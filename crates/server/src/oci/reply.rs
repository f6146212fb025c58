//! Answers of this door.

use crate::http::{Body, Call, Response};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use roadstead_model::measure::json_length;
use roadstead_model::oci;
use serde::Serialize;

pub(super) const API_VERSION: HeaderName = HeaderName::from_static(oci::API_VERSION);
pub(super) const CONTENT_DIGEST: HeaderName = HeaderName::from_static(oci::CONTENT_DIGEST);
pub(super) const FILTERS_APPLIED: HeaderName = HeaderName::from_static(oci::FILTERS_APPLIED);
pub(super) const SUBJECT: HeaderName = HeaderName::from_static(oci::SUBJECT);
pub(super) const TAG: HeaderName = HeaderName::from_static(oci::TAG);
pub(super) const UPLOAD_UUID: HeaderName = HeaderName::from_static(oci::UPLOAD_UUID);

/// What is named by its digest never changes, so nobody need ever ask again.
pub(super) const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// What is named by a tag may be kept, but not used without asking whether it still holds.
pub(super) const REVALIDATE: &str = "public, no-cache";

/// How many headers a usual answer has.
const HEADERS: usize = 12;

/// An answer in the making.
pub(super) struct Reply(Response);

impl Reply {
    /// An answer without a body.
    pub(super) fn empty(status: StatusCode) -> Self {
        let reply = Self::new(status, Body::empty());
        // These two never have a length (RFC 9110, sections 8.6 and 15.4.5).
        if status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED { reply } else { reply.with_length(0) }
    }

    /// An answer that is a JSON document of this server's own.
    pub(super) fn json(status: StatusCode, document: &impl Serialize) -> Self {
        // Our documents are plain structs of text and numbers, which always serialise.
        Self::json_text(status, serde_json::to_vec(document).unwrap_or_default())
    }

    /// The answer of a JSON document to `call`: a HEAD only gets its length, and the document is not composed for it.
    pub(super) fn json_for(call: &Call, document: &impl Serialize) -> Self {
        match call.method {
            Method::HEAD => Self::json_head(json_length(document)),
            _ => Self::json(StatusCode::OK, document),
        }
    }

    /// What a HEAD is told of a JSON document of this length.
    pub(super) fn json_head(length: u64) -> Self {
        Self::json_text(StatusCode::OK, Bytes::new()).with_length(length)
    }

    /// The same from its text.
    pub(super) fn json_text(status: StatusCode, text: impl Into<Bytes>) -> Self {
        let bytes = text.into();
        let length = bytes.len() as u64;
        Self::new(status, Body::from(bytes)).with_length(length).with_static(CONTENT_TYPE, "application/json; charset=utf-8")
    }

    /// An answer that is content which somebody pushed.
    pub(super) fn content(status: StatusCode, body: Body, length: u64, media_type: &str) -> Self {
        // A media type that no header can hold came in through another door; the general one stands for it.
        let media_type = HeaderValue::from_str(media_type).unwrap_or(HeaderValue::from_static("application/octet-stream"));
        let mut reply = Self::new(status, body).with_length(length);
        reply.0.headers_mut().insert(CONTENT_TYPE, media_type);
        reply
    }

    fn new(status: StatusCode, body: Body) -> Self {
        let mut response = Response::new(body);
        *response.status_mut() = status;
        // Room for all headers of a usual answer: to grow step by step would move them each time.
        response.headers_mut().reserve(HEADERS);
        Self(response)
    }

    fn with_length(mut self, length: u64) -> Self {
        self.0.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
        self
    }

    /// Sets a header; a value that no header can hold leaves it as it was.
    pub(super) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.0.headers_mut().insert(name, value);
        }
        self
    }

    /// Sets a header to a value that is known beforehand.
    pub(super) fn with_static(mut self, name: HeaderName, value: &'static str) -> Self {
        self.0.headers_mut().insert(name, HeaderValue::from_static(value));
        self
    }

    /// Adds one more line of a header.
    pub(super) fn and(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.0.headers_mut().append(name, value);
        }
        self
    }

    /// The finished answer.
    pub(super) fn into_response(self) -> Response {
        self.0
    }
}
