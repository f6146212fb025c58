//! Plain HTTP on a port that speaks HTTPS gets a response that says so instead of a failed handshake.

use super::monitored_stream::MonitoredStream;
use crate::http::Activity;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

const ANSWER: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\nx-content-type-options: nosniff\r\n\
    content-length: 76\r\nconnection: close\r\n\r\nThis port speaks HTTPS, and the request was plain HTTP: use an https:// URL.";

/// Whether the client begins with an HTTP method; a handshake begins with byte 22 (RFC 8446 §5.1). Waits for the first byte.
pub(super) async fn is_spoken(stream: &TcpStream) -> bool {
    let mut first = [0];
    matches!(stream.peek(&mut first).await, Ok(1) if first[0].is_ascii_alphabetic())
}

/// Writes the response and closes.
pub(super) async fn refuse(mut stream: MonitoredStream, activity: &Activity) {
    activity.set_unread(true);
    // If the client is gone, nobody needs the response.
    let _ = stream.write_all(ANSWER).await;
    let _ = stream.shutdown().await;
}
