//! Protection against request smuggling (RFC 9112 §11.2). HTTP/1.1 heads that servers and proxies frame differently are refused
//! before hyper parses them, because a proxy could see one request where this server sees two. These are heads with a bare LF,
//! with more than one `Transfer-Encoding` or `Content-Length`, with both, or with a coding other than `chunked`. RFC 9112 lets a
//! server refuse all of them (§§2.2, 6.1, 6.3, 7).

use super::http2_frames::{Frames, PendingStreams};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The first line of the HTTP/2 preface (RFC 9113 §3.4), which no HTTP/1.1 request begins with.
const HTTP2: &[u8] = b"PRI * HTTP/2.0";
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Replaces a refused line. It is invalid in a head and in a chunk, so hyper answers 400 and closes the connection.
const REFUSAL: &[u8] = b"\0\r\n\r\n";
/// The number of bytes kept of a line that arrives in pieces: enough for every field that matters here.
const MAX_KEPT: usize = 64;

/// A stream whose requests are checked as they are read.
#[derive(Debug)]
pub(super) struct FramingGuard<S> {
    stream: S,
    requests: Requests,
    /// The remaining bytes of [`REFUSAL`] after a line was refused.
    refusal: Option<&'static [u8]>,
    pending_streams: PendingStreams,
}

impl<S> FramingGuard<S> {
    /// A stream that begins with HTTP/1.1 or with the HTTP/2 preface.
    pub(super) fn of_any(stream: S, pending_streams: &PendingStreams) -> Self {
        Self { stream, requests: Requests::new(), refusal: None, pending_streams: pending_streams.clone() }
    }

    /// A stream that has negotiated HTTP/2, which has unambiguous framing.
    pub(super) fn of_http2(stream: S, pending_streams: &PendingStreams) -> Self {
        Self { requests: Requests::of_http2(), ..Self::of_any(stream, pending_streams) }
    }
}

impl<S: AsyncRead + Unpin> FramingGuard<S> {
    /// Reads HTTP/2 frames, unless streams that were read earlier must run first.
    fn poll_frames(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.requests.frames.pause() || self.pending_streams.are_many() {
            // Yields to the tasks of the streams.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let (before, most) = (buffer.filled().len(), self.requests.frames.most());
        if buffer.remaining() <= most {
            ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        } else {
            let mut part = ReadBuf::new(buffer.initialize_unfilled_to(most));
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut part))?;
            let read = part.filled().len();
            buffer.advance(read);
        }
        self.requests.frames.follow(&buffer.filled()[before..]);
        if self.requests.frames.are_too_small() {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "request bodies arrive in abusively small frames")));
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for FramingGuard<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.requests.part == Part::Http2 {
            return self.poll_frames(context, buffer);
        }
        if self.refusal.is_none() {
            let before = buffer.filled().len();
            ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
            let Err(at) = self.requests.follow(&buffer.filled()[before..]) else { return Poll::Ready(Ok(())) };
            buffer.set_filled(before + at);
            self.refusal = Some(REFUSAL);
        }
        if let Some(refusal) = &mut self.refusal {
            let (now, later) = refusal.split_at(refusal.len().min(buffer.remaining()));
            buffer.put_slice(now);
            *refusal = later;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for FramingGuard<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// The part of a request that the next bytes belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The first line of a request, or an empty line before it.
    Start,
    /// The fields of a head: whether `chunked` was among them, and the `Content-Length` so far.
    Fields {
        chunked: bool,
        length: Option<u64>,
    },
    /// A body, with its remaining bytes.
    Content(u64),
    /// The line before a chunk.
    ChunkSize,
    /// A chunk, with its remaining bytes.
    Chunk(u64),
    /// The line break after a chunk.
    ChunkEnd,
    /// The fields after the last chunk.
    Trailer,
    Http2,
}

/// Follows the requests of a connection to find where heads begin and end.
#[derive(Debug)]
struct Requests {
    part: Part,
    partial: PartialLine,
    /// Used once the connection is HTTP/2.
    frames: Frames,
}

impl Requests {
    fn new() -> Self {
        Self { part: Part::Start, partial: PartialLine::default(), frames: Frames::after(PREFACE.len() - HTTP2.len() - 2) }
    }

    /// A connection that begins with the HTTP/2 preface.
    fn of_http2() -> Self {
        Self { part: Part::Http2, frames: Frames::after(PREFACE.len()), ..Self::new() }
    }

