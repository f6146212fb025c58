//! The order of tags by version.
//!
//! [`version_key`] maps a tag to a text whose bytewise order is the order of versions, so that an index of the database sorts tags.

/// The class of a tag, the first byte of its key: no number, a number somewhere, a version. Tags without a version come last.
const PLAIN: char = '0';
const NUMBERED: char = '1';
const VERSION: char = '2';

/// What follows the numbers of a version, in order: a pre-release, nothing, a variant such as `-alpine`, another number.
const PRE_RELEASE: char = '0';
const RELEASE: char = '1';
const VARIANT: char = '2';
const NUMBER: char = '3';

/// The parts of a suffix, in order (Semantic Versioning 2.0.0, section 11.4): its end, a number, a word.
const END: char = '0';
const DIGITS: char = '1';
const WORD: char = '2';
/// The end of a word, lower than letters.
const WORD_END: char = '!';

/// Words that mark a pre-release, wherever they are in the suffix.
const PRE_RELEASES: &[&str] = &[
    "alpha",
    "beta",
    "canary",
    "dev",
    "develop",
    "ea",
    "experimental",
    "insiders",
    "milestone",
    "next",
    "nightly",
    "pre",
    "preview",
    "rc",
    "snapshot",
    "test",
    "unstable",
];

/// Letters that mark a pre-release between two numbers: `1.0b2` (PEP 440).
const PRE_RELEASE_LETTERS: &[&str] = &["a", "b", "c", "m"];

/// The most digits of a lone number that is a version. Longer ones are dates and build numbers.
const LONGEST_LONE_NUMBER: usize = 4;

/// The numbers of a tag and what follows them.
struct Version<'a> {
    numbers: Vec<&'a str>,
    suffix: &'a str,
}

/// A key whose bytewise order is the order of versions: numbers by value, a pre-release before its release, a variant after it, tags
/// without a version last. Tags can share a key, which are then ordered by name.
pub fn version_key(tag: &str) -> String {
    let mut key = String::with_capacity(tag.len() + 16);
    let Some(version) = Version::parse(tag) else {
        key.push(if tag.bytes().any(|byte| byte.is_ascii_digit()) { NUMBERED } else { PLAIN });
        push_suffix(&mut key, tag);
        return key;
    };
    key.push(VERSION);
    for number in version.numbers {
        key.push(NUMBER);
        push_number(&mut key, number);
    }
    if version.suffix.is_empty() {
        key.push(RELEASE);
    } else {
        key.push(if is_pre_release(version.suffix) { PRE_RELEASE } else { VARIANT });
        push_suffix(&mut key, version.suffix);
    }
    key
}

/// Whether a tag is a stable version: at most three numbers and nothing else. A long lone number is a date or the number of a build.
pub fn is_stable(tag: &str) -> bool {
    let is_version = |numbers: &[&str]| match numbers {
        [lone] => lone.len() <= LONGEST_LONE_NUMBER,
        more => more.len() <= 3,
    };
    Version::parse(tag).is_some_and(|version| version.suffix.is_empty() && is_version(&version.numbers))
}

impl<'a> Version<'a> {
    /// Parses a tag that begins with a number, after an optional `v`. The hash of a commit is no version.
    fn parse(tag: &'a str) -> Option<Self> {
        let mut rest = tag.strip_prefix(['v', 'V']).unwrap_or(tag);
        if is_commit(rest) {
            return None;
        }
        let mut numbers = Vec::new();
        loop {
            let (number, after) = digits(rest)?;
            numbers.push(number);
            rest = match after.strip_prefix('.') {
                Some(next) if next.starts_with(|first: char| first.is_ascii_digit()) => next,
                _ => return Some(Self { numbers, suffix: after }),
            };
        }
    }
}

/// Whether a text looks like the abbreviated hash of a commit: at least seven hexadecimal digits, some of them letters.
fn is_commit(text: &str) -> bool {
    text.len() >= 7
        && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// The digits that a text begins with, if any, and the rest.
fn digits(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    text.split_at_checked(end).filter(|(number, _)| !number.is_empty())
}

/// The words and numbers of a suffix, without what separates them.
fn parts(suffix: &str) -> impl Iterator<Item = &str> {
    let mut rest = suffix;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|character: char| !character.is_ascii_alphanumeric());
        let is_number = rest.chars().next()?.is_ascii_digit();
        let belongs = |character: char| character.is_ascii_alphanumeric() && character.is_ascii_digit() == is_number;
        let end = rest.find(|character: char| !belongs(character)).unwrap_or(rest.len());
        let (part, after) = rest.split_at_checked(end)?;
        rest = after;
        Some(part)
    })
}

fn is_pre_release(suffix: &str) -> bool {
    let is_one_of = |part: &str, words: &[&str]| words.iter().any(|word| part.eq_ignore_ascii_case(word));
    let is_letter = suffix.starts_with(|first: char| first.is_ascii_alphabetic())
        && parts(suffix).next().is_some_and(|letter| is_one_of(letter, PRE_RELEASE_LETTERS))
        && parts(suffix).nth(1).is_some_and(|number| number.starts_with(|first: char| first.is_ascii_digit()));
    is_letter || parts(suffix).any(|part| is_one_of(part, PRE_RELEASES))
}

