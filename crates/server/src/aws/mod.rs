//! The AWS door: `POST /` with awsJson1.1, as Amazon ECR Public's control API speaks it.
//!
//! A request is answered in this order: the operation (`X-Amz-Target`), the signature, the body's JSON, its shape, the
//! caller's permission, the operation. Nothing is read from the registry but the access key before the permission is
//! known (`access::authorize` makes the only `Caller`, and an operation takes nothing else), and a body larger than
//! 16 KiB is received only for an access key that exists. Until its signature is verified, which takes all of it, it counts as
//! a stranger's, unless the same address has proved to have that key before.

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
mod repositories;
mod resource_tags;
mod sts;
mod tags;
mod uploads;

use crate::auth::sigv4::{self, Claim, SignatureError};
use crate::http::budget::{Crowded, Holder};
use crate::http::{Call, Response};
use crate::principal::KnownPrincipal;
use crate::rates::Client;
use crate::server::Server;
use access::Caller;
use body::RequestBody;
use bytes::Bytes;
use error::Failure;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body::Body;
use roadstead_model::RegistryId;
use roadstead_model::aws::{self, Exception, Operation, validation};
use roadstead_model::{AccessKey, Identity};
use serde::Serialize;
use serde::de::DeserializeOwned;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// Answers one request to the control API. Every failure is an answer too.
pub async fn answer<B: Body<Data = Bytes> + Unpin>(server: &Server, call: &Call, body: B) -> Response {
    if sts::is_query(&call.headers) {
        return sts::answer(server, call, body).await;
    }
    let operation = operation(&call.headers);
    match serve(server, call, operation, body).await {
        Ok(json) => reply(call.request_id(), StatusCode::OK, aws::CONTENT_TYPE, json),
        Err(failure) => {
            let failure = audit::note_failure(server, call, operation.map_or("", |operation| operation.name), failure);
            refuse(failure, operation, call.request_id())
        }
    }
}

/// The answer when there is no room in memory for another one.
pub(crate) fn crowded(crowded: Crowded) -> Response {
    refuse(Failure::Crowded(crowded), None, "")
}

fn refuse(failure: Failure, operation: Option<&Operation>, request_id: &str) -> Response {
    let retry_after = failure.retry_after();
    let (status, json) = failure.worded(operation, request_id);
    let mut response = reply(request_id, status, aws::CONTENT_TYPE, json);
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(seconds));
    }
    response
}

fn reply(request_id: &str, status: StatusCode, content_type: &'static str, body: Bytes) -> Response {
    let mut response = http::Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let (false, Ok(id)) = (request_id.is_empty(), HeaderValue::from_str(request_id)) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// The operation that `X-Amz-Target` names.
fn operation(headers: &HeaderMap) -> Option<&'static Operation> {
    let target = headers.get("x-amz-target")?.to_str().ok()?;
    Operation::find(target.strip_prefix(aws::TARGET_PREFIX)?)
}

async fn serve<B: Body<Data = Bytes> + Unpin>(
    server: &Server,
    call: &Call,
    operation: Option<&'static Operation>,
    body: B,
) -> Result<Bytes, Failure> {
    let (operation, signature) = identify(server, call, operation).await?;
    let limit = if signature.is_some() { operation.body_limit } else { operation.body_limit.min(body::UNSIGNED_LIMIT) };
    let holder = holder(server, call, signature.as_ref());
    let mut body = body::read(server, call, holder, body, limit).await?;
    let principal = match signature {
        Some(signature) => {
            check_signature(server, call, &signature, &body)?;
            check_region(server, operation, &signature.claim)?;
            let principal = KnownPrincipal { identity: signature.key.identity, access_key_id: signature.key.id };
            call.trace.authenticated_as(&principal);
            server.budget.prove(call.client(), &principal.access_key_id);
            body.decoded_for(|| server.budget.sender(&call.trace)).await?;
            Some(principal)
        }
        None => None,
    };
    server.rates.admit(operation.name, || Client::of(principal.as_ref(), call))?;
    let text = body.text()?;
    validation::validate(operation.input, text)?;
    let caller = access::authorize(server, call, operation, principal, text).await?;
    let _turn = server.listings.turn(&server.budget, &call.trace).await.map_err(Failure::Crowded)?;
    perform(&caller, text).await
}

/// A signature that is not verified yet, and the key that it claims to be made with.
struct Signature {
    claim: Claim,
    key: AccessKey,
}

/// What can be known without the body: the operation, what the signature claims, and its key. Nobody has to sign a
/// request to see what is public.
async fn identify(
    server: &Server,
    call: &Call,
    operation: Option<&'static Operation>,
) -> Result<(&'static Operation, Option<Signature>), Failure> {
    let operation = operation.ok_or(Failure::UNKNOWN_OPERATION)?;
    let request = sigv4::Request::new(&call.method, &call.uri, &call.headers);
    let claim = match sigv4::read(&request, &[aws::SIGNING_NAME], server.installation.now()) {
        Err(SignatureError::Missing) if operation.is_public_read() && server.config.anonymous_describe => return Ok((operation, None)),
        claim => claim?,
    };
    let key = find_key(server, &claim.access_key_id).await?;
    Ok((operation, Some(Signature { claim, key })))
}

