//! The AWS door: `POST /` with awsJson1.1, the protocol of Amazon ECR Public's control API.
//!
//! A request is checked in this order: the operation (`X-Amz-Target`), the signature, the body's JSON and shape, the caller's
//! permission. Every operation takes an `access::Caller`, which only `access::authorize` creates; before that, only the access
//! key is read from the database. A body larger than 16 KiB is received only for an existing access key. Verifying the signature
//! needs the whole body. Until then the body is charged as an anonymous client's, unless a signature with the same key from the
//! same address was verified before.

mod access;
mod audit;
mod authorization;
mod body;
mod catalog_data;
mod error;
mod images;
mod layers;
mod listing;
mod policies;
mod registries;
mod reply;
mod repositories;
mod resource_tags;
mod signature;
mod sts;
mod tags;
mod uploads;

use crate::auth::sigv4::SignatureError;
use crate::http::budget::{Crowded, Holder};
use crate::http::{Call, OperationClass, Response};
use crate::server::Server;
use access::Caller;
use bytes::Bytes;
use error::Failure;
use http::{HeaderMap, StatusCode};
use http_body::Body;
use reply::reply;
use roadstead_model::aws::{self, Exception, Operation, Request};
use roadstead_registry::span;
use serde::Serialize;
use signature::Signature;
use tracing::Instrument;

/// Responds to a request to the control API.
pub(crate) async fn answer<B: Body<Data = Bytes> + Unpin>(server: &Server, call: &Call, body: B) -> Response {
    if sts::is_query(&call.headers) {
        return sts::answer(server, call, body).await;
    }
    let operation = operation(&call.headers);
    let answered = match operation {
        Some(operation) => {
            call.trace.is_for(class(operation));
            serve(server, call, operation, body).await
        }
        None => Err(Failure::UNKNOWN_OPERATION),
    };
    match answered {
        Ok(json) => reply(call.request_id(), StatusCode::OK, aws::CONTENT_TYPE, json, None),
        Err(failure) => {
            let failure = audit::note_failure(server, call, operation.map_or("", Operation::name), failure);
            refuse(failure, operation, call.request_id())
        }
    }
}

/// The response to a request that exceeds the memory budget.
pub(crate) fn crowded(crowded: Crowded) -> Response {
    refuse(Failure::Crowded(crowded), None, "")
}

fn refuse(failure: Failure, operation: Option<Operation>, request_id: &str) -> Response {
    let retry_after = failure.retry_after();
    let (status, json) = failure.into_answer(operation, request_id);
    reply(request_id, status, aws::CONTENT_TYPE, json, retry_after)
}

/// The operation that `X-Amz-Target` names.
fn operation(headers: &HeaderMap) -> Option<Operation> {
    let target = headers.get("x-amz-target")?.to_str().ok()?;
    Operation::find(target.strip_prefix(aws::TARGET_PREFIX)?)
}

fn class(operation: Operation) -> OperationClass {
    match operation {
        Operation::InitiateLayerUpload | Operation::UploadLayerPart | Operation::CompleteLayerUpload => OperationClass::AwsUpload,
        Operation::BatchDeleteImage
        | Operation::CreateRepository
        | Operation::DeleteRepository
        | Operation::DeleteRepositoryPolicy
        | Operation::PutImage
        | Operation::PutRegistryCatalogData
        | Operation::PutRepositoryCatalogData
        | Operation::SetRepositoryPolicy
        | Operation::TagResource
        | Operation::UntagResource => OperationClass::AwsWrite,
        Operation::BatchCheckLayerAvailability
        | Operation::DescribeImageTags
        | Operation::DescribeImages
        | Operation::DescribeRegistries
        | Operation::DescribeRepositories
        | Operation::GetAuthorizationToken
        | Operation::GetRegistryCatalogData
        | Operation::GetRepositoryCatalogData
        | Operation::GetRepositoryPolicy
        | Operation::ListTagsForResource => OperationClass::AwsRead,
    }
}

async fn serve<B: Body<Data = Bytes> + Unpin>(server: &Server, call: &Call, operation: Operation, body: B) -> Result<Bytes, Failure> {
    let signature = identify(server, call, operation).instrument(span!("authenticate")).await?;
    let limit = if signature.is_some() { operation.body_limit() } else { operation.body_limit().min(body::UNSIGNED_LIMIT) };
    let holder = holder(server, call, signature.as_ref());
    let mut body = body::read(server, call, holder, body, limit).await?;
    let principal = match signature {
        Some(signature) => {
            signature.verify(server, call, &body)?;
            check_region(server, operation, &signature)?;
            let principal = signature.principal();
            call.trace.authenticated_as(&principal);
            server.budget.prove(call.client(), &principal.access_key_id);
            body.decoded_for(|| server.budget.sender(&call.trace)).await?;
            Some(principal)
        }
        None => None,
    };
    server.limiters.actions.admit(operation.name(), principal.as_ref(), call)?;
    let request = body.request(operation)?;
    let caller = access::authorize(server, call, principal, &request).await?;
    let _permit = server.listing_permits.permit(&server.budget, &call.trace).await.map_err(Failure::Crowded)?;
    perform(&caller, request).instrument(span!("operate")).await
}

