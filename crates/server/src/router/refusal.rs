//! Refusals of requests, in the error format of the door.

use super::door::Door;
use crate::http::budget::Crowded;
use crate::http::{Reply, Response};
use crate::server::Server;
use crate::{aws, oci};
use http::StatusCode;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use roadstead_model::oci::{ErrorEntry, ErrorList};

/// A refusal: status, code and message for the two doors with their own error formats.
pub(super) struct Refusal<'a> {
    pub(super) aws: (StatusCode, &'static str, &'a str),
    pub(super) oci: (StatusCode, &'static str, &'a str),
    /// The text for all other doors, which share the OCI status.
    pub(super) sentence: &'a str,
}

impl Refusal<'_> {
    pub(super) fn of(self, door: Door) -> Reply {
        let (status, media_type, text) = match door {
            Door::Aws => {
                let (status, code, message) = self.aws;
                (status, "application/x-amz-json-1.1", serde_json::json!({ "__type": code, "message": message }).to_string())
            }
            Door::Oci => {
                let (status, code, message) = self.oci;
                let errors = ErrorList { errors: vec![ErrorEntry { code, message }] };
                // Structs of text always serialise.
                (status, "application/json", serde_json::to_string(&errors).unwrap_or_default())
            }
            _ => (self.oci.0, "text/plain; charset=utf-8", format!("{}\n", self.sentence)),
        };
        Reply::new(status, text).with_static(CONTENT_TYPE, media_type)
    }
}

/// The response after a panic.
pub(super) fn broken(door: Door) -> Response {
    let (status, sentence) = (StatusCode::INTERNAL_SERVER_ERROR, "The server failed to process the request.");
    let oci = (status, "UNKNOWN", "the server failed to process the request");
    Refusal { aws: (status, "ServerException", sentence), oci, sentence }.of(door).into_response()
}

/// The response to a client with too many forwarded requests in flight.
pub(super) fn too_many(server: &Server, door: Door) -> Response {
    server.telemetry.forwarded_request_refused();
    let status = StatusCode::TOO_MANY_REQUESTS;
    Refusal {
        aws: (status, "ThrottlingException", "Rate exceeded"),
        oci: (status, "TOOMANYREQUESTS", "too many requests of this address are under way"),
        sentence: "Too many requests of this address are under way.",
    }
    .of(door)
    .with_static(RETRY_AFTER, "1")
    .into_response()
}

/// The response when the memory budget is exhausted.
pub(super) fn crowded(door: Door, reason: Crowded) -> Response {
    match door {
        Door::Aws => aws::crowded(reason),
        Door::Oci => oci::crowded(reason),
        _ => Reply::text(StatusCode::SERVICE_UNAVAILABLE, "The server holds too much for others. Try again later.\n")
            .with_static(RETRY_AFTER, Crowded::RETRY_AFTER)
            .into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_reported_in_the_error_format_of_its_door() {
        for (door, media_type) in
            [(Door::Aws, "application/x-amz-json-1.1"), (Door::Oci, "application/json"), (Door::None, "text/plain; charset=utf-8")]
        {
            let response = broken(door);
            assert_eq!(
                (response.status(), &response.headers()[CONTENT_TYPE]),
                (StatusCode::INTERNAL_SERVER_ERROR, &media_type.parse().unwrap())
            );
        }
    }
}
