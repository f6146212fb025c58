//! One connection to a server, made again when the server closes it.

use crate::failure::{Result, failure};
use crate::payload::Payload;
use bytes::{Bytes, BytesMut};
use http::header::HOST;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::BodyExt;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Large enough that reading downloads is not what is measured.
const READ_BUFFER: usize = 256 * 1024;

/// A connection.
pub(crate) struct Client {
    authority: String,
    sender: Option<SendRequest<Payload>>,
}

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// Empty when the body was not to be kept.
    pub(crate) body: Bytes,
    /// How many bytes the body had.
    pub(crate) length: u64,
}

/// A request that may be sent again and again.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Payload,
    pub(crate) expected: &'static [u16],
}

impl Ask {
    pub(crate) fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), headers: HeaderMap::new(), payload: Payload::default(), expected: &[200] }
    }

    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        // Values are made of digests, media types and base64: all fit into a header.
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
    /// Connects with the first request.
    pub(crate) fn new(authority: &str) -> Self {
        Self { authority: authority.to_owned(), sender: None }
    }

    /// Sends a request and reads its whole answer; one of another status than expected is a failure.
    pub(crate) async fn ask(&mut self, ask: Ask) -> Result<Answer> {
        self.send(ask, true).await
    }

    /// As [`Self::ask`], but throws the body away.
    pub(crate) async fn drain(&mut self, ask: Ask) -> Result<Answer> {
        self.send(ask, false).await
    }

    async fn send(&mut self, ask: Ask, keep: bool) -> Result<Answer> {
        let (what, expected) = (format_args!("{} {}", ask.method, ask.path).to_string(), ask.expected);
        let answer = self.exchange(ask, keep).await;
        if answer.is_err() {
            self.sender = None;
        }
        let answer = answer.map_err(|error| error.context(&what))?;
        if expected.contains(&answer.status.as_u16()) {
            return Ok(answer);
        }
        let text = String::from_utf8_lossy(&answer.body).chars().take(300).collect::<String>();
        Err(failure!("{what}: answered {} {text}", answer.status))
    }

    async fn exchange(&mut self, ask: Ask, keep: bool) -> Result<Answer> {
        let mut request = Request::builder().method(ask.method).uri(ask.path).body(ask.payload)?;
        *request.headers_mut() = ask.headers;
        request.headers_mut().insert(HOST, HeaderValue::from_str(&self.authority)?);
        let sender = self.connected().await?;
        let (head, mut body) = sender.send_request(request).await?.into_parts();
        let keep = keep || !head.status.is_success();
        let (mut kept, mut length) = (BytesMut::new(), 0);
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame?.into_data() else { continue };
            length += data.len() as u64;
            if keep {
                kept.extend_from_slice(&data);
            }
        }
        Ok(Answer { status: head.status, headers: head.headers, body: kept.freeze(), length })
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
            // How a connection ends is told by the request that it fails.
            tokio::spawn(async { drop(connection.await) });
            self.sender = Some(sender);
        }
        self.sender.as_mut().ok_or_else(|| failure!("not connected"))
    }
}

impl Answer {
    /// A header as text; empty when it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}
