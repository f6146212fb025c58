//! What programs get instead of a document (RFC 9457, "Problem Details for HTTP APIs").

use crate::gallery::cross_origin;
use crate::gallery::page::{Failure, Page};
use crate::gallery::visit::Visit;
use crate::http::budget::Crowded;
use crate::rates::TooFast;
use http::StatusCode;
use http::header::RETRY_AFTER;
use serde::Serialize;

const MEDIA_TYPE: &str = "application/problem+json";

#[derive(Debug, Serialize)]
struct Problem<'a> {
    title: &'a str,
    status: u16,
    detail: &'a str,
}

/// The document that explains a failure.
pub(in crate::gallery) fn page(failure: Failure, visit: &Visit<'_>) -> Page {
    match failure {
        Failure::NotFound => problem(StatusCode::NOT_FOUND, "There is no such publisher, repository or image."),
        Failure::BadRequest(reason) => problem(StatusCode::BAD_REQUEST, &reason),
        Failure::TooFast(TooFast(wait)) => {
            let seconds = wait.as_secs() + 1;
            problem(StatusCode::TOO_MANY_REQUESTS, &format!("Your network exceeds the rate of requests. Try again in {seconds} s."))
                .with(RETRY_AFTER, &seconds.to_string())
        }
        Failure::Crowded => {
            problem(StatusCode::SERVICE_UNAVAILABLE, "The server is busy. Try again later.").with(RETRY_AFTER, Crowded::RETRY_AFTER)
        }
        Failure::Broken(error) => {
            tracing::error!(%error, request_id = visit.call.request_id(), "the gallery cannot make this document");
            problem(StatusCode::SERVICE_UNAVAILABLE, "The server cannot answer now. Try again later.")
                .with(RETRY_AFTER, Crowded::RETRY_AFTER)
        }
    }
}

fn problem(status: StatusCode, detail: &str) -> Page {
    let title = status.canonical_reason().unwrap_or_default();
    let body = serde_json::to_vec(&Problem { title, status: status.as_u16(), detail }).unwrap_or_default();
    cross_origin::shared(Page { status, ..Page::new(MEDIA_TYPE, body) })
}
