//! The gallery: pages for people, and the same as JSON for programs. It only reads, and knows no accounts, cookies or sessions.
//!
//! A page is a module with its template beside it. Its handler gets a [`Visit`](visit::Visit) and what the route holds, reads what it
//! shows with a few statements, and returns a [`Page`] or a [`Failure`]. Whether a page is kept, compressed, unchanged or
//! refused is decided here for all of them.

mod api;
mod assets;
mod aws_api;
mod badges;
mod compare;
mod cross_origin;
mod failure;
mod feeds;
mod filters;
mod help;
mod home;
mod image;
mod layout;
mod links;
mod open_search;
mod page;
mod page_cache;
mod pictures;
mod publisher;
mod pull_box;
mod pulls;
mod repository;
mod robots;
mod route;
mod search;
mod sitemap;
mod tags;
mod urls;
mod usage;
mod visit;

use crate::config::Config;
use crate::http::{Call, OperationClass, Reply, Response, entity_tags, logo_path};
use crate::quick_start;
use crate::server::Server;
use http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, LOCATION, VARY};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use hyper::body::Incoming;
use page::{Failure, Page};
use page_cache::{Kept, PageCache};
use roadstead_model::aws::gallery::Operation;
use roadstead_registry::{Error, span};
use route::{Address, Route};
use std::sync::Arc;
use tracing::Instrument;
use visit::Visit;

/// What the gallery keeps between requests.
#[derive(Debug)]
pub(crate) struct Gallery {
    cache: PageCache,
    /// The value of `Cache-Control`.
    caching: HeaderValue,
}

/// Whether the gallery answers a request that reads no page: to an operation, or whether pages of other sites may read a document.
pub(crate) fn takes(method: &Method, path: &str) -> bool {
    Operation::at(path).is_some() || *method == Method::OPTIONS && is_of_programs(path)
}

impl Gallery {
    pub(crate) fn new(config: &Config) -> Self {
        let caching = config.gallery.max_age.map(|age| format!("public, max-age={}", age.as_secs()));
        Self {
            cache: PageCache::default(),
            // Digits are valid in a header.
            caching: caching.and_then(|text| HeaderValue::from_str(&text).ok()).unwrap_or(HeaderValue::from_static("no-cache")),
        }
    }

    /// Answers a request that no other door takes.
    pub(crate) async fn answer(&self, server: &Server, call: &Call, body: &mut Incoming) -> Response {
        if !server.config.gallery.enabled {
            return closed(server, call).await;
        }
        if call.method == Method::OPTIONS && is_of_programs(call.uri.path()) {
            return cross_origin::preflight("GET, HEAD", "Accept, If-None-Match");
        }
        let address = route::find(&call.method, call.uri.path(), call.uri.query());
        call.trace.is_for(class(&address));
        match address {
            Address::Page(route) => self.page(server, call, &route).await,
            Address::Asset => assets::answer(call.uri.path()).unwrap_or_else(|| explain(server, call, Failure::NotFound)),
            Address::Operation(operation) => match server.limiters.pages.admit(call) {
                Ok(()) => aws_api::answer(server, call, operation, body).await,
                Err(refusal) => aws_api::refuse(refusal),
            },
            Address::Moved(path) => moved(&path),
            Address::WrongMethod(allowed) => sent(failure::wrong_method(&Visit::new(server, call, String::new()), allowed)),
            Address::Unknown if is_of_programs(call.uri.path()) => {
                sent(api::failure(Failure::NotFound, &Visit::new(server, call, String::new())))
            }
            Address::Unknown => explain(server, call, Failure::NotFound),
        }
    }

    async fn page(&self, server: &Server, call: &Call, route: &Route) -> Response {
        let query = visit::members(route, call.uri.query().unwrap_or_default());
        // A page has links with the host of the request.
        let key = format!("{}{}?{query}", call.origin, route.path());
        let visit = Visit::new(server, call, query);
        match self.kept(&visit, key, route).await {
            Ok(kept) => self.send(call, &kept),
            Err(failure) if route.is_for_people() => sent(failure.page(&visit)),
            Err(failure) => sent(api::failure(failure, &visit)),
        }
    }

    /// Returns a kept page, or makes it.
    async fn kept(&self, visit: &Visit<'_>, key: String, route: &Route) -> Result<Arc<Kept>, Failure> {
        visit.server.limiters.pages.admit(visit.call)?;
        // Asked before the page is made, so that it cannot be older than its version.
        let version = visit.installation().metadata_version().await;
        if let Some(kept) = version.and_then(|version| self.cache.get(version, &key, visit.now)) {
            return Ok(kept);
        }
        let _permit = visit.server.listing_permits.permit(&visit.server.budget, &visit.call.trace).await?;
        let kept = Arc::new(Kept::new(make(visit, route).instrument(span!("operate")).await?));
        if let Some(version) = version {
            self.cache.put(version, key, visit.now, &kept);
        }
        Ok(kept)
    }

    /// Sends a page, unless the client already has it.
    fn send(&self, call: &Call, kept: &Kept) -> Response {
        if kept.status != StatusCode::OK {
            return respond(kept.status, &kept.headers, kept.body.clone()).into_response();
        }
        let compressed = if accepts_gzip(&call.headers) { kept.compressed() } else { None };
        // The two forms of a page differ in bytes, so at most one tag can be strong (RFC 9110, section 8.8.3.3).
        let tag = format!("{}\"{}\"", if compressed.is_some() { "W/" } else { "" }, kept.tag);
        let reply = if entity_tags::is_known(&call.headers, &kept.tag) {
            Reply::empty(StatusCode::NOT_MODIFIED)
        } else {
            let reply = respond(StatusCode::OK, &kept.headers, compressed.unwrap_or(&kept.body).clone());
            if compressed.is_some() { reply.with_static(CONTENT_ENCODING, "gzip") } else { reply }
        };
        let mut response = reply.with(ETAG, &tag).with_static(VARY, "Accept-Encoding").into_response();
        response.headers_mut().entry(CACHE_CONTROL).or_insert_with(|| self.caching.clone());
        response
    }
}

