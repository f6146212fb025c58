//! Pagination by `n`, `last` and `Link` (OCI distribution specification, "Listing Tags"), and the listing of repositories.

use super::failure::Failure;
use crate::http::query::{ENCODED, Query};
use crate::http::{Call, Reply, Response};
use crate::server::Server;
use http::header::LINK;
use percent_encoding::utf8_percent_encode;
use roadstead_model::PageSize;
use roadstead_model::measure::beginning;
use roadstead_model::oci::RepositoryList;

/// The length in bytes to which positions are cut. It exceeds that of any listed name, tag or digest.
const LONGEST_POSITION: usize = 512;

/// The page that a client requests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Listing {
    /// The maximum number of entries, or `None` for as many as fit a page. With 0, the page is empty and has no `Link`.
    n: Option<u64>,
    /// The position after which the page starts. It need not exist.
    pub(super) last: Option<String>,
}

impl Listing {
    /// Parses `n` and `last`. Returns `None` if `n` is not a whole number.
    pub(super) fn parse(query: &Query<'_>) -> Option<Self> {
        let n = query.get("n").as_deref().map(whole_number);
        if n == Some(None) {
            return None;
        }
        Some(Self { n: n.flatten(), last: query.get("last").map(|last| beginning(&last, LONGEST_POSITION).to_owned()) })
    }

    /// The size of the page to read, at least 1. The default is the maximum, so that most listings take one request.
    pub(super) fn size(&self) -> PageSize {
        self.n.map_or(PageSize::MAXIMUM, PageSize::clamped)
    }

    /// Returns the entries to send of those read.
    pub(super) fn entries<'a, T>(&self, read: &'a [T]) -> &'a [T] {
        if self.n == Some(0) { &[] } else { read }
    }

    /// Adds the `Link` to the page after position `next`, if there is one.
    pub(super) fn page(&self, reply: Reply, next: Option<&str>, path: &str, filter: Option<(&str, &str)>) -> Response {
        match next {
            Some(position) if self.n != Some(0) => reply.with(LINK, &self.link(path, position, filter)).into_response(),
            _ => reply.into_response(),
        }
    }

    /// The `Link` to the page after `position`, relative to the server, with an additional parameter `filter`.
    fn link(&self, path: &str, position: &str, filter: Option<(&str, &str)>) -> String {
        let filter = filter.map(|(name, value)| format!("{name}={}&", utf8_percent_encode(value, ENCODED))).unwrap_or_default();
        format!("<{path}?{filter}n={}&last={}>; rel=\"next\"", self.size().get(), utf8_percent_encode(position, ENCODED))
    }
}

/// Parses a whole number of any magnitude. Overflow saturates.
fn whole_number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().unwrap_or(u64::MAX))
}

/// Lists a page of all repositories as `<alias>/<repository>` in bytewise order, for `/v2/_catalog` (reserved by the OCI
/// distribution specification, "Extensions"). All are public, so nothing is filtered.
pub(super) async fn list_repositories(server: &Server, call: &Call, listing: &Listing) -> Result<Response, Failure> {
    let page = server.installation.at(call.arrival).list_all_repositories(listing.last.as_deref(), listing.size()).await?;
    let reply = Reply::json_for(call, &RepositoryList { repositories: listing.entries(&page.items) });
    Ok(listing.page(reply, page.next.as_deref(), "/v2/_catalog", None))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(query: &str) -> Option<Listing> {
        Listing::parse(&Query::parse(query))
    }

    #[test]
    fn n_is_a_whole_number_of_any_magnitude() {
        assert_eq!(listing("n=5").map(|listing| listing.size().get()), Some(5));
        assert_eq!(listing("n=5000").map(|listing| listing.size().get()), Some(1000));
        assert_eq!(listing("n=99999999999999999999999").map(|listing| listing.size().get()), Some(1000));
        let size_and_entries = |query: &str| listing(query).map(|listing| (listing.size().get(), listing.entries(&[1, 2]).len()));
        assert_eq!((size_and_entries(""), size_and_entries("n=0")), (Some((1000, 2)), Some((1, 0))));
        for bad in ["n=-1", "n=1.5", "n=x", "n=%201", "n=+1"] {
            assert_eq!(listing(bad), None, "{bad}");
        }
    }

    #[test]
    fn no_more_of_a_position_is_kept_than_decides() {
        let last = |text: &str| listing(&format!("last={text}")).and_then(|listing| listing.last);
        assert_eq!(last("v1").as_deref(), Some("v1"));
        assert_eq!(last(&"x".repeat(60_000)), Some("x".repeat(512)));
        assert_eq!(last(&"ä".repeat(300)), Some("ä".repeat(256)));
        // An alias has at most 50 characters, a name 205.
        assert!(50 + "/".len() + 205 < LONGEST_POSITION - "ä".len());
    }

    #[test]
    fn a_link_is_relative_and_encoded() {
        let listing = listing("n=2").expect("a listing");
        assert_eq!(listing.link("/v2/a/b/tags/list", "v1", None), r#"</v2/a/b/tags/list?n=2&last=v1>; rel="next""#);
        assert_eq!(
            listing.link("/v2/_catalog", "a/b", Some(("artifactType", "x/y+z"))),
            r#"</v2/_catalog?artifactType=x%2Fy%2Bz&n=2&last=a%2Fb>; rel="next""#
        );
    }
}
