//! What is remembered of a request: one line in the access log and its share of the metrics, once its answer is sent.

use super::leaving::Held;
use super::{Body, Door, Response};
use crate::connection::{InFlight, Peer, data_moved};
use crate::rates::Charge;
use crate::telemetry::{Telemetry, access};
use bytes::Bytes;
use http::header::{HeaderName, USER_AGENT};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body::{Frame, SizeHint};
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

const TARGET: HeaderName = HeaderName::from_static("x-amz-target");
/// Text that a client chose is logged up to this many bytes.
const LONGEST_TEXT: usize = 512;

/// A request on its way. Dropping it writes the line: that happens when the last byte of the answer is handed to the
/// connection, and also when the client leaves before.
#[derive(Debug)]
pub(crate) struct Record {
    telemetry: Telemetry,
    door: Door,
    method: Method,
    begun: Instant,
    status: Option<StatusCode>,
    sent: u64,
    line: Option<Line>,
    charge: Option<Charge>,
    in_flight: InFlight,
}

/// What only the access log wants to know.
#[derive(Debug)]
struct Line {
    path: String,
    operation: Option<String>,
    client: IpAddr,
    request_id: String,
    user_agent: Option<String>,
}

impl Record {
    pub(crate) fn begin<B>(telemetry: &Telemetry, peer: &Peer, request: &Request<B>, door: Door, client: IpAddr, request_id: &str) -> Self {
        telemetry.request_begins();
        let line = access::is_on().then(|| Line {
            path: shortened(request.uri().path()),
            operation: if door == Door::Aws { text(request.headers(), &TARGET) } else { None },
            client,
            request_id: request_id.to_owned(),
            user_agent: text(request.headers(), &USER_AGENT),
        });
        Self {
            telemetry: telemetry.clone(),
            door,
            method: request.method().clone(),
            begun: Instant::now(),
            status: None,
            sent: 0,
            line,
            charge: None,
            in_flight: peer.begin_request(request.version()),
        }
    }

    /// The request that is under way.
    pub(crate) fn in_flight(&self) -> &InFlight {
        &self.in_flight
    }

    /// Goes along with the answer until its body is sent, as what is held for it does.
    pub(crate) fn answered_with(mut self, mut response: Response, held: Option<Arc<Held>>) -> http::Response<Recorded> {
        self.status = Some(response.status());
        self.charge = response.extensions_mut().remove();
        response.map(|body| Recorded { body, held, record: self })
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let duration = self.begun.elapsed();
        self.telemetry.request_ends(self.door.name(), &self.method, self.status, duration);
        if let Some(charge) = &self.charge {
            charge.add(self.sent);
        }
        if let Some(line) = &self.line {
            access::write(&access::Entry {
                method: self.method.as_str(),
                path: &line.path,
                status: self.status.map(|status| status.as_u16()),
                duration,
                bytes: self.sent,
                client: line.client,
                request_id: &line.request_id,
                operation: line.operation.as_deref(),
                user_agent: line.user_agent.as_deref(),
            });
        }
    }
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(shortened)
}

fn shortened(text: &str) -> String {
    text[..text.floor_char_boundary(LONGEST_TEXT)].to_owned()
}

/// The body of an answer, and the record of the request that it answers.
#[derive(Debug)]
pub(crate) struct Recorded {
    body: Body,
    held: Option<Arc<Held>>,
    record: Record,
}

impl Recorded {
    /// What the connection gets of the next bytes.
    fn hand(&mut self, data: Bytes) -> Bytes {
        self.record.sent += data.len() as u64;
        let Some(held) = &self.held else { return data };
        data_moved();
        held.hand(data)
    }
}

impl http_body::Body for Recorded {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let polled = ready!(Pin::new(&mut self.body).poll_frame(context));
        Poll::Ready(polled.map(|result| result.map(|frame| frame.map_data(|data| self.hand(data)))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
