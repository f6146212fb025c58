//! The audit log of this door: pushes, deletions, and refused attempts.

use super::access::Target;
use super::failure::Failure;
use super::operation::{Content, Endpoint, Operation, Route};
use super::route;
use crate::http::Call;
use crate::server::Server;
use roadstead_model::Arn;

/// The name of this door in metrics.
const DOOR: &str = "oci";

/// Notes an authorized write. Reads are not noted, and neither are the chunks of an upload, since its completion is.
pub(super) fn note_write(call: &Call, target: &Target, operation: &Operation) {
    if !is_heard(operation) {
        return;
    }
    let arn = Arn::Repository(target.repository().clone()).to_string();
    call.trace.note_write(action(operation), arn, object(operation));
}

/// Notes why a request failed, and returns the failure to respond with: 429 if the client has failed to authenticate too often.
pub(super) fn note_failure(server: &Server, call: &Call, failure: Failure) -> Failure {
    let Some(refusal) = failure.refusal() else {
        call.trace.note_failure(failure.code());
        return failure;
    };
    match route::parse(&call.method, call.uri.path(), call.uri.query()) {
        Ok(Route::Pull(place, content)) => {
            let action = match content {
                Content::Manifest(_) => "oci:GetManifest",
                Content::Blob(_) => "oci:GetBlob",
            };
            call.trace.note_attempt(action, || (Some(place.to_string()), Some(content.to_string())));
        }
        Ok(Route::Other(Endpoint::Repository(place, operation))) => {
            call.trace.note_attempt(action(&operation), || (Some(place.to_string()), object(&operation)));
        }
        _ if route::token(&call.method, call.uri.path()).is_some() => call.trace.note_attempt("oci:Token", Default::default),
        _ => call.trace.note_attempt("oci:Authenticate", Default::default),
    }
    call.trace.note_refusal(refusal.reason.as_str());
    if !refusal.is_bad_login {
        return failure;
    }
    let held_back = if refusal.is_guess { server.failed_logins.count(call, None) } else { Ok(()) };
    server.telemetry.login_failed(DOOR, held_back.is_err());
    held_back.map_or_else(Failure::from, |()| failure)
}

fn is_heard(operation: &Operation) -> bool {
    match operation {
        Operation::PutManifest { .. }
        | Operation::DeleteManifest(_)
        | Operation::DeleteBlob(_)
        | Operation::StartUpload(_)
        | Operation::PushBlob(_)
        | Operation::MountBlob { .. }
        | Operation::CompleteUpload { .. }
        | Operation::CancelUpload(_) => true,
        Operation::GetUpload(_) | Operation::AppendUpload(_) | Operation::ListTags(_) | Operation::ListReferrers { .. } => false,
    }
}

fn action(operation: &Operation) -> &'static str {
    match operation {
        Operation::PutManifest { .. } => "oci:PutManifest",
        Operation::DeleteManifest(_) => "oci:DeleteManifest",
        Operation::DeleteBlob(_) => "oci:DeleteBlob",
        Operation::StartUpload(_) => "oci:StartUpload",
        Operation::PushBlob(_) => "oci:PushBlob",
        Operation::MountBlob { .. } => "oci:MountBlob",
        Operation::GetUpload(_) => "oci:GetUpload",
        Operation::AppendUpload(_) => "oci:AppendUpload",
        Operation::CompleteUpload { .. } => "oci:CompleteUpload",
        Operation::CancelUpload(_) => "oci:CancelUpload",
        Operation::ListTags(_) => "oci:ListTags",
        Operation::ListReferrers { .. } => "oci:ListReferrers",
    }
}

/// The tags, digest or upload that the operation acts on.
fn object(operation: &Operation) -> Option<String> {
    match operation {
        Operation::DeleteManifest(reference) => Some(reference.to_string()),
        Operation::PutManifest { reference, tags } => {
            let further = tags.iter().map(ToString::to_string).filter(|tag| *tag != reference.to_string());
            Some(std::iter::once(reference.to_string()).chain(further).collect::<Vec<_>>().join(" "))
        }
        Operation::DeleteBlob(digest) | Operation::PushBlob(digest) => Some(digest.to_string()),
        Operation::MountBlob { digest, from: None } => Some(digest.to_string()),
        Operation::MountBlob { digest, from: Some(place) } => Some(format!("{digest} from {place}")),
        Operation::GetUpload(id) | Operation::AppendUpload(id) | Operation::CancelUpload(id) => Some(id.clone()),
        Operation::CompleteUpload { id, digest } => Some(format!("{digest} from {id}")),
        Operation::StartUpload(_) | Operation::ListTags(_) => None,
        Operation::ListReferrers { subject, .. } => Some(subject.to_string()),
    }
}
