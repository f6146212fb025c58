//! Maps errors of the registry, of rate limits and of routing to failures with the codes of the OCI distribution specification.

use super::failure::{Code, Failure};
use super::operation::{Place, RouteError};
use super::range::received_range;
use crate::http::budget::Crowded;
use crate::http::request_body::ReceiveError;
use crate::rates::{Refusal, TooFast};
use http::StatusCode;
use http::header::{ALLOW, RANGE, RETRY_AFTER};
use roadstead_registry::Error;

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (status, code) = classify(&error);
        match error {
            Error::Unavailable(_) => return Self::within(status, "the storage cannot serve now", error).with(RETRY_AFTER, "5"),
            Error::Damaged(_) | Error::Internal(_) => return Self::within(status, "internal error", error),
            _ => {}
        }
        let failure = Self::new(status, code, error.to_string());
        match error {
            Error::LimitExceeded(_) | Error::LayerTooLarge { .. } => failure.refused(),
            Error::TooManyUploads { .. } => failure.with(RETRY_AFTER, "10").refused(),
            Error::LayerPartInvalid { received, .. } | Error::UploadBusy { received, .. } => failure.with(RANGE, received_range(received)),
            Error::StillNeeded { .. } => failure.with(ALLOW, "GET, HEAD"),
            _ => failure,
        }
    }
}

/// The status and code of each error of the registry.
fn classify(error: &Error) -> (StatusCode, Code) {
    match error {
        Error::RegistryNotFound(_) | Error::RepositoryNotFound { .. } => (StatusCode::NOT_FOUND, Code::NameUnknown),
        Error::NameInvalid { .. } => (StatusCode::BAD_REQUEST, Code::NameInvalid),
        Error::ImageNotFound { .. } => (StatusCode::NOT_FOUND, Code::ManifestUnknown),
        Error::PreconditionFailed => (StatusCode::PRECONDITION_FAILED, Code::PreconditionFailed),
        Error::LayersNotFound { .. } | Error::ReferencedImagesNotFound { .. } => (StatusCode::NOT_FOUND, Code::ManifestBlobUnknown),
        Error::ManifestDigestMismatch { .. } | Error::LayerDigestMismatch { .. } => (StatusCode::BAD_REQUEST, Code::DigestInvalid),
        Error::ManifestInvalid(_) | Error::MediaTypeFixed { .. } => (StatusCode::BAD_REQUEST, Code::ManifestInvalid),
        Error::ManifestTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, Code::ManifestInvalid),
        Error::LayerNotFound(_) => (StatusCode::NOT_FOUND, Code::BlobUnknown),
        Error::LayerTooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, Code::SizeInvalid),
        Error::LayerPartTooSmall => (StatusCode::BAD_REQUEST, Code::SizeInvalid),
        Error::LayerPartInvalid { .. } | Error::UploadBusy { .. } => (StatusCode::RANGE_NOT_SATISFIABLE, Code::BlobUploadInvalid),
        Error::UploadNotFound { .. } => (StatusCode::NOT_FOUND, Code::BlobUploadUnknown),
        Error::UploadEmpty { .. } | Error::BodyIncomplete => (StatusCode::BAD_REQUEST, Code::BlobUploadInvalid),
        Error::LimitExceeded(_) => (StatusCode::FORBIDDEN, Code::Denied),
        // Unlike other limits this one is temporary, and clients retry after 429.
        Error::TooManyUploads { .. } => (StatusCode::TOO_MANY_REQUESTS, Code::TooManyRequests),
        Error::StillNeeded { .. } => (StatusCode::METHOD_NOT_ALLOWED, Code::Unsupported),
        Error::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, Code::Unknown),
        Error::Damaged(_) | Error::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, Code::Unknown),
        // Errors of operations that this door does not offer.
        Error::AnswerTooLarge { .. }
        | Error::RepositoryExists { .. }
        | Error::RepositoryNotEmpty { .. }
        | Error::LayerExists { .. }
        | Error::ImageExists { .. }
        | Error::PolicyNotFound { .. }
        | Error::PolicyInvalid(_)
        | Error::PolicyLocksOut
        | Error::LogoInvalid(_)
        | Error::ResourceTagInvalid(_)
        | Error::TooManyResourceTags { .. }
        | Error::AlreadyExists(_)
        | Error::PrincipalNotFound(_)
        | Error::Refused(_) => (StatusCode::BAD_REQUEST, Code::Unsupported),
    }
}

