//! Sealed tokens: a readable payload with a message authentication code that only this installation can compute.
//!
//! A token is `base64url(payload) "." base64url(HMAC-SHA256(key, context, base64url(payload)))`, so that every replica
//! verifies it without a lookup. The context is authenticated but not transmitted: it states what the token is bound to, and
//! opening the token requires the same context. Each purpose has a separate key, so that tokens are not interchangeable.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The maximum length in bytes of a token in any encoding, far above that of any issued token.
pub const MAXIMUM_LENGTH: usize = 8 * 1024;

/// The first byte of a compact token.
const COMPACT: u8 = 1;
/// The length in bytes of the truncated code in a compact token.
const COMPACT_CODE_LENGTH: usize = 16;
/// The form of codes that their caller places, so that they are no codes of tokens.
const PLACED: u8 = 2;

/// The key that tokens of one purpose are sealed with.
#[derive(Clone)]
pub struct SealingKey([u8; 32]);

/// Why a token cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Not in the format of this module.
    #[error("the token is malformed")]
    Malformed,
    /// Altered, sealed with another key, or bound to another context.
    #[error("the token's authentication code does not match")]
    Mismatch,
}

impl SealingKey {
    /// A key of 32 secret bytes.
    pub const fn new(secret: [u8; 32]) -> Self {
        Self(secret)
    }

    /// Seals `payload` into a token that [`Self::open`] accepts with the same `context` only.
    pub fn seal(&self, context: &[&str], payload: &str) -> String {
        let payload = URL_SAFE_NO_PAD.encode(payload);
        let code = URL_SAFE_NO_PAD.encode(self.code(&[], context, payload.as_bytes()).finalize().into_bytes());
        format!("{payload}.{code}")
    }

    /// Returns the payload of a token sealed with this key and `context`. The payload is decoded only after its code is verified.
    pub fn open(&self, context: &[&str], token: &str) -> Result<String, SealError> {
        if token.len() > MAXIMUM_LENGTH {
            return Err(SealError::Malformed);
        }
        let Some((payload, code)) = token.split_once('.') else { return self.open_compact(context, token) };
        // Compares in constant time, as does `verify_truncated_left`.
        self.code(&[], context, payload.as_bytes()).verify_slice(&decode(code)?).map_err(|_| SealError::Mismatch)?;
        String::from_utf8(decode(payload)?).map_err(|_| SealError::Malformed)
    }

    /// Opens `base64url(1, 16 bytes of HMAC-SHA256(key, 1, context, payload), payload)`, the first format of page tokens, which never
    /// expire.
    fn open_compact(&self, context: &[&str], token: &str) -> Result<String, SealError> {
        let raw = decode(token)?;
        let [COMPACT, rest @ ..] = raw.as_slice() else { return Err(SealError::Malformed) };
        let (code, payload) = rest.split_at_checked(COMPACT_CODE_LENGTH).ok_or(SealError::Malformed)?;
        self.code(&[COMPACT], context, payload).verify_truncated_left(code).map_err(|_| SealError::Mismatch)?;
        String::from_utf8(payload.to_vec()).map_err(|_| SealError::Malformed)
    }

    /// Returns the first bytes of the code of `payload` in this context, for an id whose form has no room for a token.
    pub fn short_code<const N: usize>(&self, context: &[&str], payload: &[u8]) -> [u8; N] {
        let code = self.code(&[PLACED], context, payload).finalize().into_bytes();
        let mut short = [0; N];
        short.iter_mut().zip(code).for_each(|(to, from)| *to = from);
        short
    }

    /// Whether `code` is a [short code](Self::short_code) of `payload` in this context. Compares in constant time.
    pub fn verify_short_code(&self, context: &[&str], payload: &[u8], code: &[u8]) -> bool {
        self.code(&[PLACED], context, payload).verify_truncated_left(code).is_ok()
    }

