//! searchRepositoryCatalogData. With a term, the best results, as many as pages show. Without one, all repositories.

use super::failure::Failure;
use crate::gallery::urls;
use crate::http::Call;
use crate::server::Server;
use roadstead_model::aws::Violation;
use roadstead_model::aws::gallery::{
    Operation, SearchRepositoryCatalogDataRequest as Request, SearchRepositoryCatalogDataResponse as Answer, SearchResult,
};
use roadstead_model::gallery::card::{CardCursor, CardOrder, RepositoryCard};
use roadstead_model::gallery::search::answer::{MOST, Search, SearchOrder};
use roadstead_model::gallery::search::query::Query;

const DEFAULT_RESULTS: usize = 25;
const MOST_RESULTS: usize = 100;
/// The only known key to sort by.
const POPULARITY: &str = "POPULARITY";

pub(super) async fn search(server: &Server, call: &Call, request: Request) -> Result<Answer, Failure> {
    let by_pulls = request.sort_configuration.and_then(|sort| sort.sort_key).is_some_and(|key| key == POPULARITY);
    let term = request.search_term.unwrap_or_default();
    let limit = request.max_results.map_or(DEFAULT_RESULTS, |most| usize::try_from(most).unwrap_or(MOST_RESULTS).min(MOST_RESULTS));
    // A page token is valid for the same term and order only.
    let binding = [Operation::SearchRepositoryCatalogData.name(), term.trim(), if by_pulls { POPULARITY } else { "" }];
    let position = match request.next_token {
        Some(token) => Some(server.keys.page_token.open(&binding, &token).map_err(|_| foreign_token())?),
        None => None,
    };
    let found = match term.trim() {
        "" => everything(server, by_pulls, position.as_deref(), limit).await?,
        term => results(server, call, term, by_pulls, position.as_deref(), limit).await?,
    };
    Ok(Answer {
        repository_catalog_search_result_list: found.cards.into_iter().map(|card| result(call, card)).collect(),
        total_results: found.total,
        next_token: found.next.map(|position| server.keys.page_token.seal(&binding, &position)),
    })
}

/// A page, and the position of the next one.
struct Found {
    cards: Vec<RepositoryCard>,
    total: u64,
    next: Option<String>,
}

/// All listed repositories, the most pulled or the newest first. A position is the cursor of the last one.
async fn everything(server: &Server, by_pulls: bool, position: Option<&str>, limit: usize) -> Result<Found, Failure> {
    let order = if by_pulls { CardOrder::Pulls } else { CardOrder::Created };
    let after = position.map(|position| cursor(position).ok_or_else(foreign_token)).transpose()?;
    let mut cards = server.installation.list_cards(order, after, limit + 1).await?;
    let is_more = cards.len() > limit;
    cards.truncate(limit);
    let last = cards.last().filter(|_| is_more).map(|card| card.cursor(order));
    let next = last.map(|CardCursor { number, id }| format!("{number} {id}"));
    Ok(Found { cards, total: server.installation.count_cards().await?, next })
}

fn cursor(position: &str) -> Option<CardCursor> {
    let (number, id) = position.split_once(' ')?;
    Some(CardCursor { number: number.parse().ok()?, id: id.parse().ok()? })
}

/// The results for a term. A position is the number of results before it.
async fn results(server: &Server, call: &Call, term: &str, by_pulls: bool, position: Option<&str>, limit: usize) -> Result<Found, Failure> {
    let offset = position.map(|position| position.parse().map_err(|_| foreign_token())).transpose()?.unwrap_or(0);
    let order = if by_pulls { SearchOrder::Pulls } else { SearchOrder::Relevance };
    let query = Query::parse(term, &call.origin.authority);
    let answer = server.installation.search(&Search { query, filters: Vec::new(), order, offset, limit }).await?;
    let end = offset + answer.cards.len();
    let is_more = !answer.cards.is_empty() && (end as u64) < answer.total.count && end < MOST;
    Ok(Found { cards: answer.cards, total: answer.total.count, next: is_more.then(|| end.to_string()) })
}

fn foreign_token() -> Violation {
    Violation::new("nextToken", "must be a token of this listing")
}

fn result(call: &Call, card: RepositoryCard) -> SearchResult {
    SearchResult {
        repository_name: card.key.name.to_string(),
        display_name: card.display_name.unwrap_or_else(|| card.alias.to_string()),
        primary_registry_alias_name: card.alias.to_string(),
        registry_verified: card.verified,
        download_count: card.pulls,
        logo_url: card.logo_name.map(|name| urls::absolute(&call.origin, &urls::logo(&name))),
        repository_description: card.description,
        operating_systems: card.operating_systems,
        architectures: card.architectures,
    }
}