/// The messages are those of Amazon ECR Public. An exhausted volume is 403, because clients retry after 429.
impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::TooFast(too_fast) => too_fast.into(),
            Refusal::Spent => Self::new(StatusCode::FORBIDDEN, Code::Denied, "Data limit exceeded").refused(),
        }
    }
}

impl From<TooFast> for Failure {
    fn from(too_fast: TooFast) -> Self {
        let TooFast(wait) = too_fast;
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let failure = Self::new(StatusCode::TOO_MANY_REQUESTS, Code::TooManyRequests, too_fast.to_string());
        failure.with(RETRY_AFTER, seconds.to_string()).refused()
    }
}

impl From<Crowded> for Failure {
    fn from(crowded: Crowded) -> Self {
        let failure = match crowded {
            Crowded::ByCaller => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, Code::TooManyRequests, "too much is being received or sent for this caller")
            }
            Crowded::InAll => Self::new(StatusCode::SERVICE_UNAVAILABLE, Code::Unknown, "too much is being received or sent"),
        };
        failure.with(RETRY_AFTER, Crowded::RETRY_AFTER)
    }
}

impl Failure {
    /// An unknown alias is reported as an unknown repository, as Amazon ECR Public does.
    pub(super) fn in_place(error: Error, place: &Place) -> Self {
        match error {
            Error::RegistryNotFound(_) => {
                let (name, alias) = (&place.repository, &place.alias);
                let message = format!("The repository with name '{name}' does not exist in the registry with id '{alias}'");
                Self::new(StatusCode::NOT_FOUND, Code::NameUnknown, message)
            }
            error => error.into(),
        }
    }

    /// A failure to receive a body, with `code` if the body is at fault.
    pub(super) fn of_body(halted: ReceiveError, code: Code) -> Self {
        match halted {
            ReceiveError::TooLarge => Self::new(StatusCode::PAYLOAD_TOO_LARGE, code, "the body is too large"),
            ReceiveError::TooSlow => Self::new(StatusCode::REQUEST_TIMEOUT, code, "the body came too slowly"),
            ReceiveError::Broken => Self::new(StatusCode::BAD_REQUEST, code, "the body ended early"),
            ReceiveError::Crowded(crowded) => crowded.into(),
        }
    }
}

