//! How large a thing is, and how to say no more of it than is readable.

use serde::Serialize;
use std::io;

/// The most bytes of a message that goes to a client. What a client sent is repeated in many of them, and may be long.
pub const LONGEST_MESSAGE: usize = 8 * 1024;

/// The beginning of a text: at most `bytes` of it, and no part of a character.
pub fn beginning(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// How many bytes `document` takes as JSON, without writing it anywhere.
pub fn json_length(document: &impl Serialize) -> u64 {
    let mut length = Length(0);
    // Our documents are plain structs, maps, text and numbers, which always serialise.
    let _ = serde_json::to_writer(&mut length, document);
    length.0
}

struct Length(u64);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_a_text_ends_between_two_characters() {
        assert_eq!(beginning("abc", 5), "abc");
        assert_eq!(beginning("abc", 2), "ab");
        assert_eq!(beginning("aä", 2), "a");
        assert_eq!(beginning("", 0), "");
    }

    #[test]
    fn a_document_has_the_length_of_its_json() {
        let document = serde_json::json!({ "a": ["\u{1}\"ä", 1.5, null] });
        assert_eq!(json_length(&document), document.to_string().len() as u64);
    }
}
