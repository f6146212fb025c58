//! The addresses of the gallery.
//!
//! The address of a page is the image reference without its host, and views hang under a segment `-`, which no name can be. A path is
//! decoded once and validated by the grammars of names, tags and digests, so a [`Route`] never holds any other text of a client, and
//! [`Route::path`] needs no escaping.

use super::urls;
use http::Method;
use percent_encoding::percent_decode_str;
use roadstead_model::aws::gallery::Operation;
use roadstead_model::{Digest, Reference, RegistryAlias, RepositoryName, Tag};
use std::borrow::Cow;
use std::fmt;

/// `<alias>/<repository>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) alias: RegistryAlias,
    pub(super) repository: RepositoryName,
}

/// What a path of the gallery leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    Page(Route),
    /// An operation of AWS's gallery.
    Operation(Operation),
    /// A file of the gallery itself, if there is one of this name.
    Asset,
    /// The same page has another address.
    Moved(String),
    /// Holds the value of `Allow`.
    WrongMethod(&'static str),
    Unknown,
}

/// A page, or a document for programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    Home,
    Search,
    Publisher(RegistryAlias),
    Repository(Place),
    Usage(Place),
    Tags(Place),
    Pulls(Place),
    Compare(Place),
    Image(Place, Reference),
    Badge(Place, Badge, BadgeFormat),
    Feed,
    PublisherFeed(RegistryAlias),
    RepositoryFeed(Place),
    SitemapIndex,
    Sitemap(u64),
    /// A picture pushed beside a README.
    Picture(Digest),
    OpenSearch,
    Robots,
    Help,
    Api(Api),
}

/// A document below `/api/v1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Api {
    Description,
    Search,
    Publisher(RegistryAlias),
    Repository(Place),
    Tags(Place),
    Image(Place, Reference),
    Pulls(Place),
}

/// What a badge shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Badge {
    Tag,
    Size,
    Pulls,
    Platforms,
    Signed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BadgeFormat {
    Svg,
    /// The endpoint format of shields.io.
    Json,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.alias, self.repository)
    }
}

impl Place {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (alias, repository) = text.split_once('/')?;
        Some(Self { alias: RegistryAlias::parse(alias).ok()?, repository: RepositoryName::parse(repository).ok()? })
    }
}

impl Badge {
    const ALL: [(Self, &str); 5] =
        [(Self::Tag, "tag"), (Self::Size, "size"), (Self::Pulls, "pulls"), (Self::Platforms, "platforms"), (Self::Signed, "signed")];

    pub(super) fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(badge, _)| *badge == self).map_or("", |(_, name)| name)
    }
}

impl BadgeFormat {
    pub(super) fn extension(self) -> &'static str {
        match self {
            Self::Svg => "svg",
            Self::Json => "json",
        }
    }
}

/// The methods of an operation. OPTIONS is the preflight of browsers.
const OPERATION_METHODS: &str = "OPTIONS, POST";

/// Finds what a request is for. `path` is still percent-encoded.
pub(super) fn find(method: &Method, path: &str, query: Option<&str>) -> Address {
    if let Some(operation) = Operation::at(path) {
        let allowed = matches!(*method, Method::POST | Method::OPTIONS);
        return if allowed { Address::Operation(operation) } else { Address::WrongMethod(OPERATION_METHODS) };
    }
    if !matches!(*method, Method::GET | Method::HEAD) {
        return Address::WrongMethod("GET, HEAD");
    }
    let Ok(path) = percent_decode_str(path).decode_utf8() else { return Address::Unknown };
    if path.starts_with("/assets/") {
        return Address::Asset;
    }
    if path == "/favicon.ico" {
        return Address::Moved(urls::icon());
    }
    let Some(route) = parse(&path) else { return Address::Unknown };
    let own = route.path();
    if own == path {
        return Address::Page(route);
    }
    Address::Moved(query.map_or(own.clone(), |query| format!("{own}?{query}")))
}

