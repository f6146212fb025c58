//! The protocols that connections speak, and their limits.

use super::http2_frames::NewStreams;
use super::http2_streams::Streams;
use crate::config::Config;
use crate::http::MAX_HEADERS;
use crate::http::held_response::SEND_BUFFER;
use hyper_util::rt::TokioTimer;
use hyper_util::server::conn::auto;

/// How many bytes the head of a request may have.
const MAX_HEAD_BYTES: usize = 32 * 1024;
/// The same over HTTP/2, where each connection may have one that is not complete beside those of its streams.
const MAX_STREAM_HEAD_BYTES: u32 = 8 * 1024;
/// Requests at once on one HTTP/2 connection: more than clients of registries have, and few enough for the state that h2 keeps of
/// each, which is in no budget.
const MAX_STREAMS: u32 = 32;
/// What an HTTP/2 client may send ahead: enough for an upload at full speed, little enough for many of them.
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;

/// The protocols and their limits.
pub(super) type Builder = auto::Builder<Streams>;

fn protocols(config: &Config, new: NewStreams) -> Builder {
    let mut builder = auto::Builder::new(Streams { patience: config.stall_timeout, new });
    // `Activity` watches how long a head takes, with one timer for the connection instead of one for each request.
    builder.http1().header_read_timeout(None).max_headers(MAX_HEADERS).max_buf_size(MAX_HEAD_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(MAX_STREAM_HEAD_BYTES)
        .max_send_buf_size(SEND_BUFFER)
        .max_concurrent_streams(MAX_STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW);
    builder
}

/// What is spoken where.
pub(super) struct Protocols {
    /// Where nothing was agreed on: told by the first bytes.
    pub(super) any: Builder,
    pub(super) http1: Builder,
    pub(super) http2: Builder,
    pub(super) new_streams: NewStreams,
}

impl Protocols {
    pub(super) fn new(config: &Config) -> Self {
        let new_streams = NewStreams::default();
        let any = protocols(config, new_streams.clone());
        Self { http1: any.clone().http1_only(), http2: any.clone().http2_only(), any, new_streams }
    }
}
