//! Request bodies, limited by the operation and the memory budget.

use super::error::Failure;
use crate::aws_errors::CommonError;
use crate::http::Call;
use crate::http::budget::Holder;
use crate::http::request_body::{self, ReceiveError, Received};
use crate::server::Server;
use bytes::Bytes;
use http_body::Body;
use roadstead_model::aws::{Operation, Request};

/// The limit without a signature, in bytes. Reading public data needs only a few names.
pub(super) const UNSIGNED_LIMIT: usize = 16 * 1024;
/// The size in bytes above which the decoded request is charged to the memory budget.
const DECODED: usize = 64 * 1024;

/// A whole body and its share of the memory budget.
#[derive(Debug)]
pub(super) struct RequestBody(Received);

impl RequestBody {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    /// Charges the decoded request to its sender. Small requests are too short-lived to matter.
    pub(super) async fn decoded_for(&mut self, holder: impl FnOnce() -> Holder) -> Result<(), Failure> {
        let length = self.0.bytes.len();
        if length > DECODED {
            self.0.share.pass_to(holder());
            self.0.share.hold(2 * length).await.map_err(Failure::Crowded)?;
        }
        Ok(())
    }

    /// Decodes the request and frees its text. The share remains for the decoded request.
    pub(super) fn request(&mut self, operation: Operation) -> Result<Request, Failure> {
        let bytes = std::mem::take(&mut self.0.bytes);
        let text = std::str::from_utf8(&bytes).map_err(|_| CommonError::SERIALIZATION)?;
        Ok(Request::read(operation, text)?)
    }
}

/// Receives a body of at most `limit` bytes, charged to `holder`.
pub(super) async fn read<B: Body<Data = Bytes> + Unpin>(
    server: &Server,
    call: &Call,
    holder: Holder,
    mut body: B,
    limit: usize,
) -> Result<RequestBody, Failure> {
    let received = request_body::read(&mut body, limit, &call.headers, holder, server.config.body_pace).await;
    Ok(RequestBody(received?))
}

impl From<ReceiveError> for Failure {
    fn from(error: ReceiveError) -> Self {
        match error {
            ReceiveError::Crowded(crowded) => Self::Crowded(crowded),
            other => CommonError::from(other).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Budget;
    use http::StatusCode;
    use roadstead_model::aws::authorization::GetAuthorizationTokenRequest;

    #[tokio::test]
    async fn an_empty_body_is_an_empty_object_and_other_bytes_than_text_are_none() {
        let request = |bytes: &'static [u8]| {
            let share = Budget::new(1 << 20).anonymous(std::net::IpAddr::from([192, 0, 2, 1])).nothing();
            let mut body = RequestBody(Received { bytes: Bytes::from_static(bytes), share });
            body.request(Operation::GetAuthorizationToken).map_err(|failure| failure.into_answer(None, "").0)
        };
        let empty = Request::GetAuthorizationToken(GetAuthorizationTokenRequest {});
        assert_eq!(request(b"").as_ref(), Ok(&empty));
        assert_eq!(request(b"{ }"), Ok(empty));
        assert_eq!(request(&[0xff]), Err(StatusCode::BAD_REQUEST));
    }
}