/// Parses a decoded path, with or without a trailing slash. Upper-case letters in names count as lower-case.
fn parse(path: &str) -> Option<Route> {
    let path = path.strip_prefix('/')?;
    let path = path.strip_suffix('/').unwrap_or(path);
    match path {
        "" => return Some(Route::Home),
        "search" => return Some(Route::Search),
        "robots.txt" => return Some(Route::Robots),
        _ => {}
    }
    if let Some(view) = path.strip_prefix("-/") {
        return of_installation(view);
    }
    if let Some(document) = path.strip_prefix("api/v1") {
        return api(document).map(Route::Api);
    }
    match path.split_once("/-/") {
        Some((names, view)) => of_names(&lower_case(names), view),
        None => page(path),
    }
}

fn of_installation(view: &str) -> Option<Route> {
    match view {
        "help" => Some(Route::Help),
        "feed.atom" => Some(Route::Feed),
        "opensearch.xml" => Some(Route::OpenSearch),
        "sitemap.xml" => Some(Route::SitemapIndex),
        _ => {
            if let Some(digest) = view.strip_prefix("asset/") {
                return Digest::parse(digest).ok().map(Route::Picture);
            }
            let number = view.strip_prefix("sitemap/")?.strip_suffix(".xml")?;
            // Only one way to write a number is an address.
            number.parse().ok().filter(|parsed: &u64| parsed.to_string() == number).map(Route::Sitemap)
        }
    }
}

/// A page of a publisher, a repository or an image.
fn page(path: &str) -> Option<Route> {
    let end = path.find([':', '@']).unwrap_or(path.len());
    let (names, reference) = path.split_at(end);
    let names = lower_case(names);
    if !reference.is_empty() {
        return Some(Route::Image(Place::parse(&names)?, image_reference(reference)?));
    }
    if names.contains('/') { Place::parse(&names).map(Route::Repository) } else { RegistryAlias::parse(&names).ok().map(Route::Publisher) }
}

/// Parses `:<tag>`, `@<digest>` or both, of which the digest decides, as in every client.
fn image_reference(text: &str) -> Option<Reference> {
    let (tag, digest) = match text.split_once('@') {
        Some((tag, digest)) => (tag, Some(Digest::parse(digest).ok()?)),
        None => (text, None),
    };
    let tag = if tag.is_empty() { None } else { Some(Tag::parse(tag.strip_prefix(':')?).ok()?) };
    digest.map(Reference::Digest).or(tag.map(Reference::Tag))
}

fn of_names(names: &str, view: &str) -> Option<Route> {
    if !names.contains('/') {
        return RegistryAlias::parse(names).ok().filter(|_| view == "feed.atom").map(Route::PublisherFeed);
    }
    let place = Place::parse(names)?;
    match view {
        "usage" => Some(Route::Usage(place)),
        "tags" => Some(Route::Tags(place)),
        "pulls" => Some(Route::Pulls(place)),
        "compare" => Some(Route::Compare(place)),
        "feed.atom" => Some(Route::RepositoryFeed(place)),
        _ => match view.split_once('/')? {
            ("badge", file) => badge(file).map(|(badge, format)| Route::Badge(place, badge, format)),
            _ => None,
        },
    }
}

fn badge(file: &str) -> Option<(Badge, BadgeFormat)> {
    let (name, extension) = file.split_once('.')?;
    let (badge, _) = Badge::ALL.into_iter().find(|(_, known)| *known == name)?;
    let format = [BadgeFormat::Svg, BadgeFormat::Json].into_iter().find(|format| format.extension() == extension)?;
    Some((badge, format))
}

fn api(document: &str) -> Option<Api> {
    match document {
        "" | "/openapi.json" => return Some(Api::Description),
        "/search" => return Some(Api::Search),
        _ => {}
    }
    if let Some(alias) = document.strip_prefix("/publishers/") {
        return RegistryAlias::parse(&lower_case(alias)).ok().map(Api::Publisher);
    }
    let document = document.strip_prefix("/repositories/")?;
    let (names, view) = document.split_once("/-/").unwrap_or((document, ""));
    let place = Place::parse(&lower_case(names))?;
    match view {
        "" => Some(Api::Repository(place)),
        "tags" => Some(Api::Tags(place)),
        "pulls" => Some(Api::Pulls(place)),
        _ => Some(Api::Image(place, Reference::parse(view.strip_prefix("images/")?).ok()?)),
    }
}

