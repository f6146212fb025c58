//! The socket of a connection, which records its reads and writes.

use super::lingering_close::LingeringClose;
use crate::http::Activity;
use crate::telemetry::Telemetry;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Records in [`Activity`] when bytes pass, and in [`Telemetry`] how many.
pub(super) struct MonitoredStream {
    /// Exposed for peeking only: reads and writes must go through the wrapper.
    pub(super) tcp: TcpStream,
    activity: Arc<Activity>,
    lingering: Option<LingeringClose>,
    telemetry: Telemetry,
}

impl MonitoredStream {
    pub(super) fn new(tcp: TcpStream, activity: Arc<Activity>, telemetry: Telemetry) -> Self {
        Self { tcp, activity, lingering: None, telemetry }
    }

    fn record_write(&self, result: &Poll<io::Result<usize>>) {
        self.activity.set_blocked(result.is_pending());
        if let Poll::Ready(Ok(length)) = result {
            self.activity.sent();
            self.telemetry.bytes_sent(*length);
        }
    }
}

impl AsyncRead for MonitoredStream {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.tcp).poll_read(context, buffer);
        let length = buffer.filled().len() - before;
        if length > 0 {
            self.activity.received();
            // Between requests, bytes belong to an incomplete head.
            if !self.activity.has_request() {
                self.activity.set_unread(true);
            }
            self.telemetry.bytes_received(length);
        }
        result
    }
}

impl AsyncWrite for MonitoredStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.tcp).poll_write(context, bytes);
        self.record_write(&result);
        result
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.tcp).poll_write_vectored(context, slices);
        self.record_write(&result);
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut lingering = match self.lingering.take() {
            Some(lingering) => lingering,
            None => {
                ready!(Pin::new(&mut self.tcp).poll_shutdown(context))?;
                if !self.activity.has_unread() {
                    return Poll::Ready(Ok(()));
                }
                LingeringClose::begin()
            }
        };
        let polled = lingering.poll(&mut self, context);
        self.lingering = Some(lingering);
        polled.map(Ok)
    }
}
