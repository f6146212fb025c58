//! A client that sends exactly the given bytes and returns the answer unchanged, which HTTP libraries do not.

use bytes::Bytes;
use http_body_util::Empty;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;

#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The first value of a header, whose name is case-insensitive.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// An HTTP/1.1 connection for several requests, including incomplete ones.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    pub(crate) fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream: BufReader::new(stream) }
    }

    /// Sends one request and reads its answer.
    pub(crate) fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.write(&head(self.stream.get_ref(), method, path, headers, body.len()));
        self.write(body);
        self.read(method)
    }

    /// Sends bytes. Ignores failures, because a server may answer and close before it has read everything.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        let _ = self.stream.get_mut().write_all(bytes);
    }

    /// Reads the answer to a request of this method.
    pub(crate) fn read(&mut self, method: &str) -> Answer {
        let status_line = self.line();
        let status = status_line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no status: '{status_line}'"));
        let mut headers = Vec::new();
        loop {
            let line = self.line();
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        if status == 100 {
            return self.read(method);
        }
        let mut answer = Answer { status, headers, body: Vec::new() };
        if method != "HEAD" && status != 204 && status != 304 {
            answer.body = self.body(&answer);
        }
        answer
    }

    /// Whether the server closes the connection without sending anything more. Blocks until then.
    pub(crate) fn is_closed(&mut self) -> bool {
        matches!(self.stream.read(&mut [0; 1]), Ok(0) | Err(_))
    }

    /// Reads the status of an answer without header fields, such as 100.
    pub(crate) fn read_status(&mut self) -> u16 {
        let status = self.line().split(' ').nth(1).and_then(|status| status.parse().ok());
        assert_eq!(self.line(), "");
        status.unwrap()
    }

    /// Reads until the server closes the connection.
    pub(crate) fn read_to_end(&mut self) -> String {
        let mut text = String::new();
        self.stream.read_to_string(&mut text).unwrap();
        text
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn body(&mut self, answer: &Answer) -> Vec<u8> {
        let mut body = Vec::new();
        if answer.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            loop {
                let length = u64::from_str_radix(&self.line(), 16).unwrap();
                (&mut self.stream).take(length).read_to_end(&mut body).unwrap();
                self.line();
                if length == 0 {
                    return body;
                }
            }
        }
        let length = answer.header("content-length").map(|length| length.parse().unwrap());
        (&mut self.stream).take(length.unwrap_or(u64::MAX)).read_to_end(&mut body).unwrap();
        assert!(length.is_none_or(|length| length == body.len() as u64), "the body ended early: {answer:?}");
        body
    }
}

/// Begins HTTP/2 on a connection. The task ends with it.
pub(crate) async fn connect_http2<S>(stream: S) -> (SendRequest<Empty<Bytes>>, JoinHandle<hyper::Result<()>>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (client, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    (client, tokio::spawn(connection))
}

/// The head of a request. Adds `Host` and `Content-Length` unless given, and leaves out headers with an empty value.
pub(crate) fn head(stream: &TcpStream, method: &str, path: &str, headers: &[(&str, &str)], length: usize) -> Vec<u8> {
    let given = |name: &str| headers.iter().any(|(key, _)| key.eq_ignore_ascii_case(name));
    let mut head = format!("{method} {path} HTTP/1.1\r\n");
    if !given("host") {
        head += &format!("host: {}\r\n", stream.peer_addr().unwrap());
    }
    if !given("content-length") && !given("transfer-encoding") && (length > 0 || !matches!(method, "GET" | "HEAD")) {
        head += &format!("content-length: {length}\r\n");
    }
    for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
        head += &format!("{name}: {value}\r\n");
    }
    (head + "\r\n").into_bytes()
}