    /// Follows the next bytes. Fails with the offset of the LF that ends a refused line.
    fn follow(&mut self, bytes: &[u8]) -> Result<(), usize> {
        if self.part == Part::Start && self.partial.length == 0 && are_plain_reads(bytes) {
            return Ok(());
        }
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            match self.part {
                Part::Http2 => {
                    self.frames.follow(rest);
                    return Ok(());
                }
                Part::Content(left) => at += self.skip(left, rest, Part::Content, Part::Start),
                Part::Chunk(left) => at += self.skip(left, rest, Part::Chunk, Part::ChunkEnd),
                _ => match memchr::memchr(b'\n', rest) {
                    Some(end) => {
                        self.part = self.end_line(&rest[..end]).ok_or(at + end)?;
                        at += end + 1;
                    }
                    None => {
                        self.partial.add(rest);
                        return Ok(());
                    }
                },
            }
        }
        Ok(())
    }

    /// Skips bytes of a body or chunk with `left` bytes remaining. Returns how many.
    fn skip(&mut self, left: u64, bytes: &[u8], same: fn(u64) -> Part, next: Part) -> usize {
        let passed = left.min(bytes.len() as u64);
        self.part = if passed == left { next } else { same(left - passed) };
        passed as usize
    }

    /// Returns the part after a line, whose last piece is given without its LF. Returns `None` if the line is refused.
    fn end_line(&mut self, end: &[u8]) -> Option<Part> {
        if self.partial.length == 0 {
            return self.part.after_line(&end[..end.len().min(MAX_KEPT)], end.len(), *end.last()?);
        }
        let mut line = std::mem::take(&mut self.partial);
        line.add(end);
        self.part.after_line(&line.start, line.length, line.last)
    }
}

impl Part {
    /// Returns the part after a line without its LF, of which only the beginning, the length and the last byte were kept.
    fn after_line(self, start: &[u8], length: usize, last: u8) -> Option<Self> {
        match start.get(..length) {
            Some(whole) => self.after(whole.strip_suffix(b"\r")?, true),
            None if last == b'\r' => self.after(start, false),
            None => None,
        }
    }

    /// Returns the part after a line without its line break. Unless `whole`, only its beginning is given.
    fn after(self, line: &[u8], whole: bool) -> Option<Self> {
        Some(match self {
            Self::Start if line.is_empty() => Self::Start,
            Self::Start if line == HTTP2 => Self::Http2,
            Self::Start => Self::Fields { chunked: false, length: None },
            Self::Fields { chunked, length } if line.is_empty() => match (chunked, length) {
                (true, Some(_)) => return None,
                (true, None) => Self::ChunkSize,
                (false, Some(length)) if length > 0 => Self::Content(length),
                (false, _) => Self::Start,
            },
            Self::Fields { chunked, length } => match line[0] | 0x20 {
                b't' | b'c' => return framing(chunked, length, line, whole),
                _ => self,
            },
            Self::ChunkSize => match chunk_size(line, whole)? {
                0 => Self::Trailer,
                size => Self::Chunk(size),
            },
            Self::ChunkEnd => line.is_empty().then_some(Self::ChunkSize)?,
            Self::Trailer if line.is_empty() => Self::Start,
            Self::Trailer | Self::Content(_) | Self::Chunk(_) | Self::Http2 => self,
        })
    }
}

/// Whether these are whole heads of GET or HEAD without framing fields, as in nearly every read. This is several times as fast as
/// following lines, and `false` if in doubt.
fn are_plain_reads(bytes: &[u8]) -> bool {
    if !matches!(bytes.first(), Some(b'G' | b'H')) || !bytes.ends_with(b"\r\n\r\n") {
        return false;
    }
    // A line with one of these initials may be `Transfer-Encoding`, `Content-Length` or the HTTP/2 preface. The fold is free of
    // branches, so that the compiler can vectorise it.
    let is_doubtful = |first: u8| (first | 0x20 == b't') | (first | 0x20 == b'c') | (first | 0x20 == b'p');
    let line_breaks = bytes.iter().zip(&bytes[1..]).zip(&bytes[2..]);
    let doubts = line_breaks
        .fold(0, |doubts: u8, ((before, byte), after)| doubts | u8::from((*byte == b'\n') & ((*before != b'\r') | is_doubtful(*after))));
    doubts == 0
}

/// Returns the framing after a field, given the framing before it. Returns `None` if the field is refused.
fn framing(chunked: bool, length: Option<u64>, line: &[u8], whole: bool) -> Option<Part> {
    if let Some(coding) = value_of(b"transfer-encoding", line) {
        let known = whole && !chunked && coding.eq_ignore_ascii_case(b"chunked");
        return known.then_some(Part::Fields { chunked: true, length });
    }
    match value_of(b"content-length", line) {
        Some(digits) if whole && length.is_none() => Some(Part::Fields { chunked, length: Some(number(digits, 10)?) }),
        Some(_) => None,
        None => Some(Part::Fields { chunked, length }),
    }
}

/// The size at the beginning of a chunk line. Extensions may follow.
fn chunk_size(line: &[u8], whole: bool) -> Option<u64> {
    match line.iter().position(|byte| b"; \t".contains(byte)) {
        Some(end) => number(&line[..end], 16),
        None if whole => number(line, 16),
        None => None,
    }
}

/// The value of a field if its name is `name`, given in lower case.
fn value_of<'a>(name: &[u8], line: &'a [u8]) -> Option<&'a [u8]> {
    let (found, value) = line.split_at_checked(name.len())?;
    let value = value.strip_prefix(b":")?;
    found.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
}

