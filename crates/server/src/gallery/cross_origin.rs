//! Documents that pages of every site may read, without credentials (Fetch standard, "CORS protocol").

use super::page::Page;
use crate::http::{Reply, Response};
use http::StatusCode;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS,
    ACCESS_CONTROL_MAX_AGE,
};

/// Lets pages of every site read a document.
pub(super) fn shared(page: Page) -> Page {
    page.with(ACCESS_CONTROL_ALLOW_ORIGIN, "*").with(ACCESS_CONTROL_EXPOSE_HEADERS, "ETag, Retry-After, X-Request-Id")
}

/// Lets pages of every site read a response.
pub(super) fn share(reply: Reply) -> Reply {
    reply.with_static(ACCESS_CONTROL_ALLOW_ORIGIN, "*")
}

/// Answers the question whether a page of another site may send a request.
pub(super) fn preflight(method: &'static str, headers: &'static str) -> Response {
    let reply = share(Reply::empty(StatusCode::NO_CONTENT))
        .with_static(ACCESS_CONTROL_ALLOW_METHODS, method)
        .with_static(ACCESS_CONTROL_ALLOW_HEADERS, headers)
        // The longest time that any browser supports.
        .with_static(ACCESS_CONTROL_MAX_AGE, "7200");
    reply.into_response()
}
