//! The results of a search.

pub(super) mod request;
pub(super) mod results;

use super::filters;
use super::layout::Layout;
use super::page::{Failure, Page};
use super::route::Place;
use super::urls;
use super::visit::Visit;
use askama::Template;
use request::Request;
use results::Results;
use roadstead_model::gallery::card::{CardOrder, RepositoryCard};
use roadstead_model::gallery::search::query::{Address, Query};

/// The number of popular repositories that are shown if nothing is found.
const POPULAR: usize = 5;

#[derive(Template)]
#[template(path = "search/page.html")]
struct SearchPage<'a> {
    layout: Layout,
    host: &'a str,
    results: Results,
    corrected: Option<Correction>,
    offered: Option<Offer>,
    /// What is shown if nothing is found.
    popular: Vec<RepositoryCard>,
}

/// Other words that were searched, because nothing has those of the person.
struct Correction {
    text: String,
    url: String,
}

/// A tag that the best result has.
struct Offer {
    reference: String,
    url: String,
}

pub(super) async fn page(visit: &Visit<'_>) -> Result<Page, Failure> {
    let request = Request::of(visit);
    if let Some(address) = visit.installation().locate(&Query::parse(&request.text, &visit.origin().authority)).await? {
        return Ok(Page::see_other(&url_of(address)));
    }
    let mut answer = visit.installation().search(&request.search(visit)).await?;
    if answer.cards.is_empty() && answer.total.count > 0 {
        return Ok(Page::see_other(&request.url_of_page(request::pages(answer.total.count))));
    }
    let corrected = answer.corrected.take().map(|text| Correction { url: request.url_of_text(&text), text });
    let offered = answer.offered.take().map(|(card, tag)| {
        let place = place_of(&card);
        Offer { url: urls::tagged(&place, tag.as_str()), reference: format!("{place}:{tag}") }
    });
    let popular =
        if answer.cards.is_empty() { visit.installation().list_cards(CardOrder::Pulls, None, POPULAR).await? } else { Vec::new() };
    let host = &visit.origin().authority;
    let title = if request.text.is_empty() { "Search".to_owned() } else { format!("{} · Search", request.text) };
    let layout = visit.layout(title).searched(&request.text);
    Ok(Page::html(&SearchPage { layout, host, results: Results::new(request, answer), corrected, offered, popular })?.unlisted())
}

/// Where a repository is.
pub(super) fn place_of(card: &RepositoryCard) -> Place {
    Place { alias: card.alias.clone(), repository: card.key.name.clone() }
}

/// The page of a repository or of an image that a query names exactly.
fn url_of(Address { alias, name, reference }: Address) -> String {
    let place = Place { alias, repository: name };
    reference.map_or_else(|| urls::repository(&place), |reference| urls::image(&place, &reference))
}
