//! A connection to a server, reopened after the server has closed it.

use crate::failure::{Result, failure};
use crate::payload::Payload;
use bytes::{Bytes, BytesMut};
use http::header::HOST;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body_util::BodyExt;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Large, so that reading downloads costs the client little.
const READ_BUFFER: usize = 256 * 1024;

pub(crate) struct Client {
    authority: String,
    sender: Option<SendRequest<Payload>>,
}

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// Empty if the body was discarded.
    pub(crate) body: Bytes,
    /// The length of the body in bytes, also if it was discarded.
    pub(crate) length: u64,
}

/// A request that can be sent any number of times.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Payload,
    pub(crate) expected: &'static [u16],
}

impl Request {
    pub(crate) fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), headers: HeaderMap::new(), payload: Payload::default(), expected: &[200] }
    }

    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        // All values are valid in headers: digests, media types, base64.
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    pub(crate) fn body(mut self, payload: impl Into<Payload>) -> Self {
        self.payload = payload.into();
        self
    }

    pub(crate) fn expect(mut self, expected: &'static [u16]) -> Self {
        self.expected = expected;
        self
    }
}

impl Client {
    /// Creates a client, which connects with its first request.
    pub(crate) fn new(authority: &str) -> Self {
        Self { authority: authority.to_owned(), sender: None }
    }

    /// Sends a request and reads the whole response. Fails if the status is unexpected.
    pub(crate) async fn send(&mut self, request: Request) -> Result<Response> {
        self.send_checked(request, true).await
    }

    /// Like [`Self::send`], but discards the body.
    pub(crate) async fn drain(&mut self, request: Request) -> Result<Response> {
        self.send_checked(request, false).await
    }

    async fn send_checked(&mut self, request: Request, keep: bool) -> Result<Response> {
        let (request_line, expected) = (format_args!("{} {}", request.method, request.path).to_string(), request.expected);
        let response = self.exchange(request, keep).await;
        if response.is_err() {
            self.sender = None;
        }
        let response = response.map_err(|error| error.context(&request_line))?;
        if expected.contains(&response.status.as_u16()) {
            return Ok(response);
        }
        let text = String::from_utf8_lossy(&response.body).chars().take(300).collect::<String>();
        Err(failure!("{request_line}: answered {} {text}", response.status))
    }

    async fn exchange(&mut self, request: Request, keep: bool) -> Result<Response> {
        let mut sent = http::Request::builder().method(request.method).uri(request.path).body(request.payload)?;
        *sent.headers_mut() = request.headers;
        sent.headers_mut().insert(HOST, HeaderValue::from_str(&self.authority)?);
        let sender = self.connected().await?;
        let (head, mut body) = sender.send_request(sent).await?.into_parts();
        let keep = keep || !head.status.is_success();
        let (mut kept, mut length) = (BytesMut::new(), 0);
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame?.into_data() else { continue };
            length += data.len() as u64;
            if keep {
                kept.extend_from_slice(&data);
            }
        }
        Ok(Response { status: head.status, headers: head.headers, body: kept.freeze(), length })
    }

    async fn connected(&mut self) -> Result<&mut SendRequest<Payload>> {
        let ready = match &mut self.sender {
            Some(sender) => sender.ready().await.is_ok(),
            None => false,
        };
        if !ready {
            let stream = TcpStream::connect(&self.authority).await?;
            stream.set_nodelay(true)?;
            let (sender, connection) = http1::Builder::new().read_buf_exact_size(Some(READ_BUFFER)).handshake(TokioIo::new(stream)).await?;
            // The request that fails because of an error of the connection reports it.
            tokio::spawn(async { drop(connection.await) });
            self.sender = Some(sender);
        }
        self.sender.as_mut().ok_or_else(|| failure!("not connected"))
    }
}

impl Response {
    /// A header as text; empty if absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}
