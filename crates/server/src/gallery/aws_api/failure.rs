//! Failures, with the names and texts of the control API.

use crate::aws_errors::{CommonError, SERVER_MESSAGE, document};
use crate::http::Call;
use crate::http::budget::Crowded;
use crate::http::request_body::ReceiveError;
use bytes::Bytes;
use http::StatusCode;
use roadstead_model::aws::gallery::Operation;
use roadstead_model::aws::{Exception, Invalid, Violation};
use roadstead_registry::Error;
use serde_json::Map;

/// Why a request failed.
#[derive(Debug)]
pub(super) enum Failure {
    Common(CommonError),
    Exception(Exception, String),
    /// The metadata cannot be read.
    Unreadable(Error),
}

impl Failure {
    /// The status, the body and the value of `Retry-After`. Logs the details of an internal error.
    pub(super) fn into_answer(self, call: &Call, operation: Operation) -> (StatusCode, Bytes, Option<&'static str>) {
        match self {
            Self::Common(CommonError { status, name, message, retry_after }) => (status, document(name, message, Map::new()), retry_after),
            Self::Exception(exception, message) => {
                (StatusCode::BAD_REQUEST, document(exception.as_str(), Some(&message), Map::new()), None)
            }
            Self::Unreadable(error) => {
                tracing::error!(%error, request_id = call.request_id(), operation = operation.name(), "the operation failed");
                let body = document(Exception::Server.as_str(), Some(SERVER_MESSAGE), Map::new());
                (StatusCode::INTERNAL_SERVER_ERROR, body, None)
            }
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match &error {
            Error::RegistryNotFound(alias) => {
                Self::Exception(Exception::RegistryNotFound, format!("The registry with alias '{alias}' does not exist"))
            }
            Error::RepositoryNotFound(_) => Self::Exception(Exception::RepositoryNotFound, error.to_string()),
            _ => Self::Unreadable(error),
        }
    }
}

impl From<CommonError> for Failure {
    fn from(error: CommonError) -> Self {
        Self::Common(error)
    }
}

impl From<ReceiveError> for Failure {
    fn from(error: ReceiveError) -> Self {
        Self::Common(error.into())
    }
}

impl From<Crowded> for Failure {
    fn from(crowded: Crowded) -> Self {
        Self::Common(crowded.into())
    }
}

impl From<Violation> for Failure {
    fn from(violation: Violation) -> Self {
        Self::Exception(Exception::InvalidParameter, violation.to_string())
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
