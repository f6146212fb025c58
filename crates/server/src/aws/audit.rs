//! The audit log of this door: writes and refused attempts.

use super::error::Failure;
use crate::auth::Resource;
use crate::auth::sigv4::{self, SignatureError};
use crate::http::Call;
use crate::rates::TooFast;
use crate::server::Server;
use roadstead_model::aws::{self, Operation, Request};

/// The name of this door in metrics.
const DOOR: &str = "aws";

/// Whether the operation is logged: all are except reads and the parts of an upload.
const fn is_audited(operation: Operation) -> bool {
    match operation {
        Operation::BatchDeleteImage
        | Operation::CompleteLayerUpload
        | Operation::CreateRepository
        | Operation::DeleteRepository
        | Operation::DeleteRepositoryPolicy
        | Operation::GetAuthorizationToken
        | Operation::InitiateLayerUpload
        | Operation::PutImage
        | Operation::PutRegistryCatalogData
        | Operation::PutRepositoryCatalogData
        | Operation::SetRepositoryPolicy
        | Operation::TagResource
        | Operation::UntagResource => true,
        Operation::BatchCheckLayerAvailability
        | Operation::DescribeImageTags
        | Operation::DescribeImages
        | Operation::DescribeRegistries
        | Operation::DescribeRepositories
        | Operation::GetRegistryCatalogData
        | Operation::GetRepositoryCatalogData
        | Operation::GetRepositoryPolicy
        | Operation::ListTagsForResource
        | Operation::UploadLayerPart => false,
    }
}

/// Records the write that a request attempts.
pub(super) fn note_write(call: &Call, request: &Request, resources: &[Resource]) {
    if !is_audited(request.operation()) {
        return;
    }
    let names: Vec<String> = resources.iter().filter_map(Resource::arn).collect();
    let resource = if names.is_empty() { "*".to_owned() } else { names.join(" ") };
    call.trace.note_write(request.operation().name(), resource, object(request));
}

/// The tags, digests or upload that the request names.
fn object(request: &Request) -> Option<String> {
    match request {
        Request::BatchDeleteImage(request) => {
            let named = request.image_ids.iter().flat_map(|image| [&image.image_tag, &image.image_digest]).flatten();
            Some(named.map(String::as_str).collect::<Vec<_>>().join(" "))
        }
        Request::PutImage(request) => {
            let named: Vec<_> = [&request.image_tag, &request.image_digest].into_iter().flatten().map(String::as_str).collect();
            Some(named.join(" ")).filter(|named| !named.is_empty())
        }
        Request::CompleteLayerUpload(request) => Some(request.upload_id.clone()),
        _ => None,
    }
}

/// Records why a request failed. Returns the failure for the response, which is only a request to slow down after too many
/// failed authentications.
pub(super) fn note_failure(server: &Server, call: &Call, action: &'static str, failure: Failure) -> Failure {
    let (is_refusal, reason) = failure.reason();
    if !is_refusal {
        call.trace.note_failure(&reason);
        return failure;
    }
    call.trace.note_attempt(action, Default::default);
    call.trace.note_refusal(reason);
    match failure {
        Failure::Signature(error) => note_signature(server, call, aws::SIGNING_NAME, &error).map_or_else(Failure::from, |()| error.into()),
        failure => failure,
    }
}

/// Counts an invalid signature, unless it is malformed or expired: that is no attempt to guess a secret.
pub(super) fn note_signature(server: &Server, call: &Call, service: &str, error: &SignatureError) -> Result<(), TooFast> {
    let request = sigv4::Request::new(&call.method, &call.uri, &call.headers);
    let held_back = match sigv4::read(&request, &[service], server.installation.now()) {
        Err(_) => Ok(()),
        Ok(claim) => {
            if *error != SignatureError::UnknownKey || is_access_key_id(&claim.access_key_id) {
                call.trace.note_claimed_key(&claim.access_key_id);
            }
            server.limiters.failed_logins.count(call, Some(&claim.access_key_id))
        }
    };
    server.telemetry.login_failed(DOOR, held_back.is_err());
    held_back
}

/// Whether the text has the form of an AWS access key id. Anything else might be a misplaced secret, which must not be logged.
fn is_access_key_id(id: &str) -> bool {
    let has_prefix = id.starts_with("AKIA") || id.starts_with("ASIA");
    has_prefix && id.len() <= 32 && id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_operations_except_reads_and_parts_are_audited() {
        let is_read = |name: &str| ["Describe", "List", "BatchCheck"].iter().any(|verb| name.starts_with(verb));
        for operation in Operation::ALL.iter().copied().filter(|operation| *operation != Operation::UploadLayerPart) {
            let gets = operation.name().starts_with("Get") && operation != Operation::GetAuthorizationToken;
            assert_eq!(is_audited(operation), !is_read(operation.name()) && !gets, "{operation:?}");
        }
    }

    #[test]
    fn a_secret_in_place_of_an_id_is_not_logged() {
        assert!(is_access_key_id("AKIAIOSFODNN7EXAMPLE"));
        assert!(!is_access_key_id("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY") && !is_access_key_id("DEADBEEFDEADBEEF"));
    }
}
