//! Lengths of JSON documents, and limits on the length of messages.

use serde::Serialize;
use std::io;

/// The maximum length in bytes of a message to a client. Many messages quote the request, which may be long.
pub const LONGEST_MESSAGE: usize = 8 * 1024;

/// Returns the longest prefix of at most `bytes` bytes that ends on a character boundary.
pub fn beginning(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// Returns the length in bytes of `document` as JSON, without storing the JSON.
pub fn json_length(document: &impl Serialize) -> u64 {
    let mut length = Length(0);
    // Structs, maps, strings and numbers always serialise.
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
