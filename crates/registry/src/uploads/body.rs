//! Bodies of requests.

use bytes::Bytes;
use std::future::Future;

/// A body that ended early, because its connection failed or its client stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyError;

/// The body of a request, as it is received.
pub trait PartBody: Send {
    /// Returns the next bytes, or `None` at the end.
    fn next(&mut self) -> impl Future<Output = Option<std::result::Result<Bytes, BodyError>>> + Send;
}

/// A body in memory.
pub(super) struct Buffered(pub(super) Option<Bytes>);

impl PartBody for Buffered {
    async fn next(&mut self) -> Option<std::result::Result<Bytes, BodyError>> {
        self.0.take().map(Ok)
    }
}
