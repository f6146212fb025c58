//! Several ranges of a blob in one response (`multipart/byteranges`, RFC 9110, section 14.6), as lazily pulling clients request
//! them. The response is streamed: only the headers of the parts are composed in advance.

use super::range::{Span, content_range};
use crate::http::{BlobAccess, BlobFuture, Body, Reply, Share};
use bytes::Bytes;
use http::StatusCode;
use roadstead_model::media_type::UNKNOWN;
use roadstead_registry::{BlobReader, Error};
use std::io;

/// A piece of the response.
#[derive(Debug)]
enum Piece {
    Text(Bytes),
    /// A range of the blob, and its number.
    Part(Span, usize),
}

/// The pieces of a response, each with its end offset.
#[derive(Debug, Default)]
struct Pieces {
    pieces: Vec<(u64, Piece)>,
}

impl Pieces {
    fn of(boundary: &str, spans: &[Span], size: u64) -> Self {
        let mut pieces = Self::default();
        for (at, span) in spans.iter().enumerate() {
            let line_end = if at == 0 { "" } else { "\r\n" };
            let range = content_range(*span, size);
            pieces.push(text(format!("{line_end}--{boundary}\r\nContent-Type: {UNKNOWN}\r\nContent-Range: {range}\r\n\r\n")));
            pieces.push((span.length(), Piece::Part(*span, at)));
        }
        pieces.push(text(format!("\r\n--{boundary}--\r\n")));
        pieces
    }

    fn push(&mut self, (length, piece): (u64, Piece)) {
        self.pieces.push((self.length() + length, piece));
    }

    fn length(&self) -> u64 {
        self.pieces.last().map_or(0, |(end, _)| *end)
    }

    /// Returns the piece that contains the byte at `offset`, the offset within it, and the number of its remaining bytes.
    fn at(&self, offset: u64) -> Option<(&Piece, u64, u64)> {
        let index = self.pieces.partition_point(|(end, _)| *end <= offset);
        let start = index.checked_sub(1).map_or(0, |before| self.pieces[before].0);
        self.pieces.get(index).map(|(end, piece)| (piece, offset - start, end - offset))
    }
}

fn text(text: String) -> (u64, Piece) {
    (text.len() as u64, Piece::Text(text.into()))
}

/// The response with these ranges of a blob of `size` bytes, which begins to be read in `room`.
pub(super) async fn reply(reader: &BlobReader, room: Option<Share>, spans: &[Span], size: u64) -> Result<Reply, Error> {
    let mut readers: Vec<BlobReader> = spans.iter().map(|span| reader.slice(span.start, span.length())).collect();
    if let Some((first, span)) = readers.first_mut().zip(spans.first()) {
        *first = reader.part(span.start, span.length()).await?;
    }
    let boundary = uuid::Uuid::new_v4().simple().to_string();
    let pieces = Pieces::of(&boundary, spans, size);
    let length = pieces.length();
    let body =
        Body::streamed(0, length, reader.read_ahead(length), move |offset, length, access| read(&readers, &pieces, offset, length, access));
    Ok(Reply::content(StatusCode::PARTIAL_CONTENT, body.in_room(room), length, &format!("multipart/byteranges; boundary={boundary}")))
}

/// Reads at most to the end of a piece; the caller continues from there.
fn read(readers: &[BlobReader], pieces: &Pieces, offset: u64, length: usize, access: BlobAccess) -> BlobFuture {
    match pieces.at(offset) {
        None => Box::pin(std::future::ready(Err(io::ErrorKind::UnexpectedEof.into()))),
        Some((Piece::Text(text), into, _)) => {
            let rest = text.slice(into as usize..);
            let bytes = rest.slice(..length.min(rest.len()));
            Box::pin(std::future::ready(Ok(bytes)))
        }
        Some((Piece::Part(span, at), into, left)) => {
            let (reader, start, length) = (readers[*at].clone(), span.start + into, left.min(length as u64) as usize);
            Box::pin(async move { access.read(&reader, start, length).await })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_of_the_answer_lies_in_one_piece() {
        let spans = [Span { start: 10, end: 12 }, Span { start: 0, end: 0 }];
        let pieces = Pieces::of("b", &spans, 20);
        let mut lengths = vec![0_u64; pieces.pieces.len()];
        for offset in 0..pieces.length() {
            let at = pieces.pieces.iter().position(|(end, _)| offset < *end).expect("a piece");
            let (piece, into, left) = pieces.at(offset).expect("the same piece");
            assert!(std::ptr::eq(piece, &pieces.pieces[at].1));
            assert_eq!((into, offset + left), (lengths[at], pieces.pieces[at].0));
            lengths[at] += 1;
        }
        assert_eq!((lengths[1], lengths[3]), (3, 1));
        assert!(pieces.at(pieces.length()).is_none());
    }
}
