//! Request bodies: each operation has its limit, and the large ones share one budget of memory.

use super::error::Failure;
use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http_body::Body;
use http_body_util::BodyExt;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

const MIB: usize = 1024 * 1024;
/// What all bodies above one mebibyte may hold together, in mebibytes. What is decoded out of them comes on top, at
/// three quarters of their size.
const BUDGET_MIB: usize = 256;
/// How long a client may send nothing, and how long a large body waits for its share of the budget.
const PATIENCE: Duration = Duration::from_secs(30);

/// One for the process: memory is the process's, whatever number of servers it runs.
static BUDGET: Semaphore = Semaphore::const_new(BUDGET_MIB);

/// A whole body, and its share of the budget.
#[derive(Debug)]
pub(super) struct RequestBody {
    bytes: Bytes,
    _share: Option<SemaphorePermit<'static>>,
}

impl RequestBody {
    /// The body as it came.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The body as text. One without content counts as `{}`, as the awsJson1.1 protocol wants of servers.
    pub(super) fn text(&self) -> Result<&str, Failure> {
        match std::str::from_utf8(&self.bytes) {
            Ok("") => Ok("{}"),
            Ok(text) => Ok(text),
            Err(_) => Err(Failure::SERIALIZATION),
        }
    }
}

/// Receives a body of at most `limit` bytes.
pub(super) async fn read<B: Body<Data = Bytes> + Unpin>(mut body: B, limit: usize) -> Result<RequestBody, Failure> {
    let announced = body.size_hint();
    if announced.lower() > limit as u64 {
        return Err(too_large());
    }
    let most = announced.upper().and_then(|size| usize::try_from(size).ok()).unwrap_or(limit).min(limit);
    let share = share_of(most).await?;
    let mut bytes = BytesMut::new();
    while let Some(frame) = next_frame(&mut body).await? {
        if bytes.len() + frame.len() > limit {
            return Err(too_large());
        }
        bytes.extend_from_slice(&frame);
    }
    Ok(RequestBody { bytes: bytes.freeze(), _share: share })
}

async fn share_of(size: usize) -> Result<Option<SemaphorePermit<'static>>, Failure> {
    if size <= MIB {
        return Ok(None);
    }
    let mebibytes = u32::try_from(size.div_ceil(MIB).min(BUDGET_MIB)).unwrap_or(1);
    match timeout(PATIENCE, BUDGET.acquire_many(mebibytes)).await {
        Ok(Ok(share)) => Ok(Some(share)),
        _ => Err(Failure::common("ThrottlingException", "Rate exceeded")),
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

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{Full, StreamBody};

    async fn length(size: usize, limit: usize) -> Result<usize, StatusCode> {
        let body = Full::new(Bytes::from(vec![b'x'; size]));
        read(body, limit).await.map(|body| body.bytes().len()).map_err(|failure| failure.worded(None, "").0)
    }

    #[tokio::test]
    async fn a_body_may_be_as_large_as_the_limit_and_no_larger() {
        assert_eq!(length(10, 10).await, Ok(10));
        assert_eq!(length(11, 10).await, Err(StatusCode::PAYLOAD_TOO_LARGE));
        assert_eq!(length(2 * MIB, 2 * MIB).await, Ok(2 * MIB));
    }

    #[tokio::test]
    async fn a_body_of_unannounced_length_is_cut_off_at_the_limit() {
        let frames = (0..5).map(|_| Ok::<_, std::io::Error>(http_body::Frame::data(Bytes::from_static(b"1234"))));
        let body = StreamBody::new(futures_util::stream::iter(frames));
        let failure = read(body, 10).await.expect_err("20 bytes");
        assert_eq!(failure.worded(None, "").0, StatusCode::PAYLOAD_TOO_LARGE);
    }

    #[tokio::test]
    async fn a_large_body_gives_its_share_of_the_budget_back() {
        let body = read(Full::new(Bytes::from(vec![0; 3 * MIB + 1])), 28 * MIB).await.expect("fits");
        assert_eq!(body._share.as_ref().map(SemaphorePermit::num_permits), Some(4));
        drop(body);
        for _ in 0..200 {
            assert_eq!(length(3 * MIB, 28 * MIB).await, Ok(3 * MIB));
        }
    }

    #[tokio::test]
    async fn a_connection_that_breaks_is_no_short_body() {
        let frames = [Ok(http_body::Frame::data(Bytes::from_static(b"{}"))), Err(std::io::Error::other("reset"))];
        let body = StreamBody::new(futures_util::stream::iter(frames));
        assert_eq!(read(body, 10).await.expect_err("broken").worded(None, "").0, StatusCode::REQUEST_TIMEOUT);
    }

    #[tokio::test]
    async fn an_empty_body_is_an_empty_object_and_other_bytes_than_text_are_none() {
        let text = async |bytes: &'static [u8]| {
            let body = read(Full::new(Bytes::from_static(bytes)), 10).await.expect("fits");
            body.text().map(str::to_owned).map_err(|failure| failure.worded(None, "").0)
        };
        assert_eq!(text(b"").await, Ok("{}".to_owned()));
        assert_eq!(text(b"{ }").await, Ok("{ }".to_owned()));
        assert_eq!(text(&[0xff]).await, Err(StatusCode::BAD_REQUEST));
    }
}
