//! Request bodies: each operation has its limit, and what they hold comes out of the server's budget of memory.

use super::error::Failure;
use crate::http::Call;
use crate::http::budget::Holder;
use crate::http::request_body::{self, Halted, Received};
use crate::server::Server;
use bytes::Bytes;
use http::StatusCode;
use http_body::Body;
use roadstead_model::aws::{Operation, Request};

/// The most that anybody sends without a signature: to describe what is public takes a few names.
pub(super) const UNSIGNED_LIMIT: usize = 16 * 1024;
/// From this size on what is decoded out of a body counts in the budget besides the body.
const DECODED: usize = 64 * 1024;

/// A whole body, and its share of the budget.
#[derive(Debug)]
pub(super) struct RequestBody(Received);

impl RequestBody {
    /// The body as it came.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    /// Makes room for what is decoded out of it, once it is known whose it is. What is small is gone before that matters.
    pub(super) async fn decoded_for(&mut self, holder: impl FnOnce() -> Holder) -> Result<(), Failure> {
        let length = self.0.bytes.len();
        if length > DECODED {
            self.0.share.pass_to(holder());
            self.0.share.hold(2 * length).await.map_err(Halted::from)?;
        }
        Ok(())
    }

    /// Reads the request, and lets go of its text: from here on the share stands for what was read out of it.
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

impl From<Halted> for Failure {
    fn from(halted: Halted) -> Self {
        match halted {
            Halted::TooLarge => too_large(),
            Halted::TooSlow | Halted::Broken => incomplete(),
            Halted::Crowded(crowded) => Self::Crowded(crowded),
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
            let share = Budget::new(1 << 20).stranger(std::net::IpAddr::from([192, 0, 2, 1])).nothing();
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
        let status = |halted: Halted| Failure::from(halted).worded(None, "").0;
        assert_eq!(status(Halted::TooLarge), StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!((status(Halted::TooSlow), status(Halted::Broken)), (StatusCode::REQUEST_TIMEOUT, StatusCode::REQUEST_TIMEOUT));
    }
}