/// Whose share of the budget a body is whose signature, if it has one, is still to be verified.
fn holder(server: &Server, call: &Call, signature: Option<&Signature>) -> Holder {
    match signature {
        Some(Signature { key, .. }) => server.budget.claimant(call.client(), &key.id, &key.identity.registry),
        None => server.budget.stranger(call.client()),
    }
}

/// The key of this id. An emulator has every key, each of an account of its own if its id is one.
async fn find_key(server: &Server, id: &str) -> Result<AccessKey, Failure> {
    if server.config.emulator {
        let account = RegistryId::parse(id).unwrap_or_else(|_| server.installation.account_id().clone());
        server.installation.ensure_account(&account).await?;
        let identity = Identity { registry: account, user: None };
        return Ok(AccessKey { id: id.to_owned(), secret: String::new(), active: true, identity });
    }
    match server.installation.access_key(id).await? {
        Some(key) if key.active => Ok(key),
        _ => Err(SignatureError::UnknownKey.into()),
    }
}

fn check_signature(server: &Server, call: &Call, signature: &Signature, body: &RequestBody) -> Result<(), Failure> {
    if server.config.emulator {
        return Ok(());
    }
    let request = sigv4::Request::new(&call.method, &call.uri, &call.headers);
    Ok(signature.claim.verify(&request, body.bytes(), &signature.key.secret)?)
}

/// `--aws-regions` makes this server as narrow as AWS is, whose service exists in one region only. AWS answers in these
/// words (observed in codeship-library/aws-utilities#117).
fn check_region(server: &Server, operation: &Operation, claim: &Claim) -> Result<(), Failure> {
    match server.config.aws_regions.as_deref() {
        Some(regions @ [first, ..]) if !regions.contains(&claim.region) => {
            let message = format!("{} command is only supported in {first}.", operation.name);
            Err(Failure::exception(Exception::UnsupportedCommand, message))
        }
        _ => Ok(()),
    }
}

/// Calls the operation. One line here, one function in the topic's file, and the table's row make an operation.
async fn perform(caller: &Caller<'_>, text: &str) -> Result<Bytes, Failure> {
    match caller.operation().name {
        "BatchCheckLayerAvailability" => encode(layers::batch_check_layer_availability(caller, decode(text)?).await?),
        "BatchDeleteImage" => encode(images::batch_delete_image(caller, decode(text)?).await?),
        "CompleteLayerUpload" => encode(uploads::complete_layer_upload(caller, decode(text)?).await?),
        "CreateRepository" => encode(repositories::create_repository(caller, decode(text)?).await?),
        "DeleteRepository" => encode(repositories::delete_repository(caller, decode(text)?).await?),
        "DeleteRepositoryPolicy" => encode(policies::delete_repository_policy(caller, decode(text)?).await?),
        "DescribeImages" => encode(images::describe_images(caller, decode(text)?).await?),
        "DescribeImageTags" => encode(tags::describe_image_tags(caller, decode(text)?).await?),
        "DescribeRegistries" => encode(registries::describe_registries(caller, decode(text)?).await?),
        "DescribeRepositories" => encode(repositories::describe_repositories(caller, decode(text)?).await?),
        "GetAuthorizationToken" => encode(authorization::get_authorization_token(caller, decode(text)?)?),
        "GetRegistryCatalogData" => encode(catalog_data::get_registry_catalog_data(caller, decode(text)?).await?),
        "GetRepositoryCatalogData" => encode(catalog_data::get_repository_catalog_data(caller, decode(text)?).await?),
        "GetRepositoryPolicy" => encode(policies::get_repository_policy(caller, decode(text)?).await?),
        "InitiateLayerUpload" => encode(uploads::initiate_layer_upload(caller, decode(text)?).await?),
        "ListTagsForResource" => encode(resource_tags::list_tags_for_resource(caller, decode(text)?).await?),
        "PutImage" => encode(images::put_image(caller, decode(text)?).await?),
        "PutRegistryCatalogData" => encode(catalog_data::put_registry_catalog_data(caller, decode(text)?).await?),
        "PutRepositoryCatalogData" => encode(catalog_data::put_repository_catalog_data(caller, decode(text)?).await?),
        "SetRepositoryPolicy" => encode(policies::set_repository_policy(caller, decode(text)?).await?),
        "TagResource" => encode(resource_tags::tag_resource(caller, decode(text)?).await?),
        "UntagResource" => encode(resource_tags::untag_resource(caller, decode(text)?).await?),
        "UploadLayerPart" => encode(uploads::upload_layer_part(caller, decode(text)?).await?),
        _ => Err(Failure::UNKNOWN_OPERATION),
    }
}

/// Reads a request whose shape is known to be right. What still fails is JSON that names a member twice.
fn decode<T: DeserializeOwned>(text: &str) -> Result<T, Failure> {
    serde_json::from_str(text).map_err(|_| Failure::SERIALIZATION)
}

fn encode(answer: impl Serialize) -> Result<Bytes, Failure> {
    match serde_json::to_vec(&answer) {
        Ok(json) => Ok(json.into()),
        Err(error) => Err(roadstead_registry::Error::Internal(error.to_string()).into()),
    }
}

#[cfg(test)]
mod tests;