/// The class of a request. Whatever is neither a page for people nor for programs is part of one.
fn class(address: &Address) -> OperationClass {
    match address {
        Address::Operation(_) | Address::Page(Route::Api(_)) => OperationClass::GalleryApi,
        Address::Asset | Address::Page(Route::Badge(..) | Route::Picture(_) | Route::OpenSearch | Route::Robots) => {
            OperationClass::GalleryAsset
        }
        Address::Page(_) | Address::Moved(_) | Address::WrongMethod(_) | Address::Unknown => OperationClass::GalleryPage,
    }
}

/// Calls the handler of a page.
async fn make(visit: &Visit<'_>, route: &Route) -> Result<Page, Failure> {
    match route {
        Route::Home => home::page(visit).await,
        Route::Search => search::page(visit).await,
        Route::Publisher(alias) => publisher::page(visit, alias).await,
        Route::Repository(place) => repository::page(visit, place).await,
        Route::Usage(place) => usage::page(visit, place).await,
        Route::Tags(place) => tags::page(visit, place).await,
        Route::Pulls(place) => pulls::page(visit, place).await,
        Route::Compare(place) => compare::page(visit, place).await,
        Route::Image(place, reference) => image::page(visit, place, reference).await,
        Route::Badge(place, badge, format) => badges::page(visit, place, *badge, *format).await,
        Route::Feed => feeds::of_everything(visit).await,
        Route::PublisherFeed(alias) => feeds::of_publisher(visit, alias).await,
        Route::RepositoryFeed(place) => feeds::of_repository(visit, place).await,
        Route::SitemapIndex => sitemap::index(visit).await,
        Route::Picture(digest) => pictures::page(visit, digest).await,
        Route::Sitemap(number) => sitemap::page(visit, *number).await,
        Route::OpenSearch => open_search::page(visit),
        Route::Robots => Ok(robots::page(visit)),
        Route::Help => help::page(visit),
        Route::Api(document) => api::page(visit, document).await,
    }
}

/// Answers the path of a logo with its image.
pub(crate) async fn logo(server: &Server, call: &Call) -> Response {
    let found = match logo_path::name(call.uri.path()) {
        Some(name) => server.installation.logo(name).await,
        None => Ok(None),
    };
    match found {
        Ok(Some(png)) => Reply::new(StatusCode::OK, png)
            .with_static(CONTENT_TYPE, "image/png")
            .with_static(CACHE_CONTROL, "public, max-age=31536000, immutable")
            .into_response(),
        Ok(None) => Reply::text(StatusCode::NOT_FOUND, "There is no such logo.\n").into_response(),
        Err(error) => unavailable(call, &error),
    }
}

/// Answers in place of a gallery that the operator has closed: `/` still has the first commands of a user.
async fn closed(server: &Server, call: &Call) -> Response {
    if call.uri.path() != "/" {
        return Reply::text(StatusCode::NOT_FOUND, "There is nothing here.\n").into_response();
    }
    match server.installation.primary_alias(server.installation.account_id()).await {
        Ok(alias) => {
            let lines = quick_start::commands(&call.origin, &alias, "").join("\n");
            Reply::text(
                StatusCode::OK,
                format!("This is a container registry. Everybody can pull; pushing needs an access key.\n\n{lines}\n"),
            )
            .into_response()
        }
        Err(error) => unavailable(call, &error),
    }
}

/// Whether programs ask for a path, even if it leads nowhere.
fn is_of_programs(path: &str) -> bool {
    path.starts_with("/api/")
}

fn unavailable(call: &Call, error: &Error) -> Response {
    tracing::error!(%error, request_id = call.request_id(), "the gallery cannot read from the storage");
    Reply::text(StatusCode::SERVICE_UNAVAILABLE, "The registry cannot answer now.\n").into_response()
}

fn explain(server: &Server, call: &Call, failure: Failure) -> Response {
    sent(failure.page(&Visit::new(server, call, String::new())))
}

fn moved(path: &str) -> Response {
    Reply::empty(StatusCode::PERMANENT_REDIRECT).with(LOCATION, path).into_response()
}

/// Sends a page that is not kept.
fn sent(page: Page) -> Response {
    respond(page.status, &page.headers, page.body).with_static(CACHE_CONTROL, "no-store").into_response()
}

fn respond(status: StatusCode, headers: &[(HeaderName, HeaderValue)], body: bytes::Bytes) -> Reply {
    Reply::new(status, body).with_all(headers)
}

/// Whether the client accepts gzip (RFC 9110, section 12.5.3).
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let listed = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(','));
    let mut codings = listed.map(|coding| coding.split_once(';').unwrap_or((coding, "")));
    codings.any(|(name, weight)| {
        let refused = weight.trim().strip_prefix("q=").is_some_and(|weight| weight.parse() == Ok(0.0));
        name.trim().eq_ignore_ascii_case("gzip") && !refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_only_to_clients_that_accept_it() {
        for (line, accepted) in [
            ("gzip, deflate, br", true),
            ("br;q=1.0, GZIP;q=0.8", true),
            ("gzip;q=0", false),
            ("gzip; q=0.000", false),
            ("br", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(line))]);
            assert_eq!(accepts_gzip(&headers), accepted, "{line}");
        }
    }
}