fn lower_case(names: &str) -> Cow<'_, str> {
    if names.bytes().any(|byte| byte.is_ascii_uppercase()) { Cow::Owned(names.to_ascii_lowercase()) } else { Cow::Borrowed(names) }
}

impl Route {
    /// The one address of this page.
    pub(super) fn path(&self) -> String {
        match self {
            Self::Home => urls::home(),
            Self::Search => urls::search_page(),
            Self::Publisher(alias) => urls::publisher(alias.as_str()),
            Self::Repository(place) => urls::repository(place),
            Self::Usage(place) => urls::usage(place),
            Self::Tags(place) => urls::tags(place),
            Self::Pulls(place) => urls::pulls(place),
            Self::Compare(place) => urls::compare(place),
            Self::Image(place, reference) => urls::image(place, reference),
            Self::Picture(digest) => urls::picture(digest),
            Self::Badge(place, badge, format) => urls::badge(place, badge.name(), format.extension()),
            Self::Feed => urls::feed(),
            Self::PublisherFeed(alias) => urls::publisher_feed(alias.as_str()),
            Self::RepositoryFeed(place) => urls::repository_feed(place),
            Self::SitemapIndex => urls::sitemap_index(),
            Self::Sitemap(number) => urls::sitemap(*number),
            Self::OpenSearch => urls::open_search(),
            Self::Robots => urls::robots(),
            Self::Help => urls::help(),
            Self::Api(api) => api.path(),
        }
    }

    /// The members of the query that this page reads. It sees no others, so that no others make another page of it.
    pub(super) fn members(&self) -> &'static [&'static str] {
        match self {
            Self::Home | Self::Search => SEARCH,
            Self::Publisher(_) => &["sort", "page", "after"],
            Self::Tags(_) => &["q", "sort", "hidden", "after", "before"],
            Self::Pulls(_) => &["from", "to"],
            Self::Compare(_) => &["from", "to", "platform"],
            Self::Image(..) | Self::Api(Api::Image(..)) => &["platform"],
            Self::Api(Api::Search) => &["q", "os", "arch", "kind", "verified", "signed", "sort", "limit", "after"],
            Self::Api(Api::Publisher(_)) => &["limit", "after"],
            Self::Api(Api::Tags(_)) => &["q", "sort", "hidden", "limit", "after"],
            Self::Api(Api::Pulls(_)) => &["by", "from", "to", "format"],
            _ => &[],
        }
    }

    /// Whether people read this page, and not programs.
    pub(super) fn is_for_people(&self) -> bool {
        !matches!(
            self,
            Self::Api(_)
                | Self::Badge(..)
                | Self::Picture(_)
                | Self::Feed
                | Self::PublisherFeed(_)
                | Self::RepositoryFeed(_)
                | Self::SitemapIndex
                | Self::Sitemap(_)
                | Self::OpenSearch
                | Self::Robots
        )
    }
}

/// The members of a search: ours, and those of gallery.ecr.aws.
pub(super) const SEARCH: &[&str] = &[
    "q",
    "searchTerm",
    "page",
    "after",
    "verified",
    "kind",
    "signed",
    "os",
    "operatingSystems",
    "arch",
    "architecture",
    "architectures",
    "popularRegistries",
    "sort",
];

impl Api {
    fn path(&self) -> String {
        match self {
            Self::Description => urls::api("/openapi.json"),
            Self::Search => urls::api("/search"),
            Self::Publisher(alias) => urls::api(&format!("/publishers/{alias}")),
            Self::Repository(place) => urls::api(&format!("/repositories/{place}")),
            Self::Tags(place) => urls::api(&format!("/repositories/{place}/-/tags")),
            Self::Image(place, reference) => urls::api(&format!("/repositories/{place}/-/images/{reference}")),
            Self::Pulls(place) => urls::api(&format!("/repositories/{place}/-/pulls")),
        }
    }
}

#[cfg(test)]
mod tests;
