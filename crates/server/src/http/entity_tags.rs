//! Entity tags in requests (RFC 9110, section 13.1).

use http::HeaderMap;
use http::header::{HeaderName, IF_NONE_MATCH};

/// An entry of `If-Match` or `If-None-Match`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listed<'a> {
    /// `*`: any content.
    Any,
    /// An entity tag.
    Tag {
        weak: bool,
        /// Without its quotes.
        text: &'a str,
    },
}

/// Whether the client already has what this tag, without its quotes, stands for. The comparison is weak (section 13.1.2).
pub(crate) fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    listed(headers, &IF_NONE_MATCH).any(|listed| match listed {
        Listed::Any => true,
        Listed::Tag { text, .. } => text == tag,
    })
}

/// Lazily parses the entries of all lines of a header. Lines that are not text are skipped.
pub(crate) fn listed<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = Listed<'a>> {
    headers.get_all(name).iter().filter_map(|line| line.to_str().ok()).flat_map(|line| {
        let any = line.trim() == "*";
        any.then_some(Listed::Any).into_iter().chain(Tags(if any { "" } else { line }))
    })
}

/// Parses `"a", W/"b"`. Tags without quotes, as people type them, are accepted.
struct Tags<'a>(&'a str);

impl<'a> Iterator for Tags<'a> {
    type Item = Listed<'a>;

    fn next(&mut self) -> Option<Listed<'a>> {
        let rest = self.0.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return None;
        }
        let unmarked = rest.strip_prefix("W/");
        let (weak, text) = (unmarked.is_some(), unmarked.unwrap_or(rest));
        let (text, after) = match text.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => text.split_once(',').unwrap_or((text, "")),
        };
        self.0 = after;
        Some(Listed::Tag { weak, text: text.trim() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    #[test]
    fn a_page_is_known_by_its_strong_and_by_its_weak_tag() {
        for (line, known) in
            [("\"abc\"", true), ("W/\"abc\"", true), ("\"x\", W/\"abc\"", true), ("*", true), ("\"abcd\"", false), ("", false)]
        {
            let headers = HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::from_static(line))]);
            assert_eq!(is_known(&headers, "abc"), known, "{line}");
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_always_ends(text in "[W/\", \\t*a:]{0,40}") {
            assert!(Tags(&text).count() <= text.len());
        }
    }
}