    fn code(&self, form: &[u8], context: &[&str], payload: &[u8]) -> Hmac<Sha256> {
        #[allow(clippy::expect_used)]
        let mut code = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        code.update(form);
        for part in context {
            // Length-prefixed, so that different contexts never give the same bytes.
            code.update(&(part.len() as u64).to_be_bytes());
            code.update(part.as_bytes());
        }
        code.update(payload);
        code
    }
}

fn decode(text: &str) -> Result<Vec<u8>, SealError> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| SealError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: SealingKey = SealingKey::new([7; 32]);
    const OTHER_KEY: SealingKey = SealingKey::new([8; 32]);

    /// Page tokens in the first format, sealed by commit 9c07337.
    const COMPACT_TOKENS: [([&str; 3], &str, &str); 3] = [
        (["DescribeImageTags", "123456789012", "team/app"], "v2", "AQCRb6bQvcvZ8YpGsB3hdGh2Mg"),
        (["DescribeRepositories", "123456789012", ""], "team/app", "AWeePZROgDQ8T3aMvGEdQLN0ZWFtL2FwcA"),
        (["DescribeImages", "123456789012", "team/app"], "ä", "AReKFprI8jrjsknJ0j2hUNLDpA"),
    ];

    #[test]
    fn page_tokens_of_the_first_form_stay_valid() {
        for (context, position, token) in COMPACT_TOKENS {
            assert_eq!(KEY.open(&context, token).as_deref(), Ok(position));
            assert_eq!(OTHER_KEY.open(&context, token), Err(SealError::Mismatch));
            assert_eq!(KEY.open(&context[..2], token), Err(SealError::Mismatch));
        }
    }

    #[test]
    fn a_long_token_is_refused_before_it_is_decoded() {
        let payload = "x".repeat(MAXIMUM_LENGTH);
        assert_eq!(KEY.open(&[], &KEY.seal(&[], &payload)), Err(SealError::Malformed));
    }

    /// `token` with the decoded byte at `at` flipped.
    fn altered(token: &str, at: prop::sample::Index, flip: u8) -> String {
        let mut parts: Vec<Vec<u8>> = token.split('.').map(|part| decode(part).expect("our own token")).collect();
        let mut at = at.index(parts.iter().map(Vec::len).sum());
        for part in &mut parts {
            match part.get_mut(at) {
                Some(byte) => {
                    *byte ^= flip;
                    break;
                }
                None => at -= part.len(),
            }
        }
        parts.iter().map(|part| URL_SAFE_NO_PAD.encode(part)).collect::<Vec<_>>().join(".")
    }

    proptest! {
        #[test]
        fn a_token_reads_back_for_its_own_context_only(payload in "\\PC{0,40}", a in "[a-z]{1,5}", b in "[a-z]{1,5}") {
            let token = KEY.seal(&[&a, &b], &payload);
            prop_assert_eq!(KEY.open(&[&a, &b], &token), Ok(payload));
            prop_assert_eq!(KEY.open(&[&b, &a, "x"], &token), Err(SealError::Mismatch));
            prop_assert_eq!(KEY.open(&[&format!("{a}{b}")], &token), Err(SealError::Mismatch));
            prop_assert_eq!(OTHER_KEY.open(&[&a, &b], &token), Err(SealError::Mismatch));
        }

        #[test]
        fn no_altered_token_is_accepted(payload in "[a-z]{0,20}", at in any::<prop::sample::Index>(), flip in 1u8..=255) {
            prop_assert!(KEY.open(&["x"], &altered(&KEY.seal(&["x"], &payload), at, flip)).is_err());
            let (context, _, token) = COMPACT_TOKENS[0];
            prop_assert!(KEY.open(&context, &altered(token, at, flip)).is_err());
        }

        #[test]
        fn arbitrary_text_never_opens(token in "\\PC{0,60}") {
            prop_assert!(KEY.open(&["x"], &token).is_err());
        }
    }
}
