//! What is new, as Atom feeds (RFC 4287): the newest tags of a repository, of a publisher or of the whole registry.
//!
//! A tag that moves to another image is a new entry, because the digest is part of its id.

use super::page::{Failure, Page};
use super::route::Place;
use super::visit::Visit;
use super::{cross_origin, filters, urls};
use askama::Template;
use roadstead_model::{Reference, RegistryAlias, Timestamp};
use roadstead_registry::{NewestTag, NewestTagOf};

#[derive(Template)]
#[template(path = "feeds/feed.xml")]
struct Feed {
    title: String,
    /// The absolute address of the page that the feed belongs to. It is also the id of the feed.
    page: String,
    /// The absolute address of the feed.
    feed: String,
    /// The time of the newest entry.
    updated: Timestamp,
    author: String,
    entries: Vec<Entry>,
}

/// A tag.
struct Entry {
    title: String,
    id: String,
    page: String,
    updated: Timestamp,
    author: String,
    size: u64,
    digest: String,
}

impl Feed {
    fn respond(&self) -> Result<Page, Failure> {
        Ok(cross_origin::shared(Page::rendered("application/atom+xml; charset=utf-8", self)?))
    }
}

pub(super) async fn of_everything(visit: &Visit<'_>) -> Result<Page, Failure> {
    let tags = visit.installation().newest_tags_of_all(None).await?;
    let feed = Feed {
        title: format!("New in {}", visit.site()),
        page: urls::absolute(visit.origin(), &urls::home()),
        feed: urls::absolute(visit.origin(), &urls::feed()),
        updated: tags.first().map_or(EPOCH, |newest| newest.newest.moved_at),
        author: visit.site().to_owned(),
        entries: entries(visit, tags),
    };
    feed.respond()
}

pub(super) async fn of_publisher(visit: &Visit<'_>, alias: &RegistryAlias) -> Result<Page, Failure> {
    let registry = visit.installation().resolve_alias(alias.as_str()).await?;
    let tags = visit.installation().newest_tags_of_all(Some(&registry)).await?;
    let author = tags.first().and_then(|newest| newest.display_name.clone()).unwrap_or_else(|| alias.to_string());
    let feed = Feed {
        title: format!("New of {author} in {}", visit.site()),
        page: urls::absolute(visit.origin(), &urls::publisher(alias.as_str())),
        feed: urls::absolute(visit.origin(), &urls::publisher_feed(alias.as_str())),
        updated: tags.first().map_or(EPOCH, |newest| newest.newest.moved_at),
        author,
        entries: entries(visit, tags),
    };
    feed.respond()
}

pub(super) async fn of_repository(visit: &Visit<'_>, place: &Place) -> Result<Page, Failure> {
    let key = visit.key(place).await?;
    let tags = visit.installation().newest_tags(&key).await?;
    let feed = Feed {
        title: format!("Tags of {}", urls::name(visit.origin(), place)),
        page: urls::absolute(visit.origin(), &urls::repository(place)),
        feed: urls::absolute(visit.origin(), &urls::repository_feed(place)),
        updated: tags.first().map_or(EPOCH, |newest| newest.moved_at),
        author: place.alias.to_string(),
        entries: tags.into_iter().map(|tag| entry(visit, place, place.alias.to_string(), tag)).collect(),
    };
    feed.respond()
}

/// The time of a feed without entries, which must have one.
const EPOCH: Timestamp = Timestamp::from_seconds(0);

fn entries(visit: &Visit<'_>, tags: Vec<NewestTagOf>) -> Vec<Entry> {
    let entry = |NewestTagOf { alias, repository, display_name, newest }| {
        let author = display_name.unwrap_or_else(|| alias.to_string());
        entry(visit, &Place { alias, repository }, author, newest)
    };
    tags.into_iter().map(entry).collect()
}

fn entry(visit: &Visit<'_>, place: &Place, author: String, newest: NewestTag) -> Entry {
    let reference = Reference::Tag(newest.tag);
    let page = urls::absolute(visit.origin(), &urls::image(place, &reference));
    Entry {
        title: format!("{place}:{reference}"),
        id: format!("{page}@{}", newest.digest),
        page,
        updated: newest.moved_at,
        author,
        size: newest.size,
        digest: newest.digest.to_string(),
    }
}
