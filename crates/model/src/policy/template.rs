//! Policy variables: `${aws:username}` in a resource or in a condition value.
//!
//! Source: IAM user guide, "IAM policy elements: Variables and tags". Version 2012-10-17 introduced variables; in an older
//! policy, `${…}` is plain text.

use super::bits::count;
use super::context::RequestContext;
use super::error::StatementError;
use super::text::MAXIMUM_CHARACTERS;
use super::wildcard::{Pattern, Token};
use std::borrow::Cow;

/// The special characters in a text of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    /// `${…}` is a variable.
    pub(super) variables: bool,
    /// `*` and `?` are wildcards.
    pub(super) wildcards: bool,
}

/// A text of a policy, which becomes a pattern when its variables are substituted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Template {
    /// A text without variables.
    Fixed(Pattern),
    /// A text with variables, which are substituted per request.
    Variable(Vec<Part>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Token(Token),
    Variable { key: String, default: Option<String> },
}

impl Template {
    /// Splits `text` into characters, wildcards and variables.
    pub(super) fn parse(text: &str, reading: Reading) -> Result<Self, StatementError> {
        let parts = parts(text, reading).ok_or_else(|| StatementError::Variable(text.to_owned()))?;
        let token = |part: &Part| match part {
            Part::Token(token) => Some(*token),
            Part::Variable { .. } => None,
        };
        Ok(parts.iter().map(token).collect::<Option<Pattern>>().map_or(Self::Variable(parts), Self::Fixed))
    }

    /// The pattern for this request; `None` if a variable has no value and no default.
    pub(super) fn resolve(&self, context: &RequestContext) -> Option<Cow<'_, Pattern>> {
        let parts = match self {
            Self::Fixed(pattern) => return Some(Cow::Borrowed(pattern)),
            Self::Variable(parts) => parts,
        };
        let mut tokens = Vec::new();
        let mut fixed = 0;
        for part in parts {
            match part {
                Part::Token(token) => {
                    fixed += usize::from(*token != Token::AnyMany);
                    tokens.push(*token);
                }
                // Wildcards in a value are literal; otherwise a name with `*` would act as a pattern.
                Part::Variable { key, default } => {
                    let value = value(context, key, default.as_deref())?;
                    // A pattern longer than the longest text matches nothing, so its remainder need not be built.
                    if fixed <= MAXIMUM_CHARACTERS {
                        let before = tokens.len();
                        tokens.extend(value.chars().map(Token::Literal));
                        fixed += tokens.len() - before;
                    }
                }
            }
        }
        count(tokens.len());
        Some(Cow::Owned(tokens.into_iter().collect()))
    }
}

/// The value of a variable. The default stands in for a key without exactly one value, but not for an overlong value.
fn value<'a>(context: &'a RequestContext, key: &str, default: Option<&'a str>) -> Option<&'a str> {
    match context.values(key) {
        [single] => single.get(),
        _ => default,
    }
}

fn parts(text: &str, reading: Reading) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        if reading.variables && rest.starts_with("${") {
            let (inside, after) = rest[2..].split_once('}')?;
            parts.push(variable(inside)?);
            rest = after;
        } else {
            let token = if reading.wildcards { Token::wildcard(character) } else { Token::Literal(character) };
            parts.push(Part::Token(token));
            rest = &rest[character.len_utf8()..];
        }
    }
    Some(parts)
}

/// Parses the text between `${` and `}`: an escaped `*`, `?` or `$`, a key, or a key with a default in single quotes.
fn variable(inside: &str) -> Option<Part> {
    if let "*" | "?" | "$" = inside {
        return inside.chars().next().map(Token::Literal).map(Part::Token);
    }
    let (key, default) = match inside.split_once(',') {
        Some((key, default)) => (key, Some(default.trim().strip_prefix('\'')?.strip_suffix('\'')?.to_owned())),
        None => (inside, None),
    };
    let key = key.trim().to_lowercase();
    (!key.is_empty()).then_some(Part::Variable { key, default })
}

#[cfg(test)]
mod tests {
    use super::super::text::Text;
    use super::*;
    use crate::name::RegistryId;
    use crate::policy::Caller;

    fn context() -> RequestContext {
        let account = RegistryId::parse("111122223333").expect("twelve digits");
        RequestContext::new(Caller::user(account, "division/ann"), "ecr-public:PutImage", None)
            .with("aws:TagKeys", "a")
            .with("aws:TagKeys", "b")
            .with("aws:RequestTag/Team", "st*r")
    }

    fn matches(template: &str, text: &str) -> Option<bool> {
        let template = Template::parse(template, Reading { variables: true, wildcards: true }).expect("a good template");
        template.resolve(&context()).map(|pattern| pattern.matches(&Text::new(text)))
    }

    #[test]
    fn variables_take_their_value_from_the_request() {
        assert_eq!(matches("home/${aws:username}/*", "home/ann/x"), Some(true));
        assert_eq!(matches("home/${AWS:UserName}/*", "home/ann/x"), Some(true));
        assert_eq!(matches("home/${aws:username}/*", "home/bob/x"), Some(false));
        assert_eq!(matches("${aws:requesttag/team}", "st*r"), Some(true));
    }

    #[test]
    fn a_wildcard_in_a_value_is_no_wildcard() {
        assert_eq!(matches("${aws:RequestTag/Team}", "star"), Some(false));
    }

    #[test]
    fn a_variable_without_a_single_value_falls_back_to_its_default_or_has_none() {
        assert_eq!(matches("${aws:missing}", ""), None);
        assert_eq!(matches("${aws:TagKeys}", "a"), None);
        assert_eq!(matches("${aws:missing, 'some one'}", "some one"), Some(true));
        assert_eq!(matches("${aws:username, 'nobody'}", "ann"), Some(true));
    }

    #[test]
    fn the_special_characters_can_be_quoted() {
        assert_eq!(matches("a${*}", "a*"), Some(true));
        assert_eq!(matches("a${*}", "ab"), Some(false));
        assert_eq!(matches("a${?}b${$}", "a?b$"), Some(true));
        assert_eq!(matches("cost$ {x}", "cost$ {x}"), Some(true));
    }

    #[test]
    fn malformed_variables_are_refused_and_older_versions_have_none() {
        for bad in ["${", "${}", "a${aws:username", "${aws:username, nobody}", "${aws:username, 'x}", "${ , 'x'}"] {
            let reading = Reading { variables: true, wildcards: true };
            assert_eq!(Template::parse(bad, reading), Err(StatementError::Variable(bad.to_owned())), "{bad}");
            assert!(Template::parse(bad, Reading { variables: false, wildcards: true }).is_ok(), "{bad}");
        }
    }
}
