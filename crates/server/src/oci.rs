//! The OCI door: everything under `/v2/`, and `/token` (OCI distribution specification; Docker's token authentication).
//!
//! A request is routed (`route.rs`), authenticated and authorized (`access.rs`), and performed by one call of the installation.
//! Failures become responses with the specification's error codes (`error.rs`).

mod access;
mod audit;
mod blobs;
mod body;
mod conditional;
mod error;
mod failure;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod headers;
mod listing;
mod manifests;
mod multipart;
mod operation;
mod pulling;
mod range;
mod redirect;
mod referrers;
mod route;
mod tags;
mod token;
mod uploads;

use crate::http::budget::Crowded;
use crate::http::{Call, OperationClass, Reply, Response};
use crate::principal::Principal;
use crate::server::Server;
use access::Target;
use failure::{Code, Failure};
use headers::API_VERSION;
use http::header::HeaderValue;
use http::{Method, StatusCode};
use hyper::body::{Body, Incoming};
use operation::{Content, Endpoint, Operation, Place, Route, RouteError};
use pulling::Puller;
use roadstead_registry::span;
use std::future::Future;
use tracing::Instrument;

/// Responds to one request. Failures are responses too.
pub async fn answer(server: &Server, call: &Call, body: &mut Incoming) -> Response {
    let endpoint = match route::parse(&call.method, call.uri.path(), call.uri.query()) {
        Ok(Route::Pull(place, content)) => {
            call.trace.is_for(content.class());
            return finished(server, call, pull(server, call, place, &content).await);
        }
        Ok(Route::Other(endpoint)) => Ok(endpoint),
        Err(error) => Err(error),
    };
    // A future is as large as its largest state and is moved before it is polled, so all but pulls are allocated on the heap.
    finished(server, call, Box::pin(respond(server, call, endpoint, body)).await)
}

/// The response when the memory budget is exhausted.
pub(crate) fn crowded(crowded: Crowded) -> Response {
    Failure::from(crowded).into_response()
}

fn finished(server: &Server, call: &Call, answer: Result<Response, Failure>) -> Response {
    let mut response = answer.unwrap_or_else(|failure| {
        failure.log(call.request_id());
        audit::note_failure(server, call, failure).into_response()
    });
    response.headers_mut().insert(API_VERSION, HeaderValue::from_static("registry/2.0"));
    response
}

async fn pull(server: &Server, call: &Call, place: Place, content: &Content) -> Result<Response, Failure> {
    let principal = access::authenticate(server, call).instrument(span!("authenticate")).await?;
    let target = access::permit_pull(server, call, place).await?;
    let puller = Puller { server, call, principal: principal.as_ref() };
    let pulled = match content {
        Content::Manifest(reference) => manifests::get(puller, &target, reference).instrument(span!("operate")).await,
        Content::Blob(digest) => blobs::get(puller, &target, digest).instrument(span!("operate")).await,
    };
    pulled.map_err(|failure| failure.naming(&target.repository().registry, target.alias()))
}

async fn respond(server: &Server, call: &Call, endpoint: Result<Endpoint, RouteError>, body: &mut Incoming) -> Result<Response, Failure> {
    if route::is_token(call.uri.path()) {
        call.trace.is_for(OperationClass::Token);
        return token::answer(server, call, body).await;
    }
    if let Ok(endpoint) = &endpoint {
        call.trace.is_for(endpoint.class());
    }
    let principal = access::authenticate(server, call).instrument(span!("authenticate")).await?;
    let is_write = matches!(call.method, Method::POST | Method::PUT | Method::PATCH | Method::DELETE);
    if is_write && !matches!(principal, Some(Principal::Known(_))) {
        return Err(access::challenge(call));
    }
    match endpoint {
        // Docker sends its credentials only after this challenge.
        Ok(Endpoint::Version) if principal.is_none() => Err(access::challenge(call)),
        Ok(Endpoint::Version) => Ok(Reply::json(StatusCode::OK, &serde_json::json!({})).into_response()),
        Ok(Endpoint::Extensions) => Ok(Reply::json(StatusCode::OK, &serde_json::json!({ "extensions": [] })).into_response()),
        Ok(Endpoint::Catalog(listing)) => in_turn(server, call, listing::list_repositories(server, call, &listing)).await,
        Ok(Endpoint::Repository(place, operation)) => operate(server, call, principal.as_ref(), place, operation, body).await,
        Err(RouteError::NoAlias(name)) => Err(access::no_alias(server, call, &name, StatusCode::BAD_REQUEST, Code::NameInvalid).await),
        Err(error) => Err(error.into()),
    }
}

async fn operate(
    server: &Server,
    call: &Call,
    principal: Option<&Principal>,
    place: Place,
    operation: Operation,
    body: &mut Incoming,
) -> Result<Response, Failure> {
    let target = match access::permit(server, call, principal, place, &operation, !body.is_end_stream()).await {
        Ok(target) => target,
        Err(failure) => {
            return match operation {
                Operation::ListReferrers { artifact_type, .. } if failure.is_name_unknown() => {
                    Ok(referrers::none(call, artifact_type.is_some()))
                }
                _ => Err(failure),
            };
        }
    };
    audit::note_write(call, &target, &operation);
    let performed = perform(server, call, &target, operation, body).instrument(span!("operate")).await;
    performed.map_err(|failure| failure.naming(&target.repository().registry, target.alias()))
}

async fn perform(server: &Server, call: &Call, target: &Target, operation: Operation, body: &mut Incoming) -> Result<Response, Failure> {
    match operation {
        Operation::PutManifest { reference, tags } => manifests::put(server, call, target, &reference, &tags, body).await,
        Operation::DeleteManifest(reference) => manifests::delete(server, target, &reference).await,
        Operation::DeleteBlob(digest) => blobs::delete(server, target, &digest).await,
        Operation::StartUpload(algorithm) => uploads::start(server, call, target, algorithm).await,
        Operation::PushBlob(digest) => uploads::push(server, call, target, &digest, body).await,
        Operation::MountBlob { digest, from } => uploads::mount(server, call, target, &digest, from.as_ref()).await,
        Operation::GetUpload(id) => uploads::get(server, target, &id).await,
        Operation::AppendUpload(id) => uploads::append(server, call, target, &id, body).await,
        Operation::CompleteUpload { id, digest } => uploads::complete(server, call, target, &id, &digest, body).await,
        Operation::CancelUpload(id) => uploads::cancel(server, target, &id).await,
        Operation::ListTags(listing) => in_turn(server, call, tags::list(server, call, target, &listing)).await,
        Operation::ListReferrers { subject, artifact_type, listing } => {
            let list = referrers::list(server, call, target, &subject, artifact_type.as_deref(), &listing);
            in_turn(server, call, list).await
        }
    }
}

/// Composes a listing when its turn comes.
async fn in_turn(server: &Server, call: &Call, list: impl Future<Output = Result<Response, Failure>>) -> Result<Response, Failure> {
    let _permit = server.listing_permits.permit(&server.budget, &call.trace).await?;
    list.await
}
