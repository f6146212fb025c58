//! The front page: what there is. An empty installation greets with the first commands of a publisher.

use super::filters;
use super::layout::Layout;
use super::page::{Failure, Page};
use super::search::{self, request::Request, results::Results};
use super::urls;
use super::visit::Visit;
use crate::quick_start;
use askama::Template;
use roadstead_model::gallery::card::{CardOrder, RepositoryCard};

/// The number of repositories that are shown as the newest.
const NEWEST: usize = 6;

#[derive(Template)]
#[template(path = "home/page.html")]
struct Home {
    layout: Layout,
    results: Results,
    newest: Vec<RepositoryCard>,
}

#[derive(Template)]
#[template(path = "home/empty.html")]
struct Empty {
    layout: Layout,
    alias: String,
    commands: String,
}

/// Answers AWS's searches too: their address is this page's, with members.
pub(super) async fn page(visit: &Visit<'_>) -> Result<Page, Failure> {
    let request = Request::of(visit);
    if !request.is_empty() {
        return search::page(visit).await;
    }
    let layout = visit.layout("Container images").canonical(&urls::home()).feed(urls::feed()).home();
    let answer = visit.installation().search(&request.search(visit)).await?;
    if answer.cards.is_empty() {
        let alias = visit.installation().primary_alias(visit.installation().account_id()).await?;
        let commands = quick_start::commands(visit.origin(), &alias, "").join("\n");
        return Page::html(&Empty { layout, alias: alias.to_string(), commands });
    }
    let newest = visit.installation().list_cards(CardOrder::Created, None, NEWEST).await?;
    let text = format!("{} repositories with container images, charts and other artifacts that everybody can pull.", answer.total.count);
    Page::html(&Home { layout: layout.described(text), results: Results::new(request, answer), newest })
}
