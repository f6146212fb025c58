//! Conditional requests (RFC 9110, section 13). The entity tag of content is its digest in quotes.

use crate::http::entity_tags::{self, Listed, listed};
use http::HeaderMap;
use http::header::{HeaderName, IF_MATCH, IF_NONE_MATCH, IF_RANGE};
use roadstead_model::Digest;
use roadstead_registry::Condition;

/// The entity tag of content with this digest.
pub(super) fn entity_tag(digest: &Digest) -> String {
    ["\"", digest.as_str(), "\""].concat()
}

/// Whether the client already has this content. The comparison is weak (section 13.1.2).
pub(super) fn is_known(headers: &HeaderMap, digest: &Digest) -> bool {
    entity_tags::is_known(headers, digest.as_str())
}

/// Whether to honor `Range`: there is no `If-Range`, or it names this content (section 13.1.5). A date never does.
pub(super) fn range_counts(headers: &HeaderMap, digest: &Digest) -> bool {
    headers.get(IF_RANGE).is_none_or(|value| value.as_bytes() == entity_tag(digest).as_bytes())
}

/// Parses the precondition of a push. Returns `None` if both headers are present, which is not supported.
pub(super) fn of_push(headers: &HeaderMap) -> Option<Condition> {
    match (headers.contains_key(IF_MATCH), headers.contains_key(IF_NONE_MATCH)) {
        (false, false) => Some(Condition::None),
        (true, false) if is_any(headers, &IF_MATCH) => Some(Condition::Present),
        // Weak tags never match strongly (section 13.1.1). An empty list refuses the push.
        (true, false) => Some(Condition::Is(digests(listed(headers, &IF_MATCH), |weak| !weak))),
        (false, true) if is_any(headers, &IF_NONE_MATCH) => Some(Condition::Absent),
        (false, true) => Some(Condition::IsNot(digests(listed(headers, &IF_NONE_MATCH), |_| true))),
        (true, true) => None,
    }
}

fn is_any(headers: &HeaderMap, name: &HeaderName) -> bool {
    listed(headers, name).any(|listed| listed == Listed::Any)
}

fn digests<'a>(listed: impl Iterator<Item = Listed<'a>>, counts: impl Fn(bool) -> bool) -> Vec<Digest> {
    let digest = |listed| match listed {
        Listed::Tag { weak, text } if counts(weak) => Digest::parse(text).ok(),
        Listed::Tag { .. } | Listed::Any => None,
    };
    listed.filter_map(digest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
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
}