fn number(digits: &[u8], radix: u32) -> Option<u64> {
    // `from_str_radix` would accept a sign.
    let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
    u64::from_str_radix(digits, radix).ok()
}

/// A line that has not ended yet, as far as it was received.
#[derive(Debug)]
struct PartialLine {
    start: [u8; MAX_KEPT],
    length: usize,
    last: u8,
}

impl Default for PartialLine {
    fn default() -> Self {
        Self { start: [0; MAX_KEPT], length: 0, last: 0 }
    }
}

impl PartialLine {
    fn add(&mut self, bytes: &[u8]) {
        let Some(last) = bytes.last() else { return };
        let from = self.length.min(MAX_KEPT);
        let kept = bytes.len().min(MAX_KEPT - from);
        self.start[from..from + kept].copy_from_slice(&bytes[..kept]);
        self.length += bytes.len();
        self.last = *last;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GET: &str = "GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n";

    /// Follows the text in pieces of this size. Fails with the offset of the LF that ends a refused line.
    fn follow(text: &str, size: usize) -> Result<Part, usize> {
        let mut requests = Requests::new();
        for (number, piece) in text.as_bytes().chunks(size).enumerate() {
            requests.follow(piece).map_err(|at| number * size + at)?;
        }
        Ok(requests.part)
    }

    fn outcome(text: &str) -> Result<Part, usize> {
        let at_once = follow(text, usize::MAX);
        for size in 1..=text.len() {
            assert_eq!(follow(text, size), at_once, "{text:?} in pieces of {size}");
        }
        at_once
    }

    #[test]
    fn requests_are_followed_to_their_ends() {
        for (text, part) in [
            ("", Part::Start),
            ("\r\n", Part::Start),
            (GET, Part::Start),
            ("GET / HTTP/1.1\r\nHost: a\r\n", Part::Fields { chunked: false, length: None }),
            ("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n", Part::Content(5)),
            ("POST / HTTP/1.1\r\ncontent-length:5 \r\n\r\n{\"a\"", Part::Content(1)),
            ("POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", Part::Start),
            ("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\na\nbGET / HTTP/1.1\r\n\r\n", Part::Start),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n", Part::ChunkSize),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4;a=b\r\n\n\n\n\n\r\n", Part::ChunkSize),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nA\r\n0123", Part::Chunk(6)),
            (
                "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nDigest: b\r\n\r\nGET / HTTP/1.1\r\n",
                Part::Fields { chunked: false, length: None },
            ),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\n\n\n", Part::Http2),
            ("GET /a/path/that/is/longer/than/anything/that/is/kept/of/a/line/which/comes/in/pieces HTTP/1.1\r\n\r\n", Part::Start),
            ("GET / HTTP/1.1\r\nX-Content-Length: x\r\nContent-Lengths: y\r\nTransfer-Encodings: z\r\n\r\n", Part::Start),
        ] {
            assert_eq!(outcome(text), Ok(part), "{text:?}");
        }
    }

    #[test]
    fn what_others_might_read_differently_is_refused_at_the_line_that_shows_it() {
        for head in [
            "\n",
            "GET / HTTP/1.1\n",
            "GET / HTTP/1.1\r\nHost: a\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\n",
            "POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 5, 5\r\n",
            "POST / HTTP/1.1\r\nContent-Length: +5\r\n",
            "POST / HTTP/1.1\r\nContent-Length: -5\r\n",
            "POST / HTTP/1.1\r\nContent-Length:\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 18446744073709551616\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 0000000000000000000000000000000000000000000000000000000000000005\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked, chunked\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: identity\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: \"chunked\"\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n00000000000000000000000000000000000000000000000000000000000000005\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\n",
        ] {
            let text = format!("{GET}{head}");
            assert_eq!(outcome(&text), Err(text.len() - 1), "{head:?}");
        }
    }

    const PIECES: [&str; 16] = [
        "GET / HTTP/1.1\r\n",
        "POST /v2/ HTTP/1.1\r\n",
        "Host: a\r\n",
        "Content-Length: 7\r\n",
        "Transfer-Encoding: chunked\r\n",
        "X-A-Long-Field: a value that is longer than what is kept of a line which comes in pieces\r\n",
        "\r\n",
        "\n",
        "\r",
        "7\r\n",
        "0\r\n",
        "5;a=b\r\n",
        "seven b",
        "0000000000000000000000000000000000000000000000000000000000000",
        "transfer-encoding: ",
        "PRI * HTTP/2.0\r\n",
    ];

    proptest! {
        #[test]
        fn how_the_bytes_arrive_makes_no_difference(
            pieces in proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..20),
            size in 1usize..100,
        ) {
            let text = pieces.concat();
            prop_assert_eq!(follow(&text, size), follow(&text, usize::MAX), "{:?}", text);
        }
    }
}
