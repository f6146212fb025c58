//! The OCI door: everything under `/v2/`, and `/token` (OCI distribution specification; Docker's token authentication).
//!
//! A request is routed (`route.rs`), its sender found out and its permission checked (`access.rs`), and then it is one
//! call of the registry. Whatever fails on the way becomes an answer in the specification's error codes (`error.rs`).

mod access;
mod audit;
mod blobs;
mod body;
mod catalog;
mod conditional;
mod error;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod headers;
mod listing;
mod manifests;
mod multipart;
mod pulling;
mod range;
mod referrers;
mod route;
mod tags;
mod token;
mod uploads;

use crate::http::budget::Crowded;
use crate::http::{Call, Reply, Response};
use crate::principal::Principal;
use crate::server::Server;
use access::Target;
use error::{Code, Failure};
use headers::API_VERSION;
use http::header::HeaderValue;
use http::{Method, StatusCode};
use hyper::body::{Body, Incoming};
use pulling::Puller;
use route::{Operation, Place, Route, RouteError};
use std::future::Future;

/// Answers one request. It never fails: what goes wrong is an answer too.
pub async fn answer(server: &Server, call: &Call, body: &mut Incoming) -> Response {
    let mut response = match respond(server, call, body).await {
        Ok(response) => response,
        Err(failure) => {
            failure.log(call.request_id());
            let failure = audit::note_failure(server, call, failure);
            failure.into_response()
        }
    };
    response.headers_mut().insert(API_VERSION, HeaderValue::from_static("registry/2.0"));
    response
}

/// The answer when there is no room in memory for another one.
pub(crate) fn crowded(crowded: Crowded) -> Response {
    Failure::from(crowded).into_response()
}

async fn respond(server: &Server, call: &Call, body: &mut Incoming) -> Result<Response, Failure> {
    if let Some(allowed) = route::token(&call.method, call.uri.path()) {
        allowed?;
        return Box::pin(token::answer(server, call, body)).await;
    }
    // Bad credentials are refused whatever is asked for, so that a client learns of them at once.
    let principal = access::authenticate(server, call).await?;
    if let Some(Principal::Known(known)) = &principal {
        call.trace.authenticated_as(known);
    } else if matches!(call.method, Method::POST | Method::PUT | Method::PATCH | Method::DELETE) {
        // Nothing of a write is looked at for nobody in particular.
        return Err(access::challenge(call));
    }
    match route::parse(&call.method, call.uri.path(), call.uri.query()) {
        // Without this challenge docker never sends its login.
        Ok(Route::Version) if principal.is_none() => Err(access::challenge(call)),
        Ok(Route::Version) => Ok(Reply::json(StatusCode::OK, &serde_json::json!({})).into_response()),
        Ok(Route::Extensions) => Ok(Reply::json(StatusCode::OK, &serde_json::json!({ "extensions": [] })).into_response()),
        Ok(Route::Catalog(listing)) => Box::pin(in_turn(server, call, catalog::list(server, call, &listing))).await,
        Ok(Route::Repository(place, operation)) => operate(server, call, principal.as_ref(), place, operation, body).await,
        Err(RouteError::NoAlias(name)) => {
            Err(Box::pin(access::no_alias(server, call, &name, StatusCode::BAD_REQUEST, Code::NameInvalid)).await)
        }
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
    let performed = perform(Puller { server, call, principal }, &target, operation, body).await;
    performed.map_err(|failure| failure.naming(&target.repository().registry, target.alias()))
}

async fn perform(puller: Puller<'_>, target: &Target, operation: Operation, body: &mut Incoming) -> Result<Response, Failure> {
    let Puller { server, call, .. } = puller;
    // A future is as large as its largest part, and is moved before it runs: pulls do not carry the others along.
    match operation {
        Operation::GetManifest(reference) => manifests::get(puller, target, &reference).await,
        Operation::PutManifest { reference, tags } => Box::pin(manifests::put(server, call, target, &reference, &tags, body)).await,
        Operation::DeleteManifest(reference) => Box::pin(manifests::delete(server, target, &reference)).await,
        Operation::GetBlob(digest) => blobs::get(puller, target, &digest).await,
        Operation::DeleteBlob(digest) => Box::pin(blobs::delete(server, target, &digest)).await,
        Operation::StartUpload(algorithm) => Box::pin(uploads::start(server, target, algorithm)).await,
        Operation::PushBlob(digest) => Box::pin(uploads::push(server, call, target, &digest, body)).await,
        Operation::MountBlob { digest, from } => Box::pin(uploads::mount(server, target, &digest, from.as_ref())).await,
        Operation::GetUpload(id) => Box::pin(uploads::get(server, target, &id)).await,
        Operation::AppendUpload(id) => Box::pin(uploads::append(server, call, target, &id, body)).await,
        Operation::CompleteUpload { id, digest } => Box::pin(uploads::complete(server, call, target, &id, &digest, body)).await,
        Operation::CancelUpload(id) => Box::pin(uploads::cancel(server, target, &id)).await,
        Operation::ListTags(listing) => Box::pin(in_turn(server, call, tags::list(server, call, target, &listing))).await,
        Operation::ListReferrers { subject, artifact_type, listing } => {
            let list = referrers::list(server, call, target, &subject, artifact_type.as_deref(), &listing);
            Box::pin(in_turn(server, call, list)).await
        }
    }
}

/// Composes a listing when it is its turn.
async fn in_turn(server: &Server, call: &Call, list: impl Future<Output = Result<Response, Failure>>) -> Result<Response, Failure> {
    let _turn = server.listings.turn(&server.budget, &call.trace).await?;
    list.await
}
