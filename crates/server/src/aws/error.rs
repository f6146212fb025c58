//! Failures, with their AWS names, statuses and messages.

use crate::auth::Denied;
use crate::auth::sigv4::SignatureError;
use crate::aws_errors::{CommonError, SERVER_MESSAGE, document};
use crate::http::budget::Crowded;
use crate::rates::TooFast;
use bytes::Bytes;
use http::StatusCode;
use roadstead_model::aws::{Exception, Invalid, Operation, Violation};
use roadstead_registry::Error;
use serde_json::{Map, Value, json};

/// Why a request failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// An error of the registry crate.
    Registry(Error),
    /// An exception of the service model, raised by this door.
    Exception(Exception, String),
    /// The signature is missing or invalid.
    Signature(SignatureError),
    /// An error that every AWS service may return (API reference, "Common errors"), raised by this door.
    Common(StatusCode, &'static str, Option<String>),
    /// The memory budget has no room for the request or its response.
    Crowded(Crowded),
}

impl Failure {
    /// AWS sends no message.
    pub(super) const UNKNOWN_OPERATION: Self = Self::Common(StatusCode::BAD_REQUEST, "UnknownOperationException", None);

    pub(super) fn exception(exception: Exception, message: impl Into<String>) -> Self {
        Self::Exception(exception, message.into())
    }

    fn common(name: &'static str, message: impl Into<String>) -> Self {
        Self::Common(StatusCode::BAD_REQUEST, name, Some(message.into()))
    }

    /// Whether the request was refused rather than failed, and the reason for the audit log. The reason has no secrets.
    pub(super) fn reason(&self) -> (bool, String) {
        match self {
            Self::Signature(error) => (*error != SignatureError::Missing, error.exception().to_owned()),
            Self::Common(_, "AccessDeniedException", Some(sentence)) => (true, sentence.clone()),
            Self::Common(_, name, _) => (*name == "ThrottlingException", (*name).to_owned()),
            Self::Crowded(crowded) => (true, CommonError::from(*crowded).name.to_owned()),
            Self::Exception(exception, _) => (false, exception.as_str().to_owned()),
            Self::Registry(error) => {
                let is_limit = matches!(
                    error,
                    Error::LimitExceeded(_)
                        | Error::LayerTooLarge { .. }
                        | Error::TooManyUploads { .. }
                        | Error::TooManyResourceTags { .. }
                );
                (is_limit, translated(error).0.as_str().to_owned())
            }
        }
    }

    /// The value of `Retry-After`, in seconds.
    pub(super) const fn retry_after(&self) -> Option<&'static str> {
        match self {
            Self::Crowded(_) => Some(Crowded::RETRY_AFTER),
            _ => None,
        }
    }

    /// The status and the body of the response. Logs the details of an internal error.
    pub(super) fn into_answer(self, operation: Option<Operation>, request_id: &str) -> (StatusCode, Bytes) {
        let operation_name = operation.map_or("", Operation::name);
        let (status, name, message, details) = match self {
            Self::Registry(error) => {
                let (exception, message) = exception_of(&error, operation);
                if exception.is_fault() {
                    tracing::error!(request_id, operation = operation_name, %error, "the operation failed");
                }
                (status_of(exception), exception.as_str(), Some(message), details_of(&error))
            }
            Self::Exception(exception, message) => (status_of(exception), exception.as_str(), Some(message), Map::new()),
            Self::Signature(error) => (StatusCode::BAD_REQUEST, error.exception(), Some(error.to_string()), Map::new()),
            Self::Common(status, name, message) => (status, name, message, Map::new()),
            Self::Crowded(crowded) => {
                let CommonError { status, name, message, .. } = crowded.into();
                (status, name, message.map(str::to_owned), Map::new())
            }
        };
        tracing::debug!(request_id, operation = operation_name, exception = name, message, "refused");
        (status, document(name, message.as_deref(), details))
    }
}

fn status_of(exception: Exception) -> StatusCode {
    if exception.is_fault() { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::BAD_REQUEST }
}

/// The exception for a failure of `operation`. Clients know only the exceptions that the operation declares.
fn exception_of(error: &Error, operation: Option<Operation>) -> (Exception, String) {
    let (exception, message) = translated(error);
    // InitiateLayerUpload does not declare LimitExceededException, but SDKs wait and retry after it.
    let is_retried = matches!(error, Error::TooManyUploads { .. });
    let declared = |exception| is_retried || operation.is_none_or(|operation| operation.declares(exception));
    let fallback = if exception == Exception::RegistryNotFound && declared(Exception::RepositoryNotFound) {
        Exception::RepositoryNotFound
    } else {
        Exception::InvalidParameter
    };
    (if declared(exception) { exception } else { fallback }, message)
}

