//! Wildcards: `*` for any characters (also none), `?` for exactly one.
//!
//! Source: IAM user guide, "IAM JSON policy elements: Resource" and "Condition operators" (ARN operators).

/// The number of colon-separated parts of an ARN; colons after the fifth belong to the last part.
const ARN_PARTS: usize = 6;

/// One element of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    Literal(char),
    AnyOne,
    AnyMany,
}

/// A text with wildcards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(Vec<Token>);

impl Pattern {
    /// Reads `*` and `?` as wildcards and everything else as itself; any text is a pattern.
    pub fn parse(text: &str) -> Self {
        text.chars().map(Token::wildcard).collect()
    }

    /// Whether the whole of `text` matches. Takes at most pattern × text steps, whatever the pattern.
    pub fn matches(&self, text: &str) -> bool {
        matches(&self.0, &text.chars().collect::<Vec<_>>())
    }

    /// Whether `arn` matches part by part, so that no wildcard reaches across a colon into the next part.
    /// A pattern or a text with fewer than six parts matches nothing.
    pub fn matches_arn(&self, arn: &str) -> bool {
        let patterns: Vec<_> = self.0.splitn(ARN_PARTS, |token| *token == Token::Literal(':')).collect();
        let parts: Vec<_> = arn.splitn(ARN_PARTS, ':').collect();
        patterns.len() == ARN_PARTS
            && parts.len() == ARN_PARTS
            && patterns.iter().zip(parts).all(|(pattern, part)| matches(pattern, &part.chars().collect::<Vec<_>>()))
    }

    /// The same pattern with lower-case letters, to be matched with text in lower case.
    #[must_use]
    pub(super) fn to_lowercase(&self) -> Self {
        self.0.iter().flat_map(|token| token.to_lowercase()).collect()
    }
}

impl FromIterator<Token> for Pattern {
    fn from_iter<I: IntoIterator<Item = Token>>(tokens: I) -> Self {
        let mut tokens: Vec<_> = tokens.into_iter().collect();
        // `**` says no more than `*`, and costs more.
        tokens.dedup_by(|next, earlier| *next == Token::AnyMany && *earlier == Token::AnyMany);
        Self(tokens)
    }
}

impl Token {
    /// The character as a pattern understands it.
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

/// Greedy matching that goes back to the last `*` only: an earlier `*` never has to take more, because whatever
/// it could take the later one can take too.
fn matches(pattern: &[Token], text: &[char]) -> bool {
    let (mut at, mut read) = (0, 0);
    let mut last_star: Option<(usize, usize)> = None;
    while read < text.len() {
        match pattern.get(at) {
            Some(Token::AnyMany) => {
                last_star = Some((at + 1, read));
                at += 1;
            }
            Some(token) if *token == Token::AnyOne || *token == Token::Literal(text[read]) => {
                at += 1;
                read += 1;
            }
            _ => {
                let Some((after_star, taken)) = last_star else { return false };
                last_star = Some((after_star, taken + 1));
                (at, read) = (after_star, taken + 1);
            }
        }
    }
    pattern[at..].iter().all(|token| *token == Token::AnyMany)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition of a wildcard, word for word and slow.
    fn reference(pattern: &[char], text: &[char]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, _) => text.is_empty(),
            (Some(('*', rest)), _) => (0..=text.len()).any(|taken| reference(rest, &text[taken..])),
            (Some(('?', rest)), Some((_, tail))) => reference(rest, tail),
            (Some((wanted, rest)), Some((found, tail))) => wanted == found && reference(rest, tail),
            (Some(_), None) => false,
        }
    }

    proptest! {
        #[test]
        fn the_matcher_agrees_with_a_plain_recursive_one(pattern in "[ab*?é]{0,8}", text in "[abé]{0,10}") {
            let expected = reference(&pattern.chars().collect::<Vec<_>>(), &text.chars().collect::<Vec<_>>());
            prop_assert_eq!(Pattern::parse(&pattern).matches(&text), expected);
        }

        #[test]
        fn a_text_without_wildcards_matches_itself_alone(text in "[a-z:/é]{0,12}", other in "[a-z:/é]{0,12}") {
            prop_assert!(Pattern::parse(&text).matches(&text));
            prop_assert_eq!(Pattern::parse(&text).matches(&other), text == other);
        }
    }

    #[test]
    fn a_hostile_pattern_ends_soon() {
        let pattern = Pattern::parse(&"a*".repeat(2_000));
        assert!(!pattern.matches(&format!("{}b", "a".repeat(1_000))));
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
        ] {
            assert_eq!(Pattern::parse(pattern).matches_arn(arn), expected, "{pattern} {arn}");
        }
    }
}
