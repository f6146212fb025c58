//! A failure of this door, in the error codes of the OCI distribution specification ("Error Codes"), and what the logs are told
//! of it.

use crate::http::{Reply, Response};
use http::StatusCode;
use http::header::HeaderName;
use roadstead_model::measure::{LONGEST_MESSAGE, beginning};
use roadstead_model::oci::{ErrorEntry, ErrorList};
use roadstead_model::{RegistryAlias, RegistryId};
use roadstead_registry::Error;

/// Why a request is not answered with what it asked for.
#[derive(Debug)]
pub(super) struct Failure {
    status: StatusCode,
    code: Code,
    pub(super) message: String,
    headers: Vec<(HeaderName, String)>,
    /// What went wrong within; it is logged and never sent.
    cause: Option<Box<Error>>,
    refusal: Option<Box<Refused>>,
}

/// What the audit log is told of somebody who was refused.
#[derive(Debug, Default)]
pub(super) struct Refused {
    /// Why, in words that tell no secret.
    pub(super) reason: String,
    /// Whether it is for credentials that are not good.
    pub(super) is_bad_login: bool,
    /// Whether they never were.
    pub(super) is_guess: bool,
}

/// An error code of the specification, and two of our own for what it has no word for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    BlobUnknown,
    BlobUploadInvalid,
    BlobUploadUnknown,
    Denied,
    DigestInvalid,
    ManifestBlobUnknown,
    ManifestInvalid,
    ManifestUnknown,
    NameInvalid,
    NameUnknown,
    PreconditionFailed,
    SizeInvalid,
    TagInvalid,
    TooManyRequests,
    Unknown,
    Unsupported,
}

impl Code {
    const fn as_str(self) -> &'static str {
        match self {
            Self::BlobUnknown => "BLOB_UNKNOWN",
            Self::BlobUploadInvalid => "BLOB_UPLOAD_INVALID",
            Self::BlobUploadUnknown => "BLOB_UPLOAD_UNKNOWN",
            Self::Denied => "DENIED",
            Self::DigestInvalid => "DIGEST_INVALID",
            Self::ManifestBlobUnknown => "MANIFEST_BLOB_UNKNOWN",
            Self::ManifestInvalid => "MANIFEST_INVALID",
            Self::ManifestUnknown => "MANIFEST_UNKNOWN",
            Self::NameInvalid => "NAME_INVALID",
            Self::NameUnknown => "NAME_UNKNOWN",
            Self::PreconditionFailed => "PRECONDITION_FAILED",
            Self::SizeInvalid => "SIZE_INVALID",
            Self::TagInvalid => "TAG_INVALID",
            Self::TooManyRequests => "TOOMANYREQUESTS",
            Self::Unknown => "UNKNOWN",
            Self::Unsupported => "UNSUPPORTED",
        }
    }
}

impl Failure {
    pub(super) fn new(status: StatusCode, code: Code, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), headers: Vec::new(), cause: None, refusal: None }
    }

    /// A failure within, which is logged and never sent.
    pub(super) fn within(status: StatusCode, message: &str, cause: Error) -> Self {
        Self { cause: Some(Box::new(cause)), ..Self::new(status, Code::Unknown, message) }
    }

    /// The same with a header; a further one of the same name replaces it.
    pub(super) fn with(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The same, for the audit log to hear of.
    pub(super) fn refused(mut self, refusal: Refused) -> Self {
        self.refusal = Some(Box::new(refusal));
        self
    }

    /// What the audit log is to hear of, if somebody was refused.
    pub(super) fn refusal(&self) -> Option<&Refused> {
        self.refusal.as_deref()
    }

    /// The code that the client is told.
    pub(super) fn code(&self) -> &'static str {
        self.code.as_str()
    }

    /// The same with the alias in the place of the registry's id: at this door a registry is called as the client called it, and
    /// the account behind it is not named (observed on Amazon ECR Public: aws-samples/eks-alb-istio-with-tls#7). The registry's
    /// texts say what the id is the id of, so that nothing else is taken for it.
    pub(super) fn naming(mut self, registry: &RegistryId, alias: &RegistryAlias) -> Self {
        if self.message.contains(registry.as_str()) {
            for what in ["registry with id", "registry ID"] {
                self.message = self.message.replace(&format!("{what} '{registry}'"), &format!("{what} '{alias}'"));
            }
        }
        self
    }

    /// Whether the repository or its registry does not exist.
    pub(super) fn is_name_unknown(&self) -> bool {
        self.code == Code::NameUnknown
    }

    /// Logs what went wrong within, if something did.
    pub(super) fn log(&self, request_id: &str) {
        if let Some(error) = &self.cause {
            tracing::error!(request_id, %error, "the request failed");
        }
    }

    pub(super) fn into_response(self) -> Response {
        let entry = ErrorEntry { code: self.code.as_str(), message: beginning(&self.message, LONGEST_MESSAGE), detail: None };
        let reply = Reply::json(self.status, &ErrorList { errors: vec![entry] });
        self.headers.into_iter().fold(reply, |reply, (name, value)| reply.with(name, &value)).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    #[tokio::test]
    async fn a_message_has_an_end() {
        let response = Failure::new(StatusCode::BAD_REQUEST, Code::NameInvalid, "ä".repeat(1 << 20)).into_response();
        let body = response.into_body().collect().await.expect("a body in memory").to_bytes();
        let body = String::from_utf8(body.to_vec()).expect("JSON");
        assert_eq!(body.matches('ä').count(), LONGEST_MESSAGE / 2);
    }
}
