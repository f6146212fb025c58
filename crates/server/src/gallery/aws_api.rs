//! The operations of AWS's gallery, which programs call without a signature: `POST /<operation>` with JSON in and out.
//!
//! Errors have the form, the names and the texts of the control API, because those of AWS's gallery are not known.

mod catalog_data;
mod failure;
mod naming;
mod search;
mod tags;

use super::cross_origin;
use crate::aws_errors::{CommonError, document};
use crate::http::budget::Crowded;
use crate::http::{Call, Reply, Response, request_body};
use crate::rates::TooFast;
use crate::server::Server;
use bytes::Bytes;
use failure::Failure;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{Method, StatusCode};
use http_body::Body;
use roadstead_model::aws::gallery::{Operation, Request};
use roadstead_registry::Error;
use serde::Serialize;
use serde_json::Map;

/// The largest body in bytes: a few names and a page token.
const BODY_LIMIT: usize = 64 * 1024;

/// Answers a request to an operation. Its `Content-Type` does not matter, because some clients send none.
pub(super) async fn answer<B: Body<Data = Bytes> + Unpin>(server: &Server, call: &Call, operation: Operation, body: B) -> Response {
    if call.method == Method::OPTIONS {
        return cross_origin::preflight("POST", "Content-Type");
    }
    let (status, json, retry_after) = match serve(server, call, operation, body).await {
        Ok(json) => (StatusCode::OK, json, None),
        Err(failure) => failure.into_answer(call, operation),
    };
    let reply = cross_origin::share(Reply::new(status, json)).with_static(CONTENT_TYPE, "application/json");
    let reply = if let Some(seconds) = retry_after { reply.with_static(RETRY_AFTER, seconds) } else { reply };
    reply.into_response()
}

/// The response to a client that exceeds the rate of pages.
pub(super) fn refuse(TooFast(wait): TooFast) -> Response {
    let error = CommonError::from(Crowded::ByCaller);
    let body = document(error.name, error.message, Map::new());
    let reply = cross_origin::share(Reply::new(error.status, body)).with_static(CONTENT_TYPE, "application/json");
    reply.with(RETRY_AFTER, &(wait.as_secs() + 1).to_string()).into_response()
}

async fn serve<B: Body<Data = Bytes> + Unpin>(server: &Server, call: &Call, operation: Operation, mut body: B) -> Result<Bytes, Failure> {
    let holder = server.budget.anonymous(call.client());
    let received = request_body::read(&mut body, BODY_LIMIT, &call.headers, holder, server.config.body_pace).await?;
    let text = std::str::from_utf8(&received.bytes).map_err(|_| CommonError::SERIALIZATION)?;
    let request = Request::read(operation, text)?;
    let _permit = server.listing_permits.permit(&server.budget, &call.trace).await?;
    match request {
        Request::DescribeImageTags(request) => encode(&tags::describe_image_tags(server, call, request).await?),
        Request::GetRegistryCatalogData(request) => encode(&catalog_data::get_registry_catalog_data(server, request).await?),
        Request::GetRepositoryCatalogData(request) => encode(&catalog_data::get_repository_catalog_data(server, call, request).await?),
        Request::SearchRepositoryCatalogData(request) => encode(&search::search(server, call, request).await?),
    }
}

fn encode(answer: &impl Serialize) -> Result<Bytes, Failure> {
    match serde_json::to_vec(answer) {
        Ok(json) => Ok(json.into()),
        Err(error) => Err(Error::Internal(error.to_string()).into()),
    }
}
