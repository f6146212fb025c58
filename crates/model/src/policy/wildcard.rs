//! Wildcards: `*` for any characters (also none), `?` for exactly one.
//!
//! Source: IAM user guide, "IAM JSON policy elements: Resource" and "Condition operators" (ARN operators).
//!
//! Matching never backtracks. Up to the first `*` it compares character by character. From there on it simulates the pattern's
//! automaton with a bit set of the positions at which the pattern so far can end. Each token updates a constant number of words,
//! so the cost is linear in the pattern for every text.

use super::bits::count;
use super::text::{ARN_PARTS, Part, Text};

/// One element of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    Literal(char),
    AnyOne,
    AnyMany,
}

/// A text with wildcards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Token>);

impl Pattern {
    /// Parses `*` and `?` as wildcards and all other characters as literals. Every text is a pattern.
    pub(super) fn parse(text: &str) -> Self {
        text.chars().map(Token::wildcard).collect()
    }

    /// Whether the whole of `text` matches. An overlong text matches nothing.
    pub(super) fn matches(&self, text: &Text) -> bool {
        text.get().is_some() && matches(&self.0, text, &text.whole())
    }

    /// Whether `arn` matches part by part, so that no wildcard reaches across a colon into the next part.
    /// A pattern or a text with fewer than six parts matches nothing.
    pub(super) fn matches_arn(&self, arn: &Text) -> bool {
        let Some(parts) = arn.arn_parts() else { return false };
        count(self.0.len());
        let patterns: Vec<_> = self.0.splitn(ARN_PARTS, |token| *token == Token::Literal(':')).collect();
        patterns.len() == ARN_PARTS && patterns.iter().zip(parts).all(|(pattern, part)| matches(pattern, arn, part))
    }

    /// Whether `text` equals the pattern, ignoring case. Wildcards are literal.
    pub(super) fn is_in_any_case(&self, text: &str) -> bool {
        let lower = self.0.iter().flat_map(|token| token.to_lowercase());
        let mut given = text.chars().flat_map(char::to_lowercase);
        lower.inspect(|_| count(1)).all(|token| given.next().is_some_and(|character| token == Token::Literal(character)))
            && given.next().is_none()
    }

    /// The pattern in lower case, for matching with text in lower case.
    #[must_use]
    pub(super) fn to_lowercase(&self) -> Self {
        self.0.iter().flat_map(|token| token.to_lowercase()).collect()
    }
}

impl FromIterator<Token> for Pattern {
    fn from_iter<I: IntoIterator<Item = Token>>(tokens: I) -> Self {
        let mut tokens: Vec<_> = tokens.into_iter().collect();
        // `**` is equivalent to `*` but costs more.
        tokens.dedup_by(|next, earlier| *next == Token::AnyMany && *earlier == Token::AnyMany);
        Self(tokens)
    }
}

impl Token {
    /// The meaning of a character in a pattern.
    pub(super) fn wildcard(character: char) -> Self {
        match character {
            '*' => Self::AnyMany,
            '?' => Self::AnyOne,
            other => Self::Literal(other),
        }
    }

    fn to_lowercase(self) -> Vec<Self> {
        match self {
            Self::Literal(character) => character.to_lowercase().map(Self::Literal).collect(),
            wildcard => vec![wildcard],
        }
    }
}

/// Whether `pattern` matches the whole of `part`.
fn matches(pattern: &[Token], text: &Text, part: &Part) -> bool {
    let mut characters = text.slice(part).chars();
    for (at, token) in pattern.iter().enumerate() {
        count(1);
        if *token == Token::AnyMany {
            let rest = &pattern[at + 1..];
            return rest.is_empty() || matches_after_star(rest, text, part.characters.start + at, part.characters.end);
        }
        match characters.next() {
            Some(found) if *token == Token::AnyOne || *token == Token::Literal(found) => {}
            _ => return false,
        }
    }
    characters.next().is_none()
}

/// Whether `pattern`, which follows a `*`, matches the text from any position between `start` and `end` up to `end`.
fn matches_after_star(pattern: &[Token], text: &Text, start: usize, end: usize) -> bool {
    count(pattern.len());
    if pattern.iter().filter(|token| **token != Token::AnyMany).count() > end.saturating_sub(start) {
        return false;
    }
    let index = text.positions();
    let mut positions = index.between(start, end);
    for token in pattern {
        let only = match token {
            Token::AnyMany => {
                positions.spread(end);
                continue;
            }
            Token::AnyOne => None,
            Token::Literal(character) => match index.of(*character) {
                Some(found) => Some(found),
                None => return false,
            },
        };
        positions.remove(end);
        positions.advance(only);
        if positions.is_empty() {
            return false;
        }
    }
    positions.has(end)
}

