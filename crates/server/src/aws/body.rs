//! Request bodies: each operation has its limit, and what they hold comes out of the server's budget of memory.

use super::error::Failure;
use crate::Server;
use crate::http::Call;
use crate::http::arriving::{self, Halted, Received};
use crate::http::budget::Holder;
use bytes::Bytes;
use http::StatusCode;
use http_body::Body;
use http_body_util::BodyExt;
use std::time::Duration;
use tokio::time::timeout;

/// The most that anybody sends without a signature: to describe what is public takes a few names.
pub(super) const UNSIGNED_LIMIT: usize = 16 * 1024;
/// From this size on what is decoded out of a body counts in the budget besides the body.
const DECODED: usize = 64 * 1024;
/// What is still received of a body that nobody will read, so that the client gets to see its answer.
const DISCARDED: usize = 32 * 1024 * 1024;
/// For how long a client may send nothing of such a body.
const PATIENCE: Duration = Duration::from_secs(30);

/// A whole body, and its share of the budget.
#[derive(Debug)]
pub(super) struct RequestBody(Received);

impl RequestBody {
    /// The body as it came.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    /// Makes room for what is decoded out of it, once it is known whose it is.
    pub(super) async fn decoded_for(&mut self, holder: Holder) -> Result<(), Failure> {
        let length = self.0.bytes.len();
        self.0.share.pass_to(holder);
        if length > DECODED { Ok(self.0.share.hold(2 * length).await.map_err(Halted::from)?) } else { Ok(()) }
    }

    /// The body as text. One without content counts as `{}`, as the awsJson1.1 protocol wants of servers.
    pub(super) fn text(&self) -> Result<&str, Failure> {
        match std::str::from_utf8(&self.0.bytes) {
            Ok("") => Ok("{}"),
            Ok(text) => Ok(text),
            Err(_) => Err(Failure::SERIALIZATION),
        }
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
    match arriving::read(&mut body, limit, &call.headers, holder, server.config.slowest_body).await {
        Ok(received) => Ok(RequestBody(received)),
        Err(halted) => {
            if halted == Halted::TooLarge {
                discard(body).await;
            }
            Err(halted.into())
        }
    }
}

/// Receives a body without keeping it: a connection that is closed with bytes unread takes the answer down with it.
pub(super) async fn discard<B: Body<Data = Bytes> + Unpin>(mut body: B) {
    let mut left = DISCARDED;
    while let Ok(Some(frame)) = next_frame(&mut body).await {
        match left.checked_sub(frame.len()) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}

/// The next data of a body; none at its end.
async fn next_frame<B: Body<Data = Bytes> + Unpin>(body: &mut B) -> Result<Option<Bytes>, Failure> {
    loop {
        match timeout(PATIENCE, body.frame()).await {
            Ok(None) => return Ok(None),
            Ok(Some(Ok(frame))) => {
                // Trailers are of no interest here.
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
            Ok(Some(Err(_))) | Err(_) => return Err(incomplete()),
        }
    }
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

    #[tokio::test]
    async fn an_empty_body_is_an_empty_object_and_other_bytes_than_text_are_none() {
        let text = |bytes: &'static [u8]| {
            let share = Budget::new(1 << 20).stranger(std::net::IpAddr::from([192, 0, 2, 1])).nothing();
            let body = RequestBody(Received { bytes: Bytes::from_static(bytes), share });
            body.text().map(str::to_owned).map_err(|failure| failure.worded(None, "").0)
        };
        assert_eq!(text(b""), Ok("{}".to_owned()));
        assert_eq!(text(b"{ }"), Ok("{ }".to_owned()));
        assert_eq!(text(&[0xff]), Err(StatusCode::BAD_REQUEST));
    }

    #[test]
    fn a_body_that_was_not_received_is_told_why() {
        let status = |halted: Halted| Failure::from(halted).worded(None, "").0;
        assert_eq!(status(Halted::TooLarge), StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!((status(Halted::TooSlow), status(Halted::Broken)), (StatusCode::REQUEST_TIMEOUT, StatusCode::REQUEST_TIMEOUT));
    }
}
