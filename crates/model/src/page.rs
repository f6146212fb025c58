//! Pages of a listing, and the opaque token that leads from one to the next.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// How many entries a page may hold: 1 to 1000, as the service model's `MaxResults` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageSize(u32);

impl PageSize {
    /// What AWS uses when the caller names no size.
    pub const DEFAULT: Self = Self(100);
    /// The largest page.
    pub const MAXIMUM: Self = Self(1000);

    /// `size` brought into the range 1 to 1000.
    pub fn clamped(size: u64) -> Self {
        Self(u32::try_from(size.clamp(1, 1000)).unwrap_or(1000))
    }

    /// The number of entries.
    pub const fn get(self) -> usize {
        self.0 as usize
    }

    /// What a page's rows are asked for with: see [`Page::from_rows`].
    pub const fn with_one_more(self) -> i64 {
        self.0 as i64 + 1
    }
}

/// Some entries of a listing, and where the listing goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, Position = String> {
    /// The entries, in the order of the listing.
    pub items: Vec<T>,
    /// The position after the last entry; none when nothing follows.
    pub next: Option<Position>,
}

impl<T, Position> Page<T, Position> {
    /// Makes a page out of `rows`, which were asked for one more than fit: the extra row only says that more follows.
    pub fn from_rows(mut rows: Vec<T>, size: PageSize, position: impl Fn(&T) -> Position) -> Self {
        let more = rows.len() > size.get();
        rows.truncate(size.get());
        let next = if more { rows.last().map(position) } else { None };
        Self { items: rows, next }
    }
}

const VERSION: u8 = 1;
const MAC_LENGTH: usize = 16;

/// The key that makes page tokens tamper-evident.
#[derive(Clone)]
pub struct CursorKey([u8; 32]);

/// The token is malformed, was altered, or was made for another listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the page token is not valid for this listing")]
pub struct CursorError;

impl CursorKey {
    /// A key of 32 secret bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Writes `position` as an opaque token that [`Self::open`] accepts for the same `listing` only.
    ///
    /// `listing` names everything that the token is bound to: operation, registry, repository. It is not part of the
    /// token; it only goes into the authentication code. The form is base64url(version, 16 bytes of HMAC-SHA256, position).
    pub fn seal(&self, listing: &[&str], position: &str) -> String {
        let mut raw = Vec::with_capacity(1 + MAC_LENGTH + position.len());
        raw.push(VERSION);
        raw.extend_from_slice(&self.code(listing, position.as_bytes()).finalize().into_bytes()[..MAC_LENGTH]);
        raw.extend_from_slice(position.as_bytes());
        URL_SAFE_NO_PAD.encode(raw)
    }

    /// Reads the position out of a token that [`Self::seal`] made for this `listing`.
    pub fn open(&self, listing: &[&str], token: &str) -> Result<String, CursorError> {
        let raw = URL_SAFE_NO_PAD.decode(token).map_err(|_| CursorError)?;
        let [VERSION, rest @ ..] = raw.as_slice() else { return Err(CursorError) };
        let (code, position) = rest.split_at_checked(MAC_LENGTH).ok_or(CursorError)?;
        self.code(listing, position).verify_truncated_left(code).map_err(|_| CursorError)?;
        String::from_utf8(position.to_vec()).map_err(|_| CursorError)
    }

    fn code(&self, listing: &[&str], position: &[u8]) -> Hmac<Sha256> {
        // HMAC takes a key of any length, so this cannot fail.
        #[allow(clippy::expect_used)]
        let mut code = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        code.update(&[VERSION]);
        for part in listing {
            // Each part goes in with its length, so that no two lists of parts run together into the same bytes.
            code.update(&(part.len() as u64).to_be_bytes());
            code.update(part.as_bytes());
        }
        code.update(position);
        code
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: CursorKey = CursorKey::new([7; 32]);

    proptest! {
        #[test]
        fn a_token_reads_back_for_its_own_listing_only(position in "\\PC{0,40}", a in "[a-z]{1,5}", b in "[a-z]{1,5}") {
            let token = KEY.seal(&[&a, &b], &position);
            prop_assert_eq!(KEY.open(&[&a, &b], &token), Ok(position));
            prop_assert_eq!(KEY.open(&[&b, &a, "x"], &token), Err(CursorError));
            prop_assert_eq!(KEY.open(&[&format!("{a}{b}")], &token), Err(CursorError));
            prop_assert_eq!(CursorKey::new([8; 32]).open(&[&a, &b], &token), Err(CursorError));
        }

        #[test]
        fn no_altered_token_is_accepted(position in "[a-z]{0,20}", at in any::<prop::sample::Index>(), flip in 1u8..=255) {
            let mut raw = URL_SAFE_NO_PAD.decode(KEY.seal(&["x"], &position)).expect("own token");
            let at = at.index(raw.len());
            raw[at] ^= flip;
            prop_assert_eq!(KEY.open(&["x"], &URL_SAFE_NO_PAD.encode(raw)), Err(CursorError));
        }

        #[test]
        fn arbitrary_text_never_opens(token in "\\PC{0,60}") {
            prop_assert_eq!(KEY.open(&["x"], &token), Err(CursorError));
        }
    }

    #[test]
    fn a_page_has_a_position_only_when_more_follows() {
        let size = PageSize::clamped(2);
        assert_eq!(Page::from_rows(vec![1, 2, 3], size, |n| *n), Page { items: vec![1, 2], next: Some(2) });
        assert_eq!(Page::from_rows(vec![1, 2], size, |n| *n), Page { items: vec![1, 2], next: None });
        assert_eq!(Page::from_rows(Vec::<i32>::new(), size, |n| *n), Page { items: vec![], next: None });
    }
}
