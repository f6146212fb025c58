//! Invariants for arbitrary requests: the bodies of the fuzz targets in `fuzz/`, which the tests below also run.

use super::operation::{Endpoint, Place, Route};
use super::range::{self, Selection, Span};
use super::route;
use http::Method;

/// Routes a path with a query for every method. The name of a parsed repository parses to the same repository.
pub fn path(text: &str) {
    let (path, query) = text.split_once('?').map_or((text, None), |(path, query)| (path, Some(query)));
    for method in [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        if let Ok(Route::Pull(place, _) | Route::Other(Endpoint::Repository(place, _))) = route::parse(&method, path, query) {
            assert_eq!(Place::parse(&place.to_string()), Ok(place));
        }
    }
}

/// Selects the ranges of a `Range` header. All lie within the blob, and none overlap.
pub fn range(header: &str, size: u64) {
    let Selection::Parts(mut spans) = range::select(header, size) else { return };
    spans.sort_by_key(|span| span.start);
    assert!(!spans.is_empty() && spans.iter().all(|span| span.start <= span.end && span.end < size));
    assert!(spans.windows(2).all(|pair| pair[0].end < pair[1].start));
}

/// Parses the `Content-Range` of a chunk. Formatting and parsing it again gives the same span.
pub fn content_range(header: &str) {
    if let Some(Span { start, end }) = range::parse_chunk(header) {
        assert!(start <= end);
        assert_eq!(range::parse_chunk(&format!("{start}-{end}")), Some(Span { start, end }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_holds_for_any_text(text in "\\PC{0,80}", size in any::<u64>()) {
            path(&text);
            path(&format!("/v2/{text}"));
            range(&text, size);
            content_range(&text);
        }

        #[test]
        fn it_holds_for_text_that_is_almost_right(
            place in "[a-z0-9._/-]{0,20}", endpoint in "(blobs|manifests|referrers|tags|uploads|/|list|[0-9a-f:]){0,5}",
            query in "((n|last|digest|mount|from|tag)=[a-z0-9%:]{0,9}&){0,3}",
            spans in "([0-9]{0,20}-[0-9]{0,20},?){0,5}", size in 0u64..5000,
        ) {
            path(&format!("/v2/{place}/{endpoint}?{query}"));
            range(&format!("bytes={spans}"), size);
            content_range(&spans);
        }
    }
}
