//! The failures of this door, with the error codes of the OCI distribution specification ("Error Codes").

use crate::http::{Reply, Response};
use http::StatusCode;
use http::header::HeaderName;
use roadstead_model::measure::{LONGEST_MESSAGE, beginning};
use roadstead_model::oci::{ErrorEntry, ErrorList};
use roadstead_model::{RegistryAlias, RegistryId};
use roadstead_registry::Error;

/// An error response, and the details that are logged.
#[derive(Debug)]
pub(super) struct Failure {
    status: StatusCode,
    code: Code,
    pub(super) message: String,
    headers: Vec<(HeaderName, String)>,
    /// The internal error, which is logged and never sent.
    cause: Option<Box<Error>>,
    refusal: Option<Box<Refused>>,
}

/// A refusal, for the audit log.
#[derive(Debug)]
pub(super) struct Refused {
    /// Contains no secrets.
    pub(super) reason: String,
    /// Whether credentials were bad.
    pub(super) is_bad_login: bool,
    /// Whether the credentials were never valid.
    pub(super) is_guess: bool,
}

/// An error code of the specification, or `PRECONDITION_FAILED` or `UNKNOWN`, for which it has none.
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

    /// A failure for an internal error, which is logged and never sent.
    pub(super) fn within(status: StatusCode, message: &str, cause: Error) -> Self {
        Self { cause: Some(Box::new(cause)), ..Self::new(status, Code::Unknown, message) }
    }

    /// Sets a header, replacing an earlier one of the same name.
    pub(super) fn with(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Records this in the audit log, with the message as the reason.
    pub(super) fn refused(self) -> Self {
        let reason = self.message.clone();
        self.refused_as(Refused { reason, is_bad_login: false, is_guess: false })
    }

    /// Records this in the audit log.
    pub(super) fn refused_as(mut self, refusal: Refused) -> Self {
        self.refusal = Some(Box::new(refusal));
        self
    }

    pub(super) fn refusal(&self) -> Option<&Refused> {
        self.refusal.as_deref()
    }

    pub(super) fn code(&self) -> &'static str {
        self.code.as_str()
    }

    /// Replaces the registry's id by the alias that the client used, so that the message does not reveal the account (observed on
    /// Amazon ECR Public: aws-samples/eks-alb-istio-with-tls#7). Replaces the id only after "registry with id" or "registry ID".
    pub(super) fn naming(mut self, registry: &RegistryId, alias: &RegistryAlias) -> Self {
        if self.message.contains(registry.as_str()) {
            for label in ["registry with id", "registry ID"] {
                self.message = self.message.replace(&format!("{label} '{registry}'"), &format!("{label} '{alias}'"));
            }
        }
        self
    }

    /// Whether the repository or its registry does not exist.
    pub(super) fn is_name_unknown(&self) -> bool {
        self.code == Code::NameUnknown
    }

    /// Logs the internal error, if there is one.
    pub(super) fn log(&self, request_id: &str) {
        if let Some(error) = &self.cause {
            tracing::error!(request_id, %error, "the request failed");
        }
    }

    pub(super) fn into_response(self) -> Response {
        let entry = ErrorEntry { code: self.code.as_str(), message: beginning(&self.message, LONGEST_MESSAGE) };
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
