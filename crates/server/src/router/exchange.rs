//! Metrics, logs and the trace of a request and its response, from the head of the request to the last byte of the response.

use super::door::Door;
use crate::admission::ForwardedRequest;
use crate::audit::Audit;
use crate::http::held_response::HeldResponse;
use crate::http::{Body, InFlight, LONGEST_TEXT, Peer, Response, Trace, data_moved};
use crate::rates::Charge;
use crate::server::Server;
use crate::telemetry::{RequestSpan, Telemetry, access};
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
use tracing::Span;

const TARGET: HeaderName = HeaderName::from_static("x-amz-target");

/// Moves with a request, and then with the body of its response. Dropping it updates the metrics and writes the line of the access
/// log, when the connection has taken the last byte of the response or the client has disconnected.
#[derive(Debug)]
pub(super) struct Exchange {
    telemetry: Telemetry,
    audit: Audit,
    method: Method,
    begun: Instant,
    status: Option<StatusCode>,
    sent: u64,
    line: Option<Line>,
    traced: Option<Box<RequestSpan>>,
    pub(super) trace: Arc<Trace>,
    charge: Option<Charge>,
    forwarded: Option<ForwardedRequest>,
    pub(super) in_flight: InFlight,
}

/// Fields of the access log and of the span only.
#[derive(Debug)]
struct Line {
    is_logged: bool,
    path: String,
    operation: Option<String>,
    user_agent: Option<String>,
}

impl Exchange {
    pub(super) fn begin<B>(server: &Server, peer: &Peer, request: &Request<B>, door: Door, trace: Arc<Trace>) -> Self {
        trace.is_for(door.class());
        server.telemetry.request_begins(door.class());
        let traced = RequestSpan::begin(&server.config.traces, request.headers());
        let is_logged = access::is_on();
        let line = (is_logged || traced.is_some()).then(|| Line {
            is_logged,
            path: shortened(request.uri().path()),
            operation: if door == Door::Aws { text(request.headers(), &TARGET) } else { None },
            user_agent: text(request.headers(), &USER_AGENT),
        });
        Self {
            telemetry: server.telemetry.clone(),
            audit: server.audit.clone(),
            method: request.method().clone(),
            begun: Instant::now(),
            status: None,
            sent: 0,
            line,
            traced,
            trace,
            charge: None,
            forwarded: None,
            in_flight: peer.begin_request(request.version()),
        }
    }

    /// The span that the request runs in, which is none unless it is traced.
    pub(super) fn span(&self) -> Span {
        self.traced.as_ref().map_or_else(Span::none, |traced| traced.span())
    }

    /// Attaches the exchange, and the share of the budget, to the body of the response.
    pub(super) fn answered_with(
        mut self,
        mut response: Response,
        forwarded: Option<ForwardedRequest>,
        held: Option<Arc<HeldResponse>>,
    ) -> http::Response<ExchangeBody> {
        self.forwarded = forwarded;
        self.status = Some(response.status());
        // Before the response is sent, because a slow client must not delay the audit log.
        self.audit.request_ended(&self.trace, self.status.map(|status| status.as_u16()));
        self.charge = response.extensions_mut().remove();
        response.map(|body| ExchangeBody { body, held, exchange: self })
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let (duration, status) = (self.begun.elapsed(), self.status.map(|status| status.as_u16()));
        self.telemetry.request_ends(self.trace.class(), &self.method, self.status, duration);
        if let Some(charge) = &self.charge {
            charge.add(self.sent);
        }
        if status.is_none() {
            self.audit.request_ended(&self.trace, None);
        }
        if let Some(line) = &self.line {
            let caller = self.trace.caller().map(|known| &known.identity);
            let entry = access::Entry {
                method: beginning(self.method.as_str(), LONGEST_TEXT),
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
                trace_id: self.traced.as_ref().map(|traced| traced.trace_id()),
            };
            if let Some(traced) = &self.traced {
                traced.describe(self.trace.class(), &entry);
            }
            if line.is_logged {
                access::write(&entry);
            }
        }
    }
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(shortened)
}

fn shortened(text: &str) -> String {
    beginning(text, LONGEST_TEXT).to_owned()
}

/// The body of a response, with its exchange.
#[derive(Debug)]
pub(crate) struct ExchangeBody {
    body: Body,
    held: Option<Arc<HeldResponse>>,
    exchange: Exchange,
}

impl ExchangeBody {
    /// Counts bytes that are passed to the connection.
    fn hand(&mut self, data: Bytes) -> Bytes {
        self.exchange.sent += data.len() as u64;
        let Some(held) = &self.held else { return data };
        data_moved();
        held.hand(data)
    }
}

impl http_body::Body for ExchangeBody {
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