fn push_suffix(key: &mut String, suffix: &str) {
    for part in parts(suffix) {
        if part.starts_with(|first: char| first.is_ascii_digit()) {
            key.push(DIGITS);
            push_number(key, part);
        } else {
            key.push(WORD);
            key.extend(part.chars().map(|letter| letter.to_ascii_lowercase()));
            key.push(WORD_END);
        }
    }
    key.push(END);
}

/// Appends a number as its length and its digits, which then compare by value.
fn push_number(key: &mut String, digits: &str) {
    let significant = digits.trim_start_matches('0');
    // A tag has at most 128 characters, so the length is one printable character, or two.
    match u8::try_from(significant.len()) {
        Ok(length @ 0..=60) => key.push(char::from(b'0' + length)),
        length => {
            key.push('~');
            key.push(char::from(b'!' + length.unwrap_or(u8::MAX).saturating_sub(60).min(93)));
        }
    }
    key.push_str(significant);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::cmp::Ordering;

    fn compare(one: &str, other: &str) -> Ordering {
        version_key(one).cmp(&version_key(other))
    }

    #[test]
    fn tags_are_ordered_as_people_order_versions() {
        let ascending = [
            "latest",
            "stable",
            "4f50a1e",
            "nightly-2024",
            "release-9",
            "release-10",
            "0.9",
            "v1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc1",
            "1.0.0-rc1-alpine",
            "1.0.0-rc2",
            "1.0.0-rc10",
            "1.0.0",
            "1.0.0-1",
            "1.0.0-alpine",
            "1.0.0-alpine3.9",
            "1.0.0-alpine3.19",
            "1.0.0-slim",
            "1.0.1",
            "1.9",
            "1.10",
            "1.10.0",
            "1.10.0.1",
            "2",
            "2.0",
            "3.13.0a1",
            "3.13.0b2",
            "3.13.0rc1",
            "3.13.0",
            "10",
            "20240101",
            "20240102",
        ];
        for (at, pair) in ascending.windows(2).enumerate() {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{at}: {pair:?}");
        }
        assert_eq!(compare("v1.2.3", "1.02.3"), Ordering::Equal);
    }

    #[test]
    fn a_stable_version_is_three_numbers_at_most() {
        for stable in ["1", "v2", "22.04", "1.27.3", "v1.0.0", "2024.11.1"] {
            assert!(is_stable(stable), "{stable}");
        }
        for other in ["latest", "1.2.3.4", "1.27.3-alpine", "1.0rc1", "20240101", "v", "4f50a1e", "1.", "", "1.2_3", "sha-1"] {
            assert!(!is_stable(other), "{other}");
        }
    }

    /// A version of Semantic Versioning with words that mark a pre-release, and its parts for comparison.
    fn semantic() -> impl Strategy<Value = (String, [u64; 3], Vec<Result<u64, &'static str>>)> {
        let word = prop_oneof![(0u64..200).prop_map(Ok), prop::sample::select(vec!["alpha", "beta", "rc", "x", "z"]).prop_map(Err)];
        let first = prop::sample::select(vec!["alpha", "beta", "rc"]).prop_map(Err);
        let pre_release = prop_oneof![
            Just(Vec::new()),
            (first, prop::collection::vec(word, 0..3)).prop_map(|(first, rest)| [vec![first], rest].concat())
        ];
        ([0u64..30, 0u64..30, 0u64..300], pre_release).prop_map(|(numbers, pre_release)| {
            let words: Vec<_> =
                pre_release.iter().map(|part: &Result<u64, &str>| part.map_or_else(str::to_owned, |number| number.to_string())).collect();
            let suffix = if words.is_empty() { String::new() } else { format!("-{}", words.join(".")) };
            (format!("{}.{}.{}{suffix}", numbers[0], numbers[1], numbers[2]), numbers, pre_release)
        })
    }

    proptest! {
        #[test]
        fn the_order_of_semantic_versions_is_theirs(one in semantic(), other in semantic()) {
            let release = |pre_release: &Vec<_>| pre_release.is_empty();
            let expected = one.1.cmp(&other.1).then(release(&one.2).cmp(&release(&other.2))).then(one.2.cmp(&other.2));
            prop_assert_eq!(compare(&one.0, &other.0), expected, "{} {}", one.0, other.0);
        }

        #[test]
        fn every_tag_has_a_printable_key_of_bounded_length(tag in "[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}") {
            let key = version_key(&tag);
            prop_assert!(key.len() <= 4 * tag.len() + 3, "{key}");
            prop_assert!(key.bytes().all(|byte| byte.is_ascii_graphic()), "{key}");
        }

        #[test]
        fn numbers_compare_by_value(one in "[1-9][0-9]{0,120}", other in "[1-9][0-9]{0,120}") {
            prop_assert_eq!(compare(&one, &other), one.len().cmp(&other.len()).then(one.cmp(&other)));
        }
    }
}
