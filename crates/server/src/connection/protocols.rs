//! The protocols of a connection, and the limits of each.

use super::http2_frames::PendingStreams;
use super::http2_streams::StreamExecutor;
use crate::config::Config;
use crate::http::MAX_HEADERS;
use crate::http::held_response::SEND_BUFFER;
use hyper_util::rt::TokioTimer;
use hyper_util::server::conn::auto;

/// The maximum size of an HTTP/1.1 request head.
const MAX_HEAD_BYTES: usize = 32 * 1024;
/// The maximum size of an HTTP/2 request head. Smaller, because a connection may hold an incomplete head besides those of its
/// streams.
const MAX_STREAM_HEAD_BYTES: u32 = 8 * 1024;
/// Concurrent streams per connection: more than registry clients use, and few enough for the state that h2 keeps of each, which
/// is in no budget.
const MAX_STREAMS: u32 = 32;
/// Flow-control windows: large enough for an upload at full speed, small enough for many connections.
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;

pub(super) type Builder = auto::Builder<StreamExecutor>;

/// A builder for each outcome of the negotiation.
pub(super) struct Protocols {
    /// Nothing was negotiated: the first bytes decide.
    pub(super) any: Builder,
    pub(super) http1: Builder,
    pub(super) http2: Builder,
    pub(super) pending_streams: PendingStreams,
}

impl Protocols {
    pub(super) fn new(config: &Config) -> Self {
        let pending_streams = PendingStreams::default();
        let mut any = auto::Builder::new(StreamExecutor { patience: config.stall_timeout, pending_streams: pending_streams.clone() });
        // `Activity` limits how long a head takes, with one timer per connection instead of one per request.
        any.http1().header_read_timeout(None).max_headers(MAX_HEADERS).max_buf_size(MAX_HEAD_BYTES);
        any.http2()
            .timer(TokioTimer::new())
            .max_header_list_size(MAX_STREAM_HEAD_BYTES)
            .max_send_buf_size(SEND_BUFFER)
            .max_concurrent_streams(MAX_STREAMS)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW);
        Self { http1: any.clone().http1_only(), http2: any.clone().http2_only(), any, pending_streams }
    }
}