/// Finds the signature, without verifying it. Returns `None` for an anonymous read of public data.
async fn identify(server: &Server, call: &Call, operation: Operation) -> Result<Option<Signature>, Failure> {
    match Signature::find(server, call, aws::SIGNING_NAME).await {
        Err(Failure::Signature(SignatureError::Missing)) if operation.is_public_read() && server.config.anonymous_describe => Ok(None),
        signature => signature.map(Some),
    }
}

/// The holder that the body is charged to until its signature is verified.
fn holder(server: &Server, call: &Call, signature: Option<&Signature>) -> Holder {
    match signature {
        Some(Signature { key, .. }) => server.budget.claimant(call.client(), &key.id, &key.identity.registry),
        None => server.budget.anonymous(call.client()),
    }
}

/// Checks the region of the signature against `--aws-regions`, because AWS offers the service in one region only. The message is
/// AWS's (observed in codeship-library/aws-utilities#117).
fn check_region(server: &Server, operation: Operation, signature: &Signature) -> Result<(), Failure> {
    match server.config.aws_regions.as_deref() {
        Some(regions @ [first, ..]) if !regions.contains(&signature.claim.region) => {
            let message = format!("{} command is only supported in {first}.", operation.name());
            Err(Failure::exception(Exception::UnsupportedCommand, message))
        }
        _ => Ok(()),
    }
}

/// Calls the operation.
async fn perform(caller: &Caller<'_>, request: Request) -> Result<Bytes, Failure> {
    match request {
        Request::BatchCheckLayerAvailability(request) => encode(layers::batch_check_layer_availability(caller, request).await?),
        Request::BatchDeleteImage(request) => encode(images::batch_delete_image(caller, request).await?),
        Request::CompleteLayerUpload(request) => encode(uploads::complete_layer_upload(caller, request).await?),
        Request::CreateRepository(request) => encode(repositories::create_repository(caller, request).await?),
        Request::DeleteRepository(request) => encode(repositories::delete_repository(caller, request).await?),
        Request::DeleteRepositoryPolicy(request) => encode(policies::delete_repository_policy(caller, request).await?),
        Request::DescribeImages(request) => encode(images::describe_images(caller, request).await?),
        Request::DescribeImageTags(request) => encode(tags::describe_image_tags(caller, request).await?),
        Request::DescribeRegistries(request) => encode(registries::describe_registries(caller, request).await?),
        Request::DescribeRepositories(request) => encode(repositories::describe_repositories(caller, request).await?),
        Request::GetAuthorizationToken(request) => encode(authorization::get_authorization_token(caller, request)?),
        Request::GetRegistryCatalogData(request) => encode(catalog_data::get_registry_catalog_data(caller, request).await?),
        Request::GetRepositoryCatalogData(request) => encode(catalog_data::get_repository_catalog_data(caller, request).await?),
        Request::GetRepositoryPolicy(request) => encode(policies::get_repository_policy(caller, request).await?),
        Request::InitiateLayerUpload(request) => encode(uploads::initiate_layer_upload(caller, request).await?),
        Request::ListTagsForResource(request) => encode(resource_tags::list_tags_for_resource(caller, request).await?),
        Request::PutImage(request) => encode(images::put_image(caller, request).await?),
        Request::PutRegistryCatalogData(request) => encode(catalog_data::put_registry_catalog_data(caller, request).await?),
        Request::PutRepositoryCatalogData(request) => encode(catalog_data::put_repository_catalog_data(caller, request).await?),
        Request::SetRepositoryPolicy(request) => encode(policies::set_repository_policy(caller, request).await?),
        Request::TagResource(request) => encode(resource_tags::tag_resource(caller, request).await?),
        Request::UntagResource(request) => encode(resource_tags::untag_resource(caller, request).await?),
        Request::UploadLayerPart(request) => encode(uploads::upload_layer_part(caller, request).await?),
    }
}

fn encode(answer: impl Serialize) -> Result<Bytes, Failure> {
    match serde_json::to_vec(&answer) {
        Ok(json) => Ok(json.into()),
        Err(error) => Err(roadstead_registry::Error::Internal(error.to_string()).into()),
    }
}
