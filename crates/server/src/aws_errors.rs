//! The errors that every AWS service may return (API reference, "Common errors"), and the document of any error, for the control
//! API and for the gallery's operations.

use crate::http::budget::Crowded;
use crate::http::request_body::ReceiveError;
use bytes::Bytes;
use http::StatusCode;
use roadstead_model::measure::{LONGEST_MESSAGE, beginning};
use serde_json::{Map, Value, json};

/// The message for an internal error. Its details are logged but not disclosed.
pub(crate) const SERVER_MESSAGE: &str = "The server failed to process the request. Try again later.";

/// An error that every AWS service may return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CommonError {
    pub(crate) status: StatusCode,
    pub(crate) name: &'static str,
    pub(crate) message: Option<&'static str>,
    /// The value of `Retry-After`, in seconds.
    pub(crate) retry_after: Option<&'static str>,
}

impl CommonError {
    /// The body is not a JSON object. AWS sends no message.
    pub(crate) const SERIALIZATION: Self =
        Self { status: StatusCode::BAD_REQUEST, name: "SerializationException", message: None, retry_after: None };

    const fn new(status: StatusCode, name: &'static str, message: &'static str) -> Self {
        Self { status, name, message: Some(message), retry_after: None }
    }
}

/// The errors for a caller that exceeds its limits and for an overloaded server. SDKs retry after both.
impl From<Crowded> for CommonError {
    fn from(crowded: Crowded) -> Self {
        let error = match crowded {
            Crowded::ByCaller => Self::new(StatusCode::BAD_REQUEST, "ThrottlingException", "Rate exceeded"),
            Crowded::InAll => {
                let message = "The request has failed due to a temporary failure of the server.";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", message)
            }
        };
        Self { retry_after: Some(Crowded::RETRY_AFTER), ..error }
    }
}

impl From<ReceiveError> for CommonError {
    fn from(error: ReceiveError) -> Self {
        match error {
            ReceiveError::TooLarge => {
                let message = "The request body is larger than this operation allows.";
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLargeException", message)
            }
            ReceiveError::TooSlow | ReceiveError::Broken => {
                Self::new(StatusCode::REQUEST_TIMEOUT, "RequestTimeoutException", "The request body did not arrive in time.")
            }
            ReceiveError::Crowded(crowded) => crowded.into(),
        }
    }
}

/// The JSON document of an error, with the members that its exception has besides the message.
pub(crate) fn document(name: &str, message: Option<&str>, mut details: Map<String, Value>) -> Bytes {
    details.insert("__type".to_owned(), json!(name));
    if let Some(message) = message {
        details.insert("message".to_owned(), json!(beginning(message, LONGEST_MESSAGE)));
    }
    Value::Object(details).to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_to_receive_a_body_has_its_status() {
        for (error, status, name) in [
            (ReceiveError::TooLarge, 413, "RequestEntityTooLargeException"),
            (ReceiveError::TooSlow, 408, "RequestTimeoutException"),
            (ReceiveError::Broken, 408, "RequestTimeoutException"),
            (ReceiveError::Crowded(Crowded::ByCaller), 400, "ThrottlingException"),
            (ReceiveError::Crowded(Crowded::InAll), 503, "ServiceUnavailable"),
        ] {
            let found = CommonError::from(error);
            assert_eq!((found.status.as_u16(), found.name), (status, name));
            assert_eq!(found.retry_after.is_some(), matches!(error, ReceiveError::Crowded(_)));
        }
    }

    #[test]
    fn long_messages_are_truncated() {
        let document = document("Any", Some(&"ä".repeat(1 << 20)), Map::new());
        let document: Value = serde_json::from_slice(&document).expect("JSON");
        let message = document["message"].as_str().expect("a message");
        assert!((LONGEST_MESSAGE - 1..=LONGEST_MESSAGE).contains(&message.len()), "{}", message.len());
    }
}
