//! Request bodies, limited by the operation and by the server's budget of memory.

use super::error::Failure;
use crate::http::Call;
use crate::http::budget::Holder;
use crate::http::request_body::{self, ReceiveError, Received};
use crate::server::Server;
use bytes::Bytes;
use http::StatusCode;
use http_body::Body;
use roadstead_model::aws::{Operation, Request};

/// The limit without a signature: describing what is public takes a few names.
pub(super) const UNSIGNED_LIMIT: usize = 16 * 1024;
/// From this size on the decoded request counts in the budget as well as the body.
const DECODED: usize = 64 * 1024;

/// A whole body, and its share of the budget.
#[derive(Debug)]
pub(super) struct RequestBody(Received);

impl RequestBody {
    /// The body as it came.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    /// Reserves room for the decoded request, on the share of its sender. Small requests are too short-lived to matter.
    pub(super) async fn decoded_for(&mut self, holder: impl FnOnce() -> Holder) -> Result<(), Failure> {
        let length = self.0.bytes.len();
        if length > DECODED {
            self.0.share.pass_to(holder());
            self.0.share.hold(2 * length).await.map_err(ReceiveError::from)?;
        }
        Ok(())
    }

    /// Decodes the request and frees its text. The share is kept for what was decoded.
    pub(super) fn request(&mut self, operation: Operation) -> Result<Request, Failure> {
        let bytes = std::mem::take(&mut self.0.bytes);
        let text = std::str::from_utf8(&bytes).map_err(|_| Failure::SERIALIZATION)?;
        Ok(Request::read(operation, text)?)
    }
}

/// Receives a body of at most `limit` bytes for `holder`.
pub(super) async fn read<B: Body<Data = Bytes> + Unpin>(
    server: &Server,
    call: &Call,
    holder: Holder,
    mut body: B,
    limit: usize,
) -> Result<RequestBody, Failure> {
    let received = request_body::read(&mut body, limit, &call.headers, holder, server.config.body_pace).await;
    Ok(RequestBody(received.map_err(Failure::from)?))
}

fn incomplete() -> Failure {
    let message = "The request body did not arrive in time.".to_owned();
    Failure::Common(StatusCode::REQUEST_TIMEOUT, "RequestTimeoutException", Some(message))
}

fn too_large() -> Failure {
    let message = "The request body is larger than this operation allows.".to_owned();
    Failure::Common(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLargeException", Some(message))
}

impl From<ReceiveError> for Failure {
    fn from(error: ReceiveError) -> Self {
        match error {
            ReceiveError::TooLarge => too_large(),
            ReceiveError::TooSlow | ReceiveError::Broken => incomplete(),
            ReceiveError::Crowded(crowded) => Self::Crowded(crowded),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Budget;
    use roadstead_model::aws::authorization::GetAuthorizationTokenRequest;

    #[tokio::test]
    async fn an_empty_body_is_an_empty_object_and_other_bytes_than_text_are_none() {
        let request = |bytes: &'static [u8]| {
            let share = Budget::new(1 << 20).anonymous(std::net::IpAddr::from([192, 0, 2, 1])).nothing();
            let mut body = RequestBody(Received { bytes: Bytes::from_static(bytes), share });
            body.request(Operation::GetAuthorizationToken).map_err(|failure| failure.worded(None, "").0)
        };
        let empty = Request::GetAuthorizationToken(GetAuthorizationTokenRequest {});
        assert_eq!(request(b"").as_ref(), Ok(&empty));
        assert_eq!(request(b"{ }"), Ok(empty));
        assert_eq!(request(&[0xff]), Err(StatusCode::BAD_REQUEST));
    }

    #[test]
    fn a_body_that_was_not_received_is_told_why() {
        let status = |error: ReceiveError| Failure::from(error).worded(None, "").0;
        assert_eq!(status(ReceiveError::TooLarge), StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(
            (status(ReceiveError::TooSlow), status(ReceiveError::Broken)),
            (StatusCode::REQUEST_TIMEOUT, StatusCode::REQUEST_TIMEOUT)
        );
    }
}
