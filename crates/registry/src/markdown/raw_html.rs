//! Scans the HTML that Markdown may contain into tags and text.

use std::borrow::Cow;

/// A part of a piece of HTML. Comments, declarations and whatever an unfinished tag begins are left out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// Text as written, with its character references.
    Text(&'a str),
    Open(Tag<'a>),
    /// The name of an end tag in lower case.
    Close(String),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tag<'a> {
    /// In lower case.
    pub(super) name: String,
    pub(super) attributes: Vec<(&'a str, &'a str)>,
}

/// The number of attributes of a tag that are read.
const MAXIMUM_ATTRIBUTES: usize = 16;

impl Tag<'_> {
    /// The value of an attribute with its character references resolved. That of one without a value is empty.
    pub(super) fn attribute(&self, name: &str) -> Option<Cow<'_, str>> {
        let (_, value) = self.attributes.iter().find(|(found, _)| found.eq_ignore_ascii_case(name))?;
        Some(resolved(value))
    }
}

/// Resolves the common named character references. Others stay as they are.
pub(super) fn resolved(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let names = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&nbsp;", " "), ("&amp;", "&")];
    Cow::Owned(names.iter().fold(text.to_owned(), |text, (name, character)| text.replace(name, character)))
}

/// Iterates over the tokens of `html`, in time linear in its length.
pub(super) struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Tokens<'a> {
    pub(super) const fn new(html: &'a str) -> Self {
        Self { rest: html }
    }

    /// Splits off the first `length` bytes.
    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }

    /// Drops everything up to and including `end`, or everything.
    fn skip_past(&mut self, end: &str) {
        self.rest = self.rest.split_once(end).map_or("", |(_, rest)| rest);
    }

    /// Reads a tag after its `<` or `</`. `None` at the end of the text, which drops the tag (HTML standard, "eof-in-tag").
    fn tag(&mut self) -> Option<Tag<'a>> {
        let end = self.rest.find(|c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>')).unwrap_or(self.rest.len());
        let name = self.take(end).to_ascii_lowercase();
        let mut attributes = Vec::new();
        loop {
            self.rest = self.rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
            if let Some(rest) = self.rest.strip_prefix('>') {
                self.rest = rest;
                return Some(Tag { name, attributes });
            }
            let attribute = self.attribute()?;
            if attributes.len() < MAXIMUM_ATTRIBUTES {
                attributes.push(attribute);
            }
        }
    }

    /// Reads an attribute. `None` at the end of the text.
    fn attribute(&mut self) -> Option<(&'a str, &'a str)> {
        let first = self.rest.chars().next()?.len_utf8();
        let end = self.rest[first..].find(|c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>' | '='));
        let name = self.take(end.map_or(self.rest.len(), |end| first + end));
        let Some(value) = self.rest.trim_ascii_start().strip_prefix('=') else { return Some((name, "")) };
        self.rest = value.trim_ascii_start();
        let quote = self.rest.chars().next()?;
        if matches!(quote, '"' | '\'') {
            let (value, rest) = self.rest[1..].split_once(quote)?;
            self.rest = rest;
            return Some((name, value));
        }
        let end = self.rest.find(|c: char| c.is_ascii_whitespace() || c == '>')?;
        Some((name, self.take(end)))
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        while let Some(first) = self.rest.as_bytes().first() {
            let after = self.rest.as_bytes().get(1..).unwrap_or_default();
            match (first, after) {
                (b'<', [b'!', b'-', b'-', ..]) => self.skip_past("-->"),
                (b'<', [b'!' | b'?', ..]) => self.skip_past(">"),
                (b'<', [b'/', letter, ..]) if letter.is_ascii_alphabetic() => {
                    self.take(2);
                    return self.tag().map(|tag| Token::Close(tag.name));
                }
                (b'<', [letter, ..]) if letter.is_ascii_alphabetic() => {
                    self.take(1);
                    return self.tag().map(Token::Open);
                }
                _ => {
                    let begin = usize::from(*first == b'<');
                    let end = self.rest[begin..].find('<').map_or(self.rest.len(), |end| begin + end);
                    return Some(Token::Text(self.take(end)));
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(html: &str) -> Vec<String> {
        let show = |token| match token {
            Token::Text(text) => text.to_owned(),
            Token::Open(tag) => format!("<{} {:?}>", tag.name, tag.attributes),
            Token::Close(name) => format!("</{name}>"),
        };
        Tokens::new(html).map(show).collect()
    }

    #[test]
    fn tags_have_names_in_lower_case_and_attributes_in_every_notation() {
        let html = r#"a <IMG src=x alt="b > c" title='d' hidden/><br/>1 < 2 &amp; </DIV >"#;
        let image = r#"<img [("src", "x"), ("alt", "b > c"), ("title", "d"), ("hidden", "")]>"#;
        assert_eq!(shown(html), ["a ", image, "<br []>", "1 ", "< 2 &amp; ", "</div>"]);
    }

    #[test]
    fn comments_declarations_and_unfinished_tags_are_left_out() {
        for (html, expected) in [
            ("a<!-- <b> -->c<!doctype html>d<?php ?>e", vec!["a", "c", "d", "e"]),
            ("a<!-- b", vec!["a"]),
            ("a<b c", vec!["a"]),
            ("a<b c=\"d>", vec!["a"]),
            ("a<b c=", vec!["a"]),
            ("<", vec!["<"]),
            ("</", vec!["</"]),
        ] {
            assert_eq!(shown(html), expected, "{html}");
        }
    }

    #[test]
    fn attributes_are_found_by_name_whatever_their_case() {
        let Some(Token::Open(tag)) = Tokens::new("<a HREF=\"?a=1&amp;b=2\" open>").next() else { panic!("no tag") };
        assert_eq!(tag.attribute("href").as_deref(), Some("?a=1&b=2"));
        assert_eq!((tag.attribute("open").as_deref(), tag.attribute("title")), (Some(""), None));
    }

    proptest! {
        #[test]
        fn scanning_ends_and_never_panics(html in "[<>/='\"a-cé! -]{0,60}") {
            prop_assert!(Tokens::new(&html).count() <= html.len());
        }
    }
}
