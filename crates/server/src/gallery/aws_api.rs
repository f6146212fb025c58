//! The JSON API behind gallery.ecr.aws.

use super::route::Operation;
use crate::http::{Call, Reply, Response};
use crate::rates::TooFast;
use crate::server::Server;
use http::StatusCode;
use hyper::body::Incoming;

pub(super) async fn answer(_server: &Server, _call: &Call, _operation: Operation, _body: &mut Incoming) -> Response {
    Reply::text(StatusCode::NOT_FOUND, "There is nothing here.\n").into_response()
}

pub(super) fn refuse(TooFast(wait): TooFast) -> Response {
    let seconds = (wait.as_secs() + 1).to_string();
    Reply::text(StatusCode::TOO_MANY_REQUESTS, "Rate exceeded\n").with(http::header::RETRY_AFTER, &seconds).into_response()
}
