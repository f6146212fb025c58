//! The search operation.

use super::candidates::{self, Condition, Found};
use super::cards;
use super::locating::has_tag;
use super::spelling;
use crate::error::Result;
use crate::installation::Installation;
use crate::metadata::{Tx, params, statements};
use roadstead_model::gallery::card::{CardOrder, RepositoryCard};
use roadstead_model::gallery::search::answer::{Facets, MOST, Search, SearchAnswer, SearchOrder, Total};
use roadstead_model::gallery::search::filter::{ALL, Facet, RANGE};
use roadstead_model::gallery::search::words::{joined, words};
use std::collections::BTreeMap;

statements! {
    SELECT_FILTERS = "SELECT term, documents FROM search_term WHERE term > ?1 AND term < ?2";
}

/// The words of a query that are searched.
const WORDS: usize = 8;
/// The most words that are tried joined into one.
const JOINED: usize = 4;
/// The most filters that apply.
const FILTERS: usize = 32;

impl Installation {
    /// Searches the listed repositories.
    pub async fn search(&self, search: &Search) -> Result<SearchAnswer> {
        self.0.metadata.scan(async |tx: &mut Tx<'_>| Searching { tx, search }.answer().await).await
    }

    /// The number of listed repositories.
    pub async fn count_cards(&self) -> Result<u64> {
        self.0.metadata.read(async |tx: &mut Tx<'_>| candidates::documents(tx, ALL).await).await
    }
}

struct Searching<'t, 'c> {
    tx: &'t mut Tx<'c>,
    search: &'t Search,
}

/// All results in their order.
#[derive(Default)]
struct Results {
    cards: Vec<RepositoryCard>,
    total: Total,
    offers_tag: bool,
}

impl Searching<'_, '_> {
    async fn answer(mut self) -> Result<SearchAnswer> {
        let search = self.search;
        let mut results = self.results_of(&search.query.words).await?;
        let mut corrected = None;
        if results.cards.is_empty()
            && let Some(text) = spelling::corrected(self.tx, &search.query.words).await?
        {
            results = self.results_of(&text).await?;
            corrected = Some(text).filter(|_| !results.cards.is_empty());
        }
        let Results { mut cards, total, offers_tag } = results;
        let facets = self.facets(&cards, total).await?;
        let offered = cards.first().cloned().filter(|_| offers_tag).zip(search.query.tag.clone());
        self.order().sort(&mut cards);
        let cards = cards.into_iter().skip(search.offset).take(search.limit).collect();
        Ok(SearchAnswer { cards, total, facets, corrected, offered })
    }

    /// The order of the results. Without words none is more relevant than another.
    fn order(&self) -> SearchOrder {
        match self.search.order {
            SearchOrder::Relevance if !self.has_words() => SearchOrder::Pulls,
            order => order,
        }
    }

    fn has_words(&self) -> bool {
        words(&self.search.query.all_words()).next().is_some()
    }

    /// Whether every listed repository is a result.
    fn is_unconditional(&self) -> bool {
        self.search.filters.is_empty() && self.search.query.all_words().trim().is_empty()
    }

    /// The results for the words of a text. If the query asks for a tag that the best of them has not, the tag is one of the words.
    async fn results_of(&mut self, text: &str) -> Result<Results> {
        let results = self.results(text).await?;
        let Some(tag) = &self.search.query.tag else { return Ok(results) };
        if let Some(best) = results.cards.first()
            && has_tag(self.tx, best.id, tag).await?
        {
            return Ok(Results { offers_tag: true, ..results });
        }
        let narrower = self.results(&format!("{text} {tag}")).await?;
        Ok(if narrower.cards.is_empty() { results } else { narrower })
    }

    /// The results in the order of relevance, at most [`MOST`].
    async fn results(&mut self, text: &str) -> Result<Results> {
        let words: Vec<String> = words(text).take(WORDS).collect();
        let filters = filters(&self.search.filters);
        if words.is_empty() && filters.is_empty() {
            return self.everything(text).await;
        }
        let mut found = candidates::find(self.tx, &conditions(&words, &filters)).await?;
        if (2..=JOINED).contains(&words.len()) {
            let joined = [joined(text)];
            found = found.or(candidates::find(self.tx, &conditions(&joined, &filters)).await?);
        }
        self.ranked(found).await
    }

    /// All listed repositories, as far as the page reaches. A text without words finds nothing.
    async fn everything(&mut self, text: &str) -> Result<Results> {
        if !text.trim().is_empty() {
            return Ok(Results::default());
        }
        let most = self.search.offset.saturating_add(self.search.limit).min(MOST);
        let cards = match self.search.order {
            SearchOrder::Relevance | SearchOrder::Pulls => cards::select(self.tx, CardOrder::Pulls, None, most).await?,
            SearchOrder::Updated => cards::select(self.tx, CardOrder::Updated, None, most).await?,
            SearchOrder::Name => cards::first_by_name(self.tx, most).await?,
        };
        let count = candidates::documents(self.tx, ALL).await?;
        Ok(Results { cards, total: Total { count, is_exact: true }, offers_tag: false })
    }

    /// Reads the cards of the best results and orders equals by name.
    async fn ranked(&mut self, Found { ranks, is_cut }: Found) -> Result<Results> {
        let mut best: Vec<(i64, i64)> = ranks.iter().map(|(id, rank)| (*rank, *id)).collect();
        best.sort_unstable_by(|one, other| other.cmp(one));
        let is_exact = !is_cut && best.len() <= MOST;
        best.truncate(MOST);
        let ids: Vec<i64> = best.into_iter().map(|(_, id)| id).collect();
        let mut cards = cards::select_many(self.tx, &ids).await?;
        cards.sort_unstable_by(|one, other| ranks.get(&other.id).cmp(&ranks.get(&one.id)).then_with(|| one.path().cmp(&other.path())));
        let total = Total { count: cards.len() as u64, is_exact };
        Ok(Results { cards, total, offers_tag: false })
    }

    /// The values of facets among the results, and those by which the results could be filtered instead.
    async fn facets(&mut self, cards: &[RepositoryCard], total: Total) -> Result<Facets> {
        if self.is_unconditional() {
            return Ok(Facets { counts: self.all_values().await?, are_exact: true, ..Facets::default() });
        }
        let mut facets = Facets::of(cards.iter(), total.is_exact);
        if !self.search.filters.is_empty() {
            let is_filtered = |facet| self.search.filters.iter().any(|(of, _)| *of == facet);
            let other = self.all_values().await?.into_keys();
            facets.uncounted = other.filter(|value| is_filtered(value.0) && !facets.counts.contains_key(value)).collect();
        }
        Ok(facets)
    }

    /// The values of facets among all listed repositories, which the index counts.
    async fn all_values(&mut self) -> Result<BTreeMap<(Facet, String), u64>> {
        let terms: Vec<(String, u64)> = self.tx.query(&SELECT_FILTERS, params![RANGE.0, RANGE.1]).await?;
        let count = |(term, documents): &(String, u64)| Facet::of_term(term).map(|(facet, value)| ((facet, value.to_owned()), *documents));
        Ok(terms.iter().filter_map(count).collect())
    }
}

/// The terms of filters, by facet.
fn filters(filters: &[(Facet, String)]) -> Vec<Vec<String>> {
    let mut terms: BTreeMap<Facet, Vec<String>> = BTreeMap::new();
    for (facet, value) in filters.iter().take(FILTERS) {
        terms.entry(*facet).or_default().push(facet.term(value));
    }
    terms.into_values().collect()
}

fn conditions(words: &[String], filters: &[Vec<String>]) -> Vec<Condition> {
    let last = words.len().saturating_sub(1);
    let words = words.iter().enumerate().map(|(place, word)| {
        // The beginnings of one letter would be those of a large part of all words.
        let is_finished = place < last || word.len() == 1;
        if is_finished { Condition::Word(word.clone()) } else { Condition::Beginning(word.clone()) }
    });
    words.chain(filters.iter().cloned().map(Condition::Filter)).collect()
}
