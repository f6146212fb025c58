//! The addresses of pages, host-relative, and image references.
//!
//! Names, tags and digests consist of characters that need no escaping in a path. Values of queries are escaped.

use super::assets;
use super::route::Place;
use crate::config::Origin;
use crate::http::query::ENCODED;
use percent_encoding::utf8_percent_encode;
use roadstead_model::{Digest, Reference};
use roadstead_registry::PICTURE_PREFIX;

pub(super) fn home() -> String {
    "/".to_owned()
}

pub(super) fn search_page() -> String {
    "/search".to_owned()
}

/// The results of a search for `words`.
pub(super) fn search(words: &str) -> String {
    with_query(search_page(), &[("q", words)])
}

pub(super) fn publisher(alias: &str) -> String {
    format!("/{alias}")
}

pub(super) fn repository(place: &Place) -> String {
    format!("/{place}")
}

/// A page of a repository that a row names by texts.
pub(super) fn repository_of(alias: &str, name: &str) -> String {
    format!("/{alias}/{name}")
}

pub(super) fn usage(place: &Place) -> String {
    format!("/{place}/-/usage")
}

pub(super) fn tags(place: &Place) -> String {
    format!("/{place}/-/tags")
}

pub(super) fn pulls(place: &Place) -> String {
    format!("/{place}/-/pulls")
}

pub(super) fn compare(place: &Place) -> String {
    format!("/{place}/-/compare")
}

pub(super) fn image(place: &Place, reference: &Reference) -> String {
    match reference {
        Reference::Tag(tag) => tagged(place, tag.as_str()),
        Reference::Digest(digest) => pinned(place, digest.as_str()),
    }
}

/// The image of a tag.
pub(super) fn tagged(place: &Place, tag: &str) -> String {
    format!("/{place}:{tag}")
}

/// The image of a digest.
pub(super) fn pinned(place: &Place, digest: &str) -> String {
    format!("/{place}@{digest}")
}

/// A picture pushed beside a README. Its address has no alias, because rendered texts hold it.
pub(super) fn picture(digest: &Digest) -> String {
    format!("{PICTURE_PREFIX}{digest}")
}

pub(super) fn badge(place: &Place, name: &str, extension: &str) -> String {
    format!("/{place}/-/badge/{name}.{extension}")
}

pub(super) fn feed() -> String {
    "/-/feed.atom".to_owned()
}

pub(super) fn publisher_feed(alias: &str) -> String {
    format!("/{alias}/-/feed.atom")
}

pub(super) fn repository_feed(place: &Place) -> String {
    format!("/{place}/-/feed.atom")
}

pub(super) fn sitemap_index() -> String {
    "/-/sitemap.xml".to_owned()
}

pub(super) fn sitemap(number: u64) -> String {
    format!("/-/sitemap/{number}.xml")
}

pub(super) fn open_search() -> String {
    "/-/opensearch.xml".to_owned()
}

pub(super) fn robots() -> String {
    "/robots.txt".to_owned()
}

pub(super) fn help() -> String {
    "/-/help".to_owned()
}

/// A document of our JSON API; `document` begins with a slash.
pub(super) fn api(document: &str) -> String {
    format!("/api/v1{document}")
}

/// The manifest as it was pushed, at the OCI door.
pub(super) fn manifest(place: &Place, reference: &str) -> String {
    format!("/v2/{place}/manifests/{reference}")
}

/// The blob as it was pushed, at the OCI door.
pub(super) fn blob(place: &Place, digest: &str) -> String {
    format!("/v2/{place}/blobs/{digest}")
}

pub(super) fn logo(name: &str) -> String {
    crate::http::logo_path::of(name)
}

pub(super) fn icon() -> String {
    assets::path("favicon.svg")
}

/// Adds members to a path. Members without a value are left out.
pub(super) fn with_query(path: String, members: &[(&str, &str)]) -> String {
    let mut url = path;
    for (name, value) in members.iter().filter(|(_, value)| !value.is_empty()) {
        url.push(if url.contains('?') { '&' } else { '?' });
        url.push_str(name);
        url.push('=');
        url.extend(utf8_percent_encode(value, ENCODED));
    }
    url
}

/// The name that clients give a repository: `<host>/<alias>/<repository>`.
pub(super) fn name(origin: &Origin, place: &Place) -> String {
    format!("{}/{place}", origin.authority)
}

/// The reference that clients give an image: `<host>/<alias>/<repository>:<tag>`, or with `@<digest>`.
pub(super) fn reference(origin: &Origin, place: &Place, reference: &Reference) -> String {
    format!("{}{}", origin.authority, image(place, reference))
}

/// An absolute address, for links that leave the page.
pub(super) fn absolute(origin: &Origin, path: &str) -> String {
    format!("{origin}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_queries_are_escaped_and_empty_ones_left_out() {
        assert_eq!(
            with_query("/search".into(), &[("q", "a&b=c d\"<"), ("after", ""), ("sort", "name")]),
            "/search?q=a%26b%3Dc%20d%22%3C&sort=name"
        );
        assert_eq!(search(""), "/search");
    }
}
