//! What is remembered of a request: one line in the access log and its share of the metrics, once its answer is sent.

use super::door::Door;
use crate::admission::Forwarded;
use crate::audit::Audit;
use crate::http::held_response::Held;
use crate::http::{Body, InFlight, LONGEST_TEXT, Peer, Response, Trace, data_moved};
use crate::rates::Charge;
use crate::server::Server;
use crate::telemetry::{Telemetry, access};
use bytes::Bytes;
use http::header::{HeaderName, USER_AGENT};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body::{Frame, SizeHint};
use roadstead_model::measure::beginning;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

const TARGET: HeaderName = HeaderName::from_static("x-amz-target");

/// A request on its way. Dropping it writes the line: that happens when the last byte of the answer is handed to the
/// connection, and also when the client leaves before.
#[derive(Debug)]
pub(super) struct Record {
    telemetry: Telemetry,
    audit: Audit,
    door: Door,
    method: Method,
    begun: Instant,
    status: Option<StatusCode>,
    sent: u64,
    line: Option<Line>,
    trace: Arc<Trace>,
    charge: Option<Charge>,
    forwarded: Option<Forwarded>,
    in_flight: InFlight,
}

/// What only the access log wants to know.
#[derive(Debug)]
struct Line {
    path: String,
    operation: Option<String>,
    user_agent: Option<String>,
}

impl Record {
    pub(super) fn begin<B>(server: &Server, peer: &Peer, request: &Request<B>, door: Door, trace: Arc<Trace>) -> Self {
        server.telemetry.request_begins();
        let line = access::is_on().then(|| Line {
            path: shortened(request.uri().path()),
            operation: if door == Door::Aws { text(request.headers(), &TARGET) } else { None },
            user_agent: text(request.headers(), &USER_AGENT),
        });
        Self {
            telemetry: server.telemetry.clone(),
            audit: server.audit.clone(),
            door,
            method: request.method().clone(),
            begun: Instant::now(),
            status: None,
            sent: 0,
            line,
            trace,
            charge: None,
            forwarded: None,
            in_flight: peer.begin_request(request.version()),
        }
    }

    /// What is known of the request.
    pub(super) fn trace(&self) -> &Trace {
        &self.trace
    }

    /// The request that is under way.
    pub(super) fn in_flight(&self) -> &InFlight {
        &self.in_flight
    }

    /// Goes along with the answer until its body is sent, as what is held for it does.
    pub(super) fn answered_with(
        mut self,
        mut response: Response,
        forwarded: Option<Forwarded>,
        held: Option<Arc<Held>>,
    ) -> http::Response<Recorded> {
        self.forwarded = forwarded;
        self.status = Some(response.status());
        // Before the answer is sent: how slowly somebody reads it must not keep what he did out of the audit log.
        self.audit.request_over(&self.trace, self.status.map(|status| status.as_u16()));
        self.charge = response.extensions_mut().remove();
        response.map(|body| Recorded { body, held, record: self })
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let (duration, status) = (self.begun.elapsed(), self.status.map(|status| status.as_u16()));
        self.telemetry.request_ends(self.door.name(), &self.method, self.status, duration);
        if let Some(charge) = &self.charge {
            charge.add(self.sent);
        }
        if status.is_none() {
            self.audit.request_over(&self.trace, None);
        }
        if let Some(line) = &self.line {
            let caller = self.trace.caller().map(|known| &known.identity);
            access::write(&access::Entry {
                method: self.method.as_str(),
                path: &line.path,
                status,
                duration,
                bytes: self.sent,
                client: self.trace.client(),
                request_id: self.trace.request_id(),
                account: caller.map(|identity| identity.registry.as_str()),
                user: caller.and_then(|identity| identity.user.as_deref()),
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
    beginning(text, LONGEST_TEXT).to_owned()
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
