//! The repositories of a publisher.

use super::filters;
use super::layout::Layout;
use super::page::{Failure, Page};
use super::urls;
use super::visit::Visit;
use askama::Template;
use roadstead_model::RegistryAlias;
use roadstead_model::gallery::card::RepositoryCard;
use roadstead_model::gallery::plain_text::one_line;
use roadstead_registry::Publisher;

/// The repositories on a page.
const PAGE: usize = 25;
/// The most pages by number. All repositories are listed by name.
const MOST_PAGES: usize = 20;
/// The longest display name in characters.
const LONGEST_NAME: usize = 80;

#[derive(Template)]
#[template(path = "publisher/page.html")]
struct PublisherPage<'a> {
    layout: Layout,
    /// The alias in the address.
    alias: &'a RegistryAlias,
    publisher: &'a Publisher,
    /// The display name of a verified publisher, else the alias.
    name: &'a str,
    /// The logo of the most pulled repository.
    logo: Option<String>,
    by_name: bool,
    cards: &'a [RepositoryCard],
    previous: Option<String>,
    next: Option<String>,
    /// Whether there are more repositories than pages by number.
    ends_early: bool,
}

/// A part of the list.
struct List {
    cards: Vec<RepositoryCard>,
    previous: Option<String>,
    next: Option<String>,
    ends_early: bool,
}

pub(super) async fn page(visit: &Visit<'_>, alias: &RegistryAlias) -> Result<Page, Failure> {
    let publisher = visit.installation().publisher(alias).await?;
    let by_name = visit.member("sort").as_deref() == Some("name") || visit.member("after").is_some();
    let list = if by_name { list_by_name(visit, alias, &publisher).await? } else { list_by_pulls(visit, alias, &publisher).await? };
    let name = publisher.display_name.as_deref().map_or_else(|| alias.to_string(), |name| one_line(name, LONGEST_NAME));
    let logo = list.cards.iter().find_map(|card| card.logo_name.as_deref()).filter(|_| !by_name).map(urls::logo);
    let layout = visit
        .layout(name.as_str())
        .canonical(&urls::publisher(publisher.alias.as_str()))
        .feed(urls::publisher_feed(alias.as_str()))
        .described(format!("Container images and other artifacts of {name}"));
    let layout = match &logo {
        Some(path) => layout.picture(path),
        None => layout,
    };
    let List { cards, previous, next, ends_early } = &list;
    let (previous, next) = (previous.clone(), next.clone());
    let is_continued = previous.is_some();
    let page =
        PublisherPage { layout, alias, publisher: &publisher, name: &name, logo, by_name, cards, previous, next, ends_early: *ends_early };
    let page = Page::html(&page)?;
    // The further parts of the list repeat what their repositories' own pages say.
    Ok(if is_continued { page.unlisted() } else { page })
}

/// The most pulled repositories first, by page number as at gallery.ecr.aws.
async fn list_by_pulls(visit: &Visit<'_>, alias: &RegistryAlias, publisher: &Publisher) -> Result<List, Failure> {
    let number = visit.member("page").and_then(|page| page.parse().ok()).unwrap_or(1).clamp(1, MOST_PAGES);
    let end = number * PAGE;
    let mut cards = visit.installation().list_cards_of(&publisher.registry, None, end + 1).await?;
    let has_more = cards.len() > end;
    cards.truncate(end);
    let cards = cards.split_off((end - PAGE).min(cards.len()));
    let url = |number: usize| urls::with_query(urls::publisher(alias.as_str()), &[("page", &number.to_string())]);
    let next = (has_more && number < MOST_PAGES).then(|| url(number + 1));
    let previous = (number > 1).then(|| if number == 2 { urls::publisher(alias.as_str()) } else { url(number - 1) });
    Ok(List { cards, previous, ends_early: has_more && next.is_none(), next })
}

/// Repositories by name, after the name in the address.
async fn list_by_name(visit: &Visit<'_>, alias: &RegistryAlias, publisher: &Publisher) -> Result<List, Failure> {
    let after = visit.member("after").unwrap_or_default();
    let mut cards = visit.installation().list_cards_of_by_name(&publisher.registry, &after, PAGE + 1).await?;
    let has_more = cards.len() > PAGE;
    cards.truncate(PAGE);
    let last = cards.last().filter(|_| has_more).map(|card| card.key.name.to_string());
    let url = |after: &str| urls::with_query(urls::publisher(alias.as_str()), &[("sort", "name"), ("after", after)]);
    let previous = (!after.is_empty()).then(|| url(""));
    Ok(List { cards, previous, next: last.map(|last| url(&last)), ends_early: false })
}
