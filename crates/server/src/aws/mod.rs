//! The AWS door: `POST /` with awsJson1.1, as Amazon ECR Public's control API speaks it.
//!
//! A request is answered in this order: the operation (`X-Amz-Target`), the signature, the body's JSON, its shape, the
//! caller's permission, the operation. Nothing is read from the registry but the access key before the permission is
//! known (`access::authorize` makes the only `Caller`, and an operation takes nothing else), and a body larger than
//! a mebibyte is received only for an access key that exists.

mod access;
mod authorization;
mod body;
mod error;
mod images;
mod listing;
mod registries;
mod repositories;
mod tags;

use crate::Server;
use crate::auth::KnownPrincipal;
use crate::auth::sigv4::{self, Claim, SignatureError};
use crate::http::{Call, Response};
use access::Caller;
use body::RequestBody;
use bytes::Bytes;
use error::Failure;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body::Body;
use roadstead_model::aws::{self, Exception, Operation, validation};
use roadstead_registry::AccessKey;
use serde::Serialize;
use serde::de::DeserializeOwned;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// Answers one request to the control API. Every failure is an answer too.
pub async fn answer<B: Body<Data = Bytes> + Unpin>(server: &Server, call: &Call, body: B) -> Response {
    let operation = operation(&call.headers);
    match serve(server, call, operation, body).await {
        Ok(json) => reply(call, StatusCode::OK, json),
        Err(failure) => {
            let (status, json) = failure.worded(operation, &call.request_id);
            reply(call, status, json)
        }
    }
}

fn reply(call: &Call, status: StatusCode, json: Bytes) -> Response {
    let mut response = http::Response::new(json.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(aws::CONTENT_TYPE));
    if let Ok(id) = HeaderValue::from_str(&call.request_id) {
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
    let (operation, claim, key) = match identify(server, call, operation).await {
        Ok(identified) => identified,
        Err(failure) => {
            body::discard(body).await;
            return Err(failure);
        }
    };
    let body = body::read(body, operation.body_limit).await?;
    let principal = authenticate(call, &claim, key, &body)?;
    check_region(server, operation, &claim)?;
    let text = body.text()?;
    validation::validate(operation.input, text)?;
    let caller = access::authorize(server, call, operation, principal, text).await?;
    perform(&caller, text).await
}

/// What can be known without the body: the operation, what the signature claims, and the key that it claims to be made with.
async fn identify(
    server: &Server,
    call: &Call,
    operation: Option<&'static Operation>,
) -> Result<(&'static Operation, Claim, AccessKey), Failure> {
    let operation = operation.ok_or(Failure::UNKNOWN_OPERATION)?;
    let request = sigv4::Request::new(&call.method, &call.uri, &call.headers);
    let claim = sigv4::read(&request, &[aws::SIGNING_NAME], server.registry.now())?;
    match server.registry.access_key(&claim.access_key_id).await? {
        Some(key) if key.active => Ok((operation, claim, key)),
        _ => Err(SignatureError::UnknownKey.into()),
    }
}

fn authenticate(call: &Call, claim: &Claim, key: AccessKey, body: &RequestBody) -> Result<KnownPrincipal, Failure> {
    let request = sigv4::Request::new(&call.method, &call.uri, &call.headers);
    claim.verify(&request, body.bytes(), &key.secret)?;
    Ok(KnownPrincipal { identity: key.identity, access_key_id: key.id })
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
        "BatchDeleteImage" => encode(images::batch_delete_image(caller, decode(text)?).await?),
        "CreateRepository" => encode(repositories::create_repository(caller, decode(text)?).await?),
        "DeleteRepository" => encode(repositories::delete_repository(caller, decode(text)?).await?),
        "DescribeImages" => encode(images::describe_images(caller, decode(text)?).await?),
        "DescribeImageTags" => encode(tags::describe_image_tags(caller, decode(text)?).await?),
        "DescribeRegistries" => encode(registries::describe_registries(caller, decode(text)?).await?),
        "DescribeRepositories" => encode(repositories::describe_repositories(caller, decode(text)?).await?),
        "GetAuthorizationToken" => encode(authorization::get_authorization_token(caller, decode(text)?)),
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
