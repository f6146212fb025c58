//! The bodies of requests.

use bytes::Bytes;
use std::future::Future;

/// The connection failed, or the client stopped before the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyError;

/// The body of a request, as it arrives.
pub trait PartBody: Send {
    /// The next bytes; `None` at the end.
    fn next(&mut self) -> impl Future<Output = Option<std::result::Result<Bytes, BodyError>>> + Send;
}

/// A body that is in memory already.
pub(super) struct Buffered(pub(super) Option<Bytes>);

impl PartBody for Buffered {
    async fn next(&mut self) -> Option<std::result::Result<Bytes, BodyError>> {
        self.0.take().map(Ok)
    }
}