impl From<RouteError> for Failure {
    fn from(error: RouteError) -> Self {
        let (status, code) = match &error {
            RouteError::UnknownPath => (StatusCode::NOT_FOUND, Code::Unsupported),
            RouteError::UnknownMethod { .. } => (StatusCode::METHOD_NOT_ALLOWED, Code::Unsupported),
            RouteError::NoAlias(_) | RouteError::Name { .. } => (StatusCode::BAD_REQUEST, Code::NameInvalid),
            RouteError::Digest(_) | RouteError::NoDigest => (StatusCode::BAD_REQUEST, Code::DigestInvalid),
            RouteError::Tag(_) => (StatusCode::BAD_REQUEST, Code::TagInvalid),
            RouteError::TooManyTags => (StatusCode::URI_TOO_LONG, Code::TagInvalid),
            RouteError::PageSize => (StatusCode::BAD_REQUEST, Code::Unsupported),
        };
        let failure = Self::new(status, code, error.to_string());
        match error {
            RouteError::UnknownMethod { allow } => failure.with(ALLOW, allow),
            _ => failure,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;
    use roadstead_model::{Algorithm, Digest, RegistryAlias, RegistryId, RepositoryKey, RepositoryName};

    async fn answer(failure: Failure) -> (StatusCode, http::HeaderMap, String) {
        let (head, body) = failure.into_response().into_parts();
        let bytes = body.collect().await.expect("a body in memory").to_bytes();
        (head.status, head.headers, String::from_utf8(bytes.to_vec()).expect("JSON"))
    }

    #[tokio::test]
    async fn the_text_of_an_internal_error_never_leaves_the_server() {
        for error in [Error::Internal("secret at /data".into()), Error::Unavailable("secret at /data".into())] {
            let (status, headers, body) = answer(error.into()).await;
            assert!(status.is_server_error() && !body.contains("secret"), "{body}");
            assert_eq!(headers.contains_key(RETRY_AFTER), status == StatusCode::SERVICE_UNAVAILABLE);
        }
    }

    /// Every error that names a registry. Add new ones here.
    fn naming_a_registry() -> Vec<Error> {
        let registry = RegistryId::parse("123456789012").expect("an id");
        // A name that equals the id must not be replaced.
        let name = RepositoryName::parse("123456789012").expect("a name");
        let (digest, id) = (Digest::of(Algorithm::Sha256, b"x"), "an-upload".to_owned());
        let digests = vec![digest.clone()];
        let quota = format!("The repository with name '{name}' in registry with id '{registry}' already has the maximum");
        let repository = RepositoryKey::new(registry, name);
        vec![
            Error::RepositoryNotFound(repository.clone()),
            Error::RepositoryExists(repository.clone()),
            Error::RepositoryNotEmpty(repository.clone()),
            Error::digest_not_found(&repository, &digest),
            Error::ImageExists { repository: repository.clone(), digest: digest.clone(), tag: None },
            Error::LayersNotFound { repository: repository.clone(), digests: digests.clone() },
            Error::ReferencedImagesNotFound { repository: repository.clone(), digests },
            Error::ManifestDigestMismatch { repository: repository.clone(), expected: digest.clone() },
            Error::UploadNotFound { repository: repository.clone(), id: id.clone() },
            Error::UploadEmpty { repository: repository.clone(), id },
            Error::LayerExists { repository: repository.clone(), digest },
            Error::PolicyNotFound(repository.clone()),
            Error::TooManyResourceTags { repository, limit: 50 },
            Error::LimitExceeded(quota),
        ]
    }

    #[test]
    fn an_error_names_the_alias_that_the_client_wrote_and_never_the_account() {
        let registry = RegistryId::parse("123456789012").expect("an id");
        let alias = RegistryAlias::parse("pier").expect("an alias");
        for error in naming_a_registry() {
            let told = error.to_string();
            let named = Failure::from(error).naming(&registry, &alias).message;
            assert_eq!(named.matches("'pier'").count(), 1, "{named}");
            assert_eq!(named.matches("'123456789012'").count(), 1, "only the repository's name is left: {named}");
            assert_eq!(named.len() + "123456789012".len(), told.len() + "pier".len(), "nothing else changes: {named}");
        }
    }

    #[tokio::test]
    async fn a_part_in_the_wrong_place_is_told_where_the_session_stands() {
        let registry = RegistryId::parse("123456789012").expect("an id");
        let repository = RepositoryKey::new(registry, RepositoryName::parse("team/app").expect("a name"));
        let misplaced = Error::LayerPartInvalid { repository, id: "u".into(), received: 100 };
        let (status, headers, body) = answer(misplaced.into()).await;
        assert_eq!((status, headers[RANGE].to_str().ok()), (StatusCode::RANGE_NOT_SATISFIABLE, Some("0-99")));
        assert!(body.starts_with(r#"{"errors":[{"code":"BLOB_UPLOAD_INVALID","message":"#), "{body}");
        assert_eq!(received_range(0), "0-0");
    }

    #[tokio::test]
    async fn a_body_that_was_not_received_is_told_why_and_when_to_come_again() {
        for (halted, status, code) in [
            (ReceiveError::TooLarge, 413, "SIZE_INVALID"),
            (ReceiveError::TooSlow, 408, "SIZE_INVALID"),
            (ReceiveError::Broken, 400, "SIZE_INVALID"),
            (ReceiveError::Crowded(Crowded::ByCaller), 429, "TOOMANYREQUESTS"),
            (ReceiveError::Crowded(Crowded::InAll), 503, "UNKNOWN"),
        ] {
            let (answered, headers, body) = answer(Failure::of_body(halted, Code::SizeInvalid)).await;
            assert_eq!(answered.as_u16(), status, "{halted:?}");
            assert!(body.contains(code), "{halted:?}: {body}");
            assert_eq!(headers.contains_key(RETRY_AFTER), matches!(halted, ReceiveError::Crowded(_)), "{halted:?}");
        }
    }

    #[tokio::test]
    async fn a_wrong_method_is_told_the_right_ones() {
        let (status, headers, _) = answer(RouteError::UnknownMethod { allow: "GET" }.into()).await;
        assert_eq!((status, headers[ALLOW].to_str().ok()), (StatusCode::METHOD_NOT_ALLOWED, Some("GET")));
    }
}