#[cfg(test)]
mod tests {
    use super::super::bits::counted;
    use super::super::text::MAXIMUM_CHARACTERS;
    use super::*;
    use proptest::prelude::*;

    /// The definition of a wildcard, literally and slowly.
    fn reference(pattern: &[char], text: &[char]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, _) => text.is_empty(),
            (Some(('*', rest)), _) => (0..=text.len()).any(|taken| reference(rest, &text[taken..])),
            (Some(('?', rest)), Some((_, tail))) => reference(rest, tail),
            (Some((wanted, rest)), Some((found, tail))) => wanted == found && reference(rest, tail),
            (Some(_), None) => false,
        }
    }

    fn matches(pattern: &str, text: &str) -> bool {
        Pattern::parse(pattern).matches(&Text::new(text))
    }

    proptest! {
        #[test]
        fn the_matcher_agrees_with_a_plain_recursive_one(pattern in "[ab*?é]{0,8}", text in "[abé]{0,10}") {
            let expected = reference(&pattern.chars().collect::<Vec<_>>(), &text.chars().collect::<Vec<_>>());
            prop_assert_eq!(matches(&pattern, &text), expected);
        }

        #[test]
        fn a_text_without_wildcards_matches_itself_alone(text in "[a-z:/é]{0,12}", other in "[a-z:/é]{0,12}") {
            prop_assert!(matches(&text, &text));
            prop_assert_eq!(matches(&text, &other), text == other);
        }
    }

    #[test]
    fn long_texts_match_across_the_words_that_their_places_take() {
        let text = format!("{}b{}c", "a".repeat(100), "a".repeat(400));
        for (pattern, expected) in [("*b*c", true), ("a*b?*?c", true), ("*b*b*", false), ("*c?", false), ("*a", false), ("*?c", true)] {
            assert_eq!(matches(pattern, &text), expected, "{pattern}");
        }
        assert!(matches(&format!("*{}c", "?".repeat(450)), &text));
        assert!(!matches(&format!("*{}c", "?".repeat(502)), &text));
    }

    /// Patterns that make a backtracking matcher exponential or quadratic, on the longest text.
    #[test]
    fn a_match_takes_a_bounded_number_of_steps_for_each_character_of_the_worst_pattern() {
        const WORDS: usize = MAXIMUM_CHARACTERS / 64 + 1;
        let text = Text::new(&"a".repeat(MAXIMUM_CHARACTERS));
        let worst = [
            "a*".repeat(5_000) + "b",
            "*a".repeat(500) + "*b",
            format!("*{}b", "a".repeat(MAXIMUM_CHARACTERS - 1)),
            format!("*{}b", "?".repeat(MAXIMUM_CHARACTERS - 1)),
            format!("{}*{}*b", "?*".repeat(300), "a?".repeat(200)),
        ];
        for pattern in worst {
            let read = Pattern::parse(&pattern);
            let (matched, steps) = counted(|| read.matches(&text));
            assert!(!matched, "{pattern}");
            assert!(steps <= (WORDS + 2) * pattern.len() + MAXIMUM_CHARACTERS, "{steps} steps: {pattern}");
        }
    }

    #[test]
    fn an_arn_pattern_matches_part_by_part() {
        for (pattern, arn, expected) in [
            ("arn:aws:iam::111122223333:user/*", "arn:aws:iam::111122223333:user/team/ann", true),
            ("arn:aws:iam::*:root", "arn:aws:iam::111122223333:root", true),
            ("arn:*:*:*:*:*", "arn:aws:iam::111122223333:root", true),
            ("arn:aws:iam::????22223333:root", "arn:aws:iam::111122223333:root", true),
            ("arn:aws:ecr-public::111122223333:*", "arn:aws:ecr-public::111122223333:a:b", true),
            ("arn:aws:iam*:root", "arn:aws:iam::111122223333:root", false),
            ("arn:aws:iam::*", "arn:aws:iam::111122223333:root", false),
            ("*", "arn:aws:iam::111122223333:root", false),
            ("arn:*:*:*:*:*", "no arn", false),
            ("arn:aws:iam::111122223333:user/ann", "arn:aws:iam::111122223333:user/Ann", false),
            ("arn:*s:i*m::1111*3333:*/*n", "arn:aws:iam::111122223333:user/ann", true),
            ("arn:*s:i*m::1111*4444:*/*n", "arn:aws:iam::111122223333:user/ann", false),
            ("arn:*?s:*iam?:*:1*:*", "arn:aws:iam::111122223333:user/ann", false),
            ("arn:*s:*m:*:*3:*:*", "arn:aws:iam::111122223333:user/a:n", true),
        ] {
            assert_eq!(Pattern::parse(pattern).matches_arn(&Text::new(arn)), expected, "{pattern} {arn}");
        }
    }
}
