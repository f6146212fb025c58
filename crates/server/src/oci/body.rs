//! Request bodies, streamed into the registry or read into memory up to a limit.

use super::failure::{Code, Failure};
use crate::http::Call;
use crate::http::budget::{REQUEST, Share};
use crate::http::request_body::{self, Pace, ReceiveError, Received};
use crate::server::Server;
use bytes::Bytes;
use hyper::body::Incoming;
use roadstead_registry::{BodyError, Error, PartBody};

/// The maximum memory of a streamed body in bytes: two batches being written, and the bytes that the connection has buffered.
const STREAMED: u64 = 768 * 1024;

/// A body that is streamed into an upload session.
pub(super) struct Chunks<'a> {
    body: &'a mut Incoming,
    pace: Pace,
    share: Share,
    received: u64,
    /// The bytes of the announced length that have not arrived, or `None` if no length was announced.
    remaining: Option<u64>,
    /// Why the server stopped receiving. `None` if the client stopped sending.
    halted: Option<ReceiveError>,
}

impl<'a> Chunks<'a> {
    /// `length` is announced by `Content-Range`. A body of another length is incomplete.
    pub(super) fn new(server: &Server, call: &Call, body: &'a mut Incoming, length: Option<u64>) -> Self {
        let share = server.budget.sender(&call.trace).nothing();
        Self { body, pace: Pace::new(server.config.body_pace), share, received: 0, remaining: length, halted: None }
    }

    /// Replaces [`Error::BodyIncomplete`] by the reason if the server stopped receiving.
    pub(super) fn failure(&self, error: Error) -> Failure {
        match (&error, self.halted) {
            (Error::BodyIncomplete, Some(halted)) => Failure::of_body(halted, Code::BlobUploadInvalid),
            _ => error.into(),
        }
    }

    async fn receive(&mut self) -> Result<Option<Bytes>, ReceiveError> {
        let Some(bytes) = self.pace.next(self.body).await? else { return Ok(None) };
        if self.received < STREAMED {
            let held = (self.received + bytes.len() as u64).min(STREAMED);
            self.share.hold(REQUEST + held as usize).await?;
        }
        self.received += bytes.len() as u64;
        Ok(Some(bytes))
    }

    /// Subtracts `bytes` from the announced length. Fails if they exceed it.
    fn count(&mut self, bytes: Bytes) -> Result<Bytes, BodyError> {
        if let Some(remaining) = &mut self.remaining {
            *remaining = remaining.checked_sub(bytes.len() as u64).ok_or(BodyError)?;
        }
        Ok(bytes)
    }
}

impl PartBody for Chunks<'_> {
    async fn next(&mut self) -> Option<Result<Bytes, BodyError>> {
        match self.receive().await {
            Ok(Some(bytes)) => Some(self.count(bytes)),
            Ok(None) if self.remaining.is_some_and(|remaining| remaining > 0) => Some(Err(BodyError)),
            Ok(None) => None,
            Err(halted) => {
                self.halted = Some(halted).filter(|halted| *halted != ReceiveError::Broken);
                Some(Err(BodyError))
            }
        }
    }
}

/// Reads a body of at most `maximum` bytes into memory.
pub(super) async fn read(server: &Server, call: &Call, body: &mut Incoming, maximum: usize) -> Result<Received, ReceiveError> {
    request_body::read(body, maximum, &call.headers, server.budget.sender(&call.trace), server.config.body_pace).await
}