/// Exhaustive, so that a new error does not compile without an exception.
fn translated(error: &Error) -> (Exception, String) {
    let at =
        |member: &str, constraint: &dyn std::fmt::Display| (Exception::InvalidParameter, Violation::new(member, constraint).to_string());
    let exception = match error {
        Error::RegistryNotFound(id) => {
            return (Exception::RegistryNotFound, format!("The registry with id '{id}' does not exist"));
        }
        Error::RepositoryNotFound { .. } => Exception::RepositoryNotFound,
        Error::RepositoryExists { .. } => Exception::RepositoryAlreadyExists,
        Error::RepositoryNotEmpty { .. } => Exception::RepositoryNotEmpty,
        Error::ImageNotFound { .. } => Exception::ImageNotFound,
        Error::ImageExists { .. } => Exception::ImageAlreadyExists,
        Error::PreconditionFailed => Exception::ImageTagAlreadyExists,
        Error::LayersNotFound { .. } => Exception::LayersNotFound,
        Error::ReferencedImagesNotFound { .. } => Exception::ReferencedImagesNotFound,
        Error::ManifestDigestMismatch { .. } => Exception::ImageDigestDoesNotMatch,
        Error::LayerDigestMismatch { .. } => Exception::InvalidLayer,
        // AWS capitalises `ImageManifest` and `PolicyText` (oras-project/oras#690).
        Error::ManifestInvalid(reason) => return at("ImageManifest", reason),
        Error::MediaTypeFixed { .. } => return at("imageManifestMediaType", error),
        Error::AnswerTooLarge { .. } => return at("imageIds", error),
        Error::ManifestTooLarge => return at("ImageManifest", &"must have length less than or equal to 4194304"),
        Error::LayerNotFound(_) => Exception::LayersNotFound,
        Error::UploadNotFound { .. } => Exception::UploadNotFound,
        Error::LayerPartInvalid { .. } | Error::UploadBusy { .. } => Exception::InvalidLayerPart,
        Error::LayerPartTooSmall => Exception::LayerPartTooSmall,
        Error::UploadEmpty { .. } => Exception::EmptyUpload,
        Error::LayerExists { .. } => Exception::LayerAlreadyExists,
        Error::PolicyNotFound { .. } => Exception::RepositoryPolicyNotFound,
        // Terraform retries if it finds exactly this sentence.
        Error::PolicyInvalid(_) => return at("PolicyText", &"Invalid repository policy provided"),
        Error::PolicyLocksOut => return at("PolicyText", error),
        Error::LogoInvalid(reason) => return at("logoImageBlob", reason),
        Error::ResourceTagInvalid(_) => Exception::InvalidTagParameter,
        Error::TooManyResourceTags { .. } => Exception::TooManyTags,
        Error::LayerTooLarge { .. } | Error::LimitExceeded(_) | Error::TooManyUploads { .. } => Exception::LimitExceeded,
        Error::NameInvalid { member, reason } => return at(member, reason),
        Error::StillNeeded { .. } | Error::BodyIncomplete => Exception::InvalidParameter,
        // Errors of the command line only.
        Error::AlreadyExists(_) | Error::PrincipalNotFound(_) | Error::Refused(_) => Exception::InvalidParameter,
        Error::Unavailable(_) | Error::Damaged(_) | Error::Internal(_) => return (Exception::Server, SERVER_MESSAGE.to_owned()),
    };
    (exception, error.to_string())
}

/// The members of an exception besides its message.
fn details_of(error: &Error) -> Map<String, Value> {
    let mut details = Map::new();
    if let Error::LayerPartInvalid { repository, id, received } | Error::UploadBusy { repository, id, received } = error {
        details.insert("registryId".to_owned(), json!(repository.registry.as_str()));
        details.insert("repositoryName".to_owned(), json!(repository.name.as_str()));
        details.insert("uploadId".to_owned(), json!(id));
        if let Some(last) = received.checked_sub(1) {
            details.insert("lastValidByteReceived".to_owned(), json!(last));
        }
    }
    details
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Registry(error)
    }
}

