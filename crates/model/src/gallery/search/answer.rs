//! What is searched, and what is found.

use super::filter::Facet;
use super::query::Query;
use crate::gallery::card::RepositoryCard;
use crate::tag::Tag;
use std::collections::{BTreeMap, BTreeSet};

/// The most results of a search. Beyond them a person refines the query.
pub const MOST: usize = 500;

/// The order of results. Equals are ordered by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SearchOrder {
    /// The best first; without words, the most pulled.
    #[default]
    Relevance,
    Pulls,
    Updated,
    Name,
}

#[derive(Debug, Clone, Default)]
pub struct Search {
    pub query: Query,
    /// Values of one facet are alternatives; facets narrow each other down.
    pub filters: Vec<(Facet, String)>,
    pub order: SearchOrder,
    /// The number of results before the page.
    pub offset: usize,
    pub limit: usize,
}

/// A page of results.
#[derive(Debug, Clone, Default)]
pub struct SearchAnswer {
    pub cards: Vec<RepositoryCard>,
    pub total: Total,
    pub facets: Facets,
    /// The words that were searched instead, because nothing has those of the query.
    pub corrected: Option<String>,
    /// The tag that the query asks for, which the first result has.
    pub offered: Option<(RepositoryCard, Tag)>,
}

/// The number of results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Total {
    pub count: u64,
    /// Whether there are not more.
    pub is_exact: bool,
}

impl Default for Total {
    fn default() -> Self {
        Self { count: 0, is_exact: true }
    }
}

/// The values of facets among all results, each with their number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facets {
    pub counts: BTreeMap<(Facet, String), u64>,
    /// Values of facets by which the results are filtered already, which therefore do not tell the numbers of the others.
    pub uncounted: BTreeSet<(Facet, String)>,
    /// Whether there are not more results that have a value.
    pub are_exact: bool,
}

impl SearchOrder {
    /// Orders results that are in the order of relevance.
    pub fn sort(self, cards: &mut [RepositoryCard]) {
        match self {
            Self::Relevance => {}
            Self::Pulls => cards.sort_by(|one, other| other.pulls.cmp(&one.pulls).then_with(|| one.path().cmp(&other.path()))),
            Self::Updated => cards.sort_by(|one, other| other.updated_at.cmp(&one.updated_at).then_with(|| one.path().cmp(&other.path()))),
            Self::Name => cards.sort_by(|one, other| one.path().cmp(&other.path())),
        }
    }
}

impl Facets {
    /// Counts the values of cards.
    pub fn of<'a>(cards: impl Iterator<Item = &'a RepositoryCard>, are_exact: bool) -> Self {
        let mut counts = BTreeMap::new();
        for value in cards.flat_map(RepositoryCard::facets) {
            *counts.entry(value).or_insert(0) += 1;
        }
        Self { counts, uncounted: BTreeSet::new(), are_exact }
    }

    /// The values of a facet with their numbers, as far as these are known, the most frequent first.
    pub fn values(&self, facet: Facet) -> Vec<(&str, Option<u64>)> {
        let counted = self.counts.iter().map(|((of, value), count)| (*of, value.as_str(), Some(*count)));
        let uncounted = self.uncounted.iter().map(|(of, value)| (*of, value.as_str(), None));
        let mut values: Vec<_> = counted.chain(uncounted).filter(|(of, ..)| *of == facet).map(|(_, value, count)| (value, count)).collect();
        values.sort_by_key(|(value, count)| (std::cmp::Reverse(*count), *value));
        values
    }

    pub fn count(&self, facet: Facet, value: &str) -> u64 {
        self.counts.get(&(facet, value.to_owned())).copied().unwrap_or(0)
    }
}

impl RepositoryCard {
    /// The values of the facets that a page offers.
    pub fn facets(&self) -> impl Iterator<Item = (Facet, String)> + '_ {
        let flags = [(self.verified, Facet::Verified), (self.signed, Facet::Signed)];
        let flags = flags.into_iter().filter(|(holds, _)| *holds).map(|(_, facet)| (facet, String::new()));
        let kind = self.kind.map(|kind| (Facet::Kind, kind.name().to_owned()));
        let lists = [(Facet::OperatingSystem, &self.operating_systems), (Facet::Architecture, &self.architectures)];
        flags.chain(kind).chain(lists.into_iter().flat_map(|(facet, values)| values.iter().map(move |value| (facet, value.clone()))))
    }
}
