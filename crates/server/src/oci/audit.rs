//! The audit log of this door: pushes, deletions and refusals.

use super::access::Target;
use super::failure::Failure;
use super::operation::{Content, Endpoint, Operation, Route};
use super::route;
use crate::http::Call;
use crate::server::Server;
use roadstead_model::Arn;

/// The name of this door in metrics.
const DOOR: &str = "oci";

/// Records an authorized write.
pub(super) fn note_write(call: &Call, target: &Target, operation: &Operation) {
    if is_audited(operation) {
        let arn = Arn::Repository(target.repository().clone()).to_string();
        call.trace.note_write(action(operation), arn, object(operation));
    }
}

/// Records why a request failed. Returns the failure to respond with: 429 if the client has failed to authenticate too often.
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
        _ if route::is_token(call.uri.path()) => call.trace.note_attempt("oci:Token", Default::default),
        _ => call.trace.note_attempt("oci:Authenticate", Default::default),
    }
    call.trace.note_refusal(refusal.reason.as_str());
    if !refusal.is_bad_login {
        return failure;
    }
    let counted = if refusal.is_guess { server.limiters.failed_logins.count(call, None) } else { Ok(()) };
    server.telemetry.login_failed(DOOR, counted.is_err());
    counted.map_or_else(Failure::from, |()| failure)
}

/// Whether the audit log records the operation. It omits reads, and the chunks of an upload because it records the completion.
fn is_audited(operation: &Operation) -> bool {
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

/// Returns the tags, digest or upload that the operation acts on.
fn object(operation: &Operation) -> Option<String> {
    match operation {
        Operation::DeleteManifest(reference) => Some(reference.to_string()),
        Operation::PutManifest { reference, tags } => {
            let further = tags.iter().map(ToString::to_string).filter(|tag| *tag != reference.to_string());
            Some(std::iter::once(reference.to_string()).chain(further).collect::<Vec<_>>().join(" "))
        }
        Operation::DeleteBlob(digest) | Operation::PushBlob(digest) | Operation::MountBlob { digest, from: None } => {
            Some(digest.to_string())
        }
        Operation::MountBlob { digest, from: Some(place) } => Some(format!("{digest} from {place}")),
        Operation::GetUpload(id) | Operation::AppendUpload(id) | Operation::CancelUpload(id) => Some(id.clone()),
        Operation::CompleteUpload { id, digest } => Some(format!("{digest} from {id}")),
        Operation::StartUpload(_) | Operation::ListTags(_) => None,
        Operation::ListReferrers { subject, .. } => Some(subject.to_string()),
    }
}
