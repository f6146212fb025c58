//! The query of a request, or a form. It is decoded where it is asked for and nowhere else: anybody may send a long one.

use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// The parameters of a query in their order; a name may come several times.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Query<'a>(Cow<'a, str>);

impl<'a> Query<'a> {
    /// Reads `name=value&…`. Bytes that are no UTF-8 become replacement characters, which no value here may contain.
    ///
    /// A plus stays a plus: media types are full of them, few people encode them, and no value here has a blank.
    pub(crate) fn parse(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }

    /// Reads the body of a form, in which a plus is a blank (WHATWG URL standard, "application/x-www-form-urlencoded").
    pub(crate) fn parse_form(text: &str) -> Query<'static> {
        Query(Cow::Owned(text.replace('+', "%20")))
    }

    /// The first value of this name that is not empty.
    pub(crate) fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        self.all(name).find(|value| !value.is_empty())
    }

    /// Every value of this name, in order.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = Cow<'_, str>> {
        let pairs = self.0.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let named = pairs.filter(move |(key, _)| percent_decode_str(key).eq(name.bytes()));
        named.map(|(_, value)| percent_decode_str(value).decode_utf8_lossy())
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
    fn a_name_is_known_however_it_is_encoded() {
        assert_eq!(Query::parse("%74ag=a&ta%67=b&tag%3D=c").all("tag").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(Query::parse("").get(""), None);
    }

    #[test]
    fn a_plus_is_a_blank_in_a_form_only() {
        assert_eq!(Query::parse("artifactType=a/b+json").get("artifactType").as_deref(), Some("a/b+json"));
        assert_eq!(Query::parse_form("scope=a+b%2Bc").get("scope").as_deref(), Some("a b+c"));
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "\\PC{0,60}") {
            let query = Query::parse(&text);
            let _ = (query.get("n"), query.all("tag").count());
        }
    }
}
