//! Bytes in JSON.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Some clients omit the padding, and some set the unused trailing bits. AWS's decoder accepts both.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent).with_decode_allow_trailing_bits(true),
);

/// Bytes that JSON carries as base64 (awsJson1.1, "Shape serialization").
#[derive(Debug, PartialEq, Eq)]
pub struct Blob(pub Vec<u8>);

/// Returns the length of the bytes that `text` decodes to, or `None` if it is not base64, without decoding it.
pub(super) fn decoded_length(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches('=');
    let padding = text.len() - digits.len();
    let in_alphabet = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    let padded_well = padding <= [0, 0, 2, 1][digits.len() % 4];
    if digits.len() % 4 == 1 || !padded_well || !digits.bytes().all(in_alphabet) {
        return None;
    }
    Some((digits.len() as u64 / 4) * 3 + [0, 0, 1, 2][digits.len() % 4])
}

impl Blob {
    pub(super) fn decode(text: &str) -> Option<Self> {
        LENIENT.decode(text).ok().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decode(text: &str) -> Option<Vec<u8>> {
        Blob::decode(text).map(|blob| blob.0)
    }

    #[test]
    fn a_blob_is_base64_with_or_without_padding() {
        for text in ["aGk=", "aGk", "aGl="] {
            assert_eq!(decode(text).as_deref(), Some(b"hi".as_slice()), "{text}");
        }
        assert_eq!(decode(""), Some(vec![]));
    }

    proptest! {
        #[test]
        fn the_decoded_length_is_exact(text in "[A-Za-z+/=_ ]{0,9}") {
            prop_assert_eq!(decoded_length(&text), decode(&text).map(|bytes| bytes.len() as u64));
        }
    }
}
