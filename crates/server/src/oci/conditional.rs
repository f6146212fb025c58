//! Conditional requests (RFC 9110, section 13). The entity tag of content is its digest in quotes.

use http::header::{HeaderName, IF_MATCH, IF_NONE_MATCH, IF_RANGE};
use http::{HeaderMap, HeaderValue};
use roadstead_model::Digest;
use roadstead_registry::Condition;

/// What an `If-Match` or `If-None-Match` lists.
#[derive(Debug, Clone, PartialEq, Eq)]
enum EntityTags {
    /// `*`: whatever is there.
    Any,
    /// Some tags.
    List(Vec<EntityTag>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct EntityTag {
    weak: bool,
    text: String,
}

/// The entity tag of content with this digest.
pub(super) fn entity_tag(digest: &Digest) -> String {
    ["\"", digest.as_str(), "\""].concat()
}

/// Whether a reader has this content already. Weak tags compare as well as strong ones (section 13.1.2).
pub(super) fn is_known(headers: &HeaderMap, digest: &Digest) -> bool {
    match entity_tags(headers, &IF_NONE_MATCH) {
        None => false,
        Some(EntityTags::Any) => true,
        Some(EntityTags::List(tags)) => tags.iter().any(|tag| tag.text == digest.as_str()),
    }
}

/// Whether a `Range` counts: there is no `If-Range`, or it names this content (section 13.1.5). A date names none here.
pub(super) fn range_counts(headers: &HeaderMap, digest: &Digest) -> bool {
    headers.get(IF_RANGE).is_none_or(|value| value.as_bytes() == entity_tag(digest).as_bytes())
}

/// The condition of a push; none when both headers are there, which no condition of ours expresses.
pub(super) fn of_push(headers: &HeaderMap) -> Option<Condition> {
    match (entity_tags(headers, &IF_MATCH), entity_tags(headers, &IF_NONE_MATCH)) {
        (None, None) => Some(Condition::None),
        (Some(EntityTags::Any), None) => Some(Condition::Present),
        // A weak tag never matches strongly (section 13.1.1); with nothing left in the list, the push is refused.
        (Some(EntityTags::List(tags)), None) => Some(Condition::Is(digests(tags.iter().filter(|tag| !tag.weak)))),
        (None, Some(EntityTags::Any)) => Some(Condition::Absent),
        (None, Some(EntityTags::List(tags))) => Some(Condition::IsNot(digests(tags.iter()))),
        (Some(_), Some(_)) => None,
    }
}

fn digests<'a>(tags: impl Iterator<Item = &'a EntityTag>) -> Vec<Digest> {
    tags.filter_map(|tag| Digest::parse(&tag.text).ok()).collect()
}

/// The tags of all lines of a header; none when the header is not there.
fn entity_tags(headers: &HeaderMap, name: &HeaderName) -> Option<EntityTags> {
    let mut lines = headers.get_all(name).iter().peekable();
    lines.peek()?;
    let mut tags = Vec::new();
    for line in lines.map(HeaderValue::to_str) {
        // A line that is no text lists no tag of ours.
        let Ok(line) = line else { continue };
        if line.trim() == "*" {
            return Some(EntityTags::Any);
        }
        parse_list(line, &mut tags);
    }
    Some(EntityTags::List(tags))
}

/// Reads `"a", W/"b"`. A digest without quotes, as people type it, is taken as if it had them.
fn parse_list(mut rest: &str, tags: &mut Vec<EntityTag>) {
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return;
        }
        let unmarked = rest.strip_prefix("W/");
        let (weak, text) = (unmarked.is_some(), unmarked.unwrap_or(rest));
        let (text, after) = match text.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => text.split_once(',').unwrap_or((text, "")),
        };
        tags.push(EntityTag { weak, text: text.trim().to_owned() });
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use roadstead_model::Algorithm;

    fn digest(text: &str) -> Digest {
        Digest::of(Algorithm::Sha256, text.as_bytes())
    }

    fn headers(lines: &[(HeaderName, String)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name, value.parse().expect("a header value"));
        }
        headers
    }

    #[test]
    fn a_reader_knows_content_whose_tag_it_lists_weak_or_strong_in_any_line() {
        let (own, other) = (digest("own"), digest("other"));
        for (value, known) in [
            (format!("\"{own}\""), true),
            (format!("W/\"{own}\""), true),
            (format!("\"{other}\", \"a,b\",W/\"{own}\""), true),
            (own.to_string(), true),
            ("*".to_owned(), true),
            (format!("\"{other}\""), false),
            (String::new(), false),
        ] {
            assert_eq!(is_known(&headers(&[(IF_NONE_MATCH, value.clone())]), &own), known, "{value}");
        }
        let two_lines = headers(&[(IF_NONE_MATCH, entity_tag(&other)), (IF_NONE_MATCH, entity_tag(&own))]);
        assert!(is_known(&two_lines, &own));
        assert!(!is_known(&HeaderMap::new(), &own));
    }

    #[test]
    fn a_push_has_one_condition_or_none() {
        let own = digest("own");
        let tag = entity_tag(&own);
        let of = |lines: &[(HeaderName, &str)]| {
            let lines: Vec<_> = lines.iter().map(|(name, value)| (name.clone(), (*value).to_owned())).collect();
            of_push(&headers(&lines))
        };
        assert_eq!(of(&[]), Some(Condition::None));
        assert_eq!(of(&[(IF_NONE_MATCH, "*")]), Some(Condition::Absent));
        assert_eq!(of(&[(IF_NONE_MATCH, &tag)]), Some(Condition::IsNot(vec![own.clone()])));
        assert_eq!(of(&[(IF_MATCH, "*")]), Some(Condition::Present));
        assert_eq!(of(&[(IF_MATCH, &tag)]), Some(Condition::Is(vec![own])));
        assert_eq!(of(&[(IF_MATCH, &format!("W/{tag}, \"x\""))]), Some(Condition::Is(vec![])));
        assert_eq!(of(&[(IF_MATCH, &tag), (IF_NONE_MATCH, "*")]), None);
    }

    #[test]
    fn a_range_counts_for_the_very_content_only() {
        let own = digest("own");
        assert!(range_counts(&HeaderMap::new(), &own));
        assert!(range_counts(&headers(&[(IF_RANGE, entity_tag(&own))]), &own));
        assert!(!range_counts(&headers(&[(IF_RANGE, format!("W/{}", entity_tag(&own)))]), &own));
        assert!(!range_counts(&headers(&[(IF_RANGE, "Wed, 21 Oct 2015 07:28:00 GMT".to_owned())]), &own));
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_always_ends(text in "[W/\", \\t*a:]{0,40}") {
            parse_list(&text, &mut Vec::new());
        }
    }
}
