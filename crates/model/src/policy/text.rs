//! A text of the request, bounded in length, with an index for matching it against many patterns.
//!
//! Clients choose some of these texts (their `User-Agent`, the tags that they send) and tenants choose the patterns, so the cost
//! is bounded: all values derived from a text are computed once, and a match is linear in the pattern ([`super::wildcard`]).

use super::bits::{Bits, count};
use super::scalar::{date, number};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::OnceLock;

/// The maximum length of a text that is compared, in characters. AWS's longest are ARNs of about 250 and tags of 256; AWS
/// CloudTrail also cuts a `User-Agent` at 1 KB (AWS CloudTrail user guide, "Record contents", `userAgent`).
pub(super) const MAXIMUM_CHARACTERS: usize = 1_024;

/// Longer texts are not parsed as a number, a date or an address.
const MAXIMUM_SCALAR_BYTES: usize = 64;

/// The number of colon-separated parts of an ARN; colons after the fifth belong to the last part.
pub(super) const ARN_PARTS: usize = 6;

#[derive(Debug, Clone)]
pub(super) struct Text {
    /// `None` if longer than [`MAXIMUM_CHARACTERS`].
    text: Option<String>,
    characters: usize,
    scalars: OnceLock<Box<Scalars>>,
    arn: OnceLock<Option<Box<[Part; ARN_PARTS]>>>,
    positions: OnceLock<Positions>,
}

/// A text parsed as other types.
#[derive(Debug, Clone, Default)]
pub(super) struct Scalars {
    pub(super) number: Option<f64>,
    /// In microseconds since the epoch.
    pub(super) date: Option<i64>,
    pub(super) address: Option<IpAddr>,
}

/// A range of a text, in bytes and in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) bytes: Range<usize>,
    pub(super) characters: Range<usize>,
}

/// For each character of a text, the set of its positions.
#[derive(Debug, Clone)]
pub(super) struct Positions {
    of: BTreeMap<char, Bits>,
    words: usize,
}

impl Text {
    pub(super) fn new(text: &str) -> Self {
        let characters = if text.is_ascii() { text.len() } else { text.chars().count() };
        Self {
            text: (characters <= MAXIMUM_CHARACTERS).then(|| text.to_owned()),
            characters,
            scalars: OnceLock::new(),
            arn: OnceLock::new(),
            positions: OnceLock::new(),
        }
    }

    /// The text; `None` if it is too long to be compared.
    pub(super) fn get(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// The text parsed as other types; all are `None` for a text longer than [`MAXIMUM_SCALAR_BYTES`].
    pub(super) fn scalars(&self) -> &Scalars {
        self.scalars.get_or_init(|| {
            let short = self.get().filter(|text| text.len() <= MAXIMUM_SCALAR_BYTES);
            Box::new(short.map_or_else(Scalars::default, |text| Scalars {
                number: number(text),
                date: date(text),
                address: text.parse().ok(),
            }))
        })
    }

    pub(super) fn whole(&self) -> Part {
        Part { bytes: 0..self.get().map_or(0, str::len), characters: 0..self.characters }
    }

    /// The six parts of an ARN; `None` if the text is not an ARN.
    pub(super) fn arn_parts(&self) -> Option<&[Part; ARN_PARTS]> {
        self.arn.get_or_init(|| arn_parts(self.get()?)).as_deref()
    }

    pub(super) fn slice(&self, part: &Part) -> &str {
        self.get().and_then(|text| text.get(part.bytes.clone())).unwrap_or_default()
    }

    pub(super) fn positions(&self) -> &Positions {
        self.positions.get_or_init(|| Positions::find(self.get().unwrap_or_default(), self.characters))
    }
}

fn arn_parts(text: &str) -> Option<Box<[Part; ARN_PARTS]>> {
    let (mut byte, mut character) = (0, 0);
    let parts = text.splitn(ARN_PARTS, ':').map(|part| {
        let (bytes, characters) = (byte..byte + part.len(), character..character + part.chars().count());
        (byte, character) = (bytes.end + 1, characters.end + 1);
        Part { bytes, characters }
    });
    parts.collect::<Vec<_>>().try_into().ok()
}

impl Positions {
    fn find(text: &str, characters: usize) -> Self {
        count(characters);
        // The position after the last character also needs a bit.
        let words = characters / 64 + 1;
        let mut of: BTreeMap<char, Bits> = BTreeMap::new();
        for (at, character) in text.chars().enumerate() {
            of.entry(character).or_insert_with(|| Bits::none(words)).add(at);
        }
        Self { of, words }
    }

    /// The positions from `first` through `last`.
    pub(super) fn between(&self, first: usize, last: usize) -> Bits {
        let mut bits = Bits::none(self.words);
        bits.add(first);
        bits.spread(last);
        bits
    }

    /// The positions of a character; `None` if the text does not contain it.
    pub(super) fn of(&self, character: char) -> Option<&Bits> {
        self.of.get(&character)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_bounded_in_characters_not_in_bytes() {
        let longest = "ä".repeat(MAXIMUM_CHARACTERS);
        assert_eq!(Text::new(&longest).get(), Some(longest.as_str()));
        assert_eq!(Text::new(&format!("{longest}a")).get(), None);
        assert_eq!(Text::new(&"1".repeat(MAXIMUM_CHARACTERS + 1)).scalars().number, None);
    }

    #[test]
    fn a_long_text_is_no_number_no_date_and_no_address() {
        let digits = "1".repeat(MAXIMUM_SCALAR_BYTES);
        assert!(Text::new(&digits).scalars().number.is_some());
        assert_eq!(Text::new(&format!("{digits}1")).scalars().number, None);
        assert_eq!(Text::new("203.0.113.7").scalars().address, "203.0.113.7".parse().ok());
    }

    #[test]
    fn the_parts_of_an_arn_are_counted_in_bytes_and_in_characters() {
        let text = Text::new("arn:äws:iam::1:user/a:b");
        let parts = text.arn_parts().expect("six parts");
        assert_eq!(parts.iter().map(|part| text.slice(part)).collect::<Vec<_>>(), ["arn", "äws", "iam", "", "1", "user/a:b"]);
        assert_eq!((parts[2].bytes.start, parts[2].characters.start), (9, 8));
        assert_eq!(Text::new("a:b:c:d:e").arn_parts(), None);
    }
}
