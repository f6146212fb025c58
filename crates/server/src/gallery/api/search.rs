//! `/api/v1/search`.

use super::listing;
use super::repository_document::RepositoryDocument;
use crate::gallery::page::{Failure, Page};
use crate::gallery::urls;
use crate::gallery::visit::Visit;
use roadstead_model::gallery::search::answer::{Facets, MOST, Search, SearchOrder};
use roadstead_model::gallery::search::filter::{self, Facet};
use roadstead_model::gallery::search::query::Query;
use serde::Serialize;
use std::collections::BTreeMap;

const DEFAULT_LIMIT: usize = 25;
const MOST_ENTRIES: usize = 100;

/// `SearchResults` in the description.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    query: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    corrected: Option<String>,
    total: u64,
    total_is_exact: bool,
    results: Vec<RepositoryDocument>,
    facets: Counts,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// The number of results by facet and value.
#[derive(Debug, Default, Serialize)]
struct Counts {
    verified: u64,
    signed: u64,
    kind: BTreeMap<String, u64>,
    os: BTreeMap<String, u64>,
    arch: BTreeMap<String, u64>,
}

pub(super) async fn page(visit: &Visit<'_>) -> Result<Page, Failure> {
    let text = visit.member("q").unwrap_or_default();
    let limit = listing::limit(visit, DEFAULT_LIMIT, MOST_ENTRIES)?;
    let offset = match visit.member("after") {
        Some(after) => after.parse().map_err(|_| listing::foreign_position())?,
        None => 0,
    };
    let search =
        Search { query: Query::parse(&text, &visit.origin().authority), filters: filters(visit), order: order(visit)?, offset, limit };
    let answer = visit.installation().search(&search).await?;
    let end = offset + answer.cards.len();
    let more = !answer.cards.is_empty() && (end as u64) < answer.total.count && end < MOST;
    let members = &["q", "os", "arch", "kind", "verified", "signed", "sort", "limit"];
    let document = Document {
        query: text,
        corrected: answer.corrected,
        total: answer.total.count,
        total_is_exact: answer.total.is_exact,
        results: answer.cards.into_iter().map(|card| RepositoryDocument::new(visit, card)).collect(),
        facets: counts(answer.facets),
        next: more.then(|| listing::next(visit, urls::api("/search"), members, &end.to_string())),
    };
    Ok(Page::json(&document))
}

fn order(visit: &Visit<'_>) -> Result<SearchOrder, Failure> {
    match visit.member("sort").as_deref() {
        None | Some("relevance") => Ok(SearchOrder::Relevance),
        Some("pulls") => Ok(SearchOrder::Pulls),
        Some("updated") => Ok(SearchOrder::Updated),
        Some("name") => Ok(SearchOrder::Name),
        Some(_) => Err(Failure::BadRequest("'sort' must be relevance, pulls, updated or name.".to_owned())),
    }
}

fn filters(visit: &Visit<'_>) -> Vec<(Facet, String)> {
    let flags = [("verified", Facet::Verified), ("signed", Facet::Signed)].into_iter();
    let flags = flags.filter(|(name, _)| visit.is_set(name)).map(|(_, facet)| (facet, String::new()));
    let kinds = visit.members("kind").into_iter().map(|kind| (Facet::Kind, kind));
    // A word that the index does not know filters by itself, and finds nothing.
    let word = |name: String, known: fn(&str) -> Option<&'static str>| known(&name).map_or(name, str::to_owned);
    let systems = visit.members("os").into_iter().map(|name| (Facet::OperatingSystem, word(name, filter::operating_system)));
    let machines = visit.members("arch").into_iter().map(|name| (Facet::Architecture, word(name, filter::architecture)));
    flags.chain(kinds).chain(systems).chain(machines).collect()
}

fn counts(facets: Facets) -> Counts {
    let mut counts = Counts::default();
    for ((facet, value), number) in facets.counts {
        match facet {
            Facet::Verified => counts.verified = number,
            Facet::Signed => counts.signed = number,
            Facet::Kind => drop(counts.kind.insert(value, number)),
            Facet::OperatingSystem => drop(counts.os.insert(value, number)),
            Facet::Architecture => drop(counts.arch.insert(value, number)),
            Facet::Publisher => {}
        }
    }
    counts
}
