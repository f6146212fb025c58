//! The parameters of a query or form. Only requested parameters are decoded, because clients may send long queries.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};
use std::borrow::Cow;

/// The characters that are percent-encoded in the value of a query: all but RFC 3986's unreserved ones.
pub(crate) const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The parameters of a query, in order. A name may occur several times. Bytes that are not UTF-8 become replacement characters,
/// which no valid value contains.
#[derive(Debug, Clone)]
pub(crate) struct Query<'a>(Cow<'a, str>);

impl<'a> Query<'a> {
    /// Parses the query of a URI. A plus stays a plus: media types have them, few clients encode them, and no valid value has a
    /// blank.
    pub(crate) fn parse(text: &'a str) -> Self {
        Self(if text.contains('+') { Cow::Owned(text.replace('+', "%2B")) } else { Cow::Borrowed(text) })
    }

    /// Parses the body of a form, in which a plus is a blank (WHATWG URL standard, "application/x-www-form-urlencoded").
    pub(crate) fn parse_form(text: impl Into<Cow<'a, str>>) -> Self {
        Self(text.into())
    }

    /// The first value of this name that is not empty.
    pub(crate) fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        self.all(name).find(|value| !value.is_empty())
    }

    /// Every value of this name, in order.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = Cow<'_, str>> {
        form_urlencoded::parse(self.0.as_bytes()).filter(move |(key, _)| key == name).map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_may_repeat_and_values_are_decoded() {
        let query = Query::parse("tag=a&digest=sha256%3Aabc&tag=b&n&=x&&last=a%2Fb");
        assert_eq!(query.all("tag").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(query.get("digest").as_deref(), Some("sha256:abc"));
        assert_eq!(query.get("last").as_deref(), Some("a/b"));
        assert_eq!((query.get("n"), query.get("absent")), (None, None));
    }

    #[test]
    fn a_name_is_found_however_it_is_encoded() {
        assert_eq!(Query::parse("%74ag=a&ta%67=b&tag%3D=c").all("tag").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(Query::parse("").get(""), None);
    }

    #[test]
    fn a_plus_is_a_blank_in_a_form_only() {
        assert_eq!(Query::parse("artifactType=a/b+json").get("artifactType").as_deref(), Some("a/b+json"));
        assert_eq!(Query::parse_form("scope=a+b%2Bc").get("scope").as_deref(), Some("a b+c"));
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_replaced_in_a_query_and_in_a_form() {
        for query in [Query::parse("n=a%FFb&%FF=x&n=%C3"), Query::parse_form("n=a%FFb&%FF=x&n=%C3")] {
            assert_eq!(query.all("n").collect::<Vec<_>>(), ["a\u{fffd}b", "\u{fffd}"]);
        }
        assert_eq!(Query::parse("n=%&n=%2&n=%zz").all("n").collect::<Vec<_>>(), ["%", "%2", "%zz"], "no escape is no error");
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "\\PC{0,60}") {
            let query = Query::parse(&text);
            let _ = (query.get("n"), query.all("tag").count());
        }
    }
}