impl From<SignatureError> for Failure {
    fn from(error: SignatureError) -> Self {
        Self::Signature(error)
    }
}

impl From<Denied> for Failure {
    fn from(denied: Denied) -> Self {
        Self::common("AccessDeniedException", denied.to_string())
    }
}

impl From<TooFast> for Failure {
    fn from(too_fast: TooFast) -> Self {
        Self::common("ThrottlingException", too_fast.to_string())
    }
}

impl From<Violation> for Failure {
    fn from(violation: Violation) -> Self {
        Self::exception(Exception::InvalidParameter, violation.to_string())
    }
}

impl From<CommonError> for Failure {
    fn from(error: CommonError) -> Self {
        Self::Common(error.status, error.name, error.message.map(str::to_owned))
    }
}

impl From<Invalid> for Failure {
    fn from(invalid: Invalid) -> Self {
        match invalid {
            Invalid::Malformed => CommonError::SERIALIZATION.into(),
            Invalid::Violation(violation) => violation.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use roadstead_model::{RegistryId, RepositoryKey, RepositoryName};

    fn worded(failure: impl Into<Failure>, operation: &str) -> (u16, Value) {
        let (status, body) = failure.into().into_answer(Operation::find(operation), "id");
        (status.as_u16(), serde_json::from_slice(&body).expect("JSON"))
    }

    fn repository() -> RepositoryKey {
        let registry = RegistryId::parse("123456789012").expect("an id");
        RepositoryKey::new(registry, RepositoryName::parse("team/app").expect("a name"))
    }

    fn repository_not_found() -> Error {
        Error::RepositoryNotFound(repository())
    }

    #[test]
    fn a_missing_repository_has_awss_wording() {
        let message = "The repository with name 'team/app' does not exist in the registry with id '123456789012'";
        let expected = json!({"__type": "RepositoryNotFoundException", "message": message});
        assert_eq!(worded(repository_not_found(), "DescribeImageTags"), (400, expected));
    }

    #[test]
    fn no_text_of_an_internal_error_reaches_the_client() {
        for error in [Error::Internal("secret".into()), Error::Unavailable("secret".into())] {
            let (status, body) = worded(error, "DescribeImageTags");
            assert_eq!((status, &body["__type"]), (500, &json!("ServerException")));
            assert!(!body.to_string().contains("secret"));
        }
    }

    #[test]
    fn an_exception_that_the_operation_does_not_declare_falls_back_to_one_that_it_does() {
        let kind = |error: Error, operation: &str| worded(error, operation).1["__type"].clone();
        let unknown = || Error::RegistryNotFound("111122223333".into());
        assert_eq!(kind(unknown(), "PutImage"), "RegistryNotFoundException");
        assert_eq!(kind(unknown(), "DescribeImages"), "RepositoryNotFoundException");
        assert_eq!(kind(unknown(), "DescribeRegistries"), "InvalidParameterException");
        assert_eq!(kind(Error::LimitExceeded("full".into()), "CreateRepository"), "LimitExceededException");
        assert_eq!(kind(Error::LimitExceeded("full".into()), "DescribeImages"), "InvalidParameterException");
    }

    #[test]
    fn an_invalid_part_reports_the_committed_offset() {
        let at = |received| Error::LayerPartInvalid { repository: repository(), id: "u".into(), received };
        let answer = worded(at(10), "UploadLayerPart").1;
        assert_eq!(answer["lastValidByteReceived"], 9);
        assert_eq!((&answer["registryId"], &answer["repositoryName"]), (&json!("123456789012"), &json!("team/app")));
        assert_eq!(answer["uploadId"], "u");
        assert_eq!(worded(at(0), "UploadLayerPart").1.get("lastValidByteReceived"), None);
    }

    #[test]
    fn crowding_is_reported_by_errors_that_sdks_retry() {
        for (crowded, status, name) in [(Crowded::ByCaller, 400, "ThrottlingException"), (Crowded::InAll, 503, "ServiceUnavailable")] {
            assert!(Failure::Crowded(crowded).retry_after().is_some());
            let (worded, body) = worded(Failure::Crowded(crowded), "UploadLayerPart");
            assert_eq!((worded, &body["__type"]), (status, &json!(name)));
        }
    }

    #[test]
    fn an_unknown_operation_has_no_message() {
        assert_eq!(worded(Failure::UNKNOWN_OPERATION, ""), (400, json!({"__type": "UnknownOperationException"})));
    }
}
