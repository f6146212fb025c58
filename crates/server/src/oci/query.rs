//! The query of a request, decoded.

use percent_encoding::percent_decode_str;

/// The parameters of a query in their order; a name may come several times.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Decodes `name=value&…`. Bytes that are no UTF-8 become replacement characters, which no value here may contain.
    ///
    /// A plus stays a plus: media types are full of them, few people encode them, and no value here has a blank.
    pub(super) fn parse(text: &str) -> Self {
        let decoded = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        });
        Self(pairs.collect())
    }

    /// Decodes the body of a form, in which a plus is a blank (WHATWG URL standard, "application/x-www-form-urlencoded").
    pub(super) fn parse_form(text: &str) -> Self {
        Self::parse(&text.replace('+', "%20"))
    }

    /// The first value of this name that is not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// Every value of this name, in order.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
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
        assert_eq!(query.get("digest"), Some("sha256:abc"));
        assert_eq!(query.get("last"), Some("a/b"));
        assert_eq!((query.get("n"), query.get("absent")), (None, None));
    }

    #[test]
    fn a_plus_is_a_blank_in_a_form_only() {
        assert_eq!(Query::parse("artifactType=a/b+json").get("artifactType"), Some("a/b+json"));
        assert_eq!(Query::parse_form("scope=a+b%2Bc").get("scope"), Some("a b+c"));
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "\\PC{0,60}") {
            let _ = Query::parse(&text);
        }
    }
}
