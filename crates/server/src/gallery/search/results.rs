//! Results with their filters, orders and pages, as the front page and the search show them.

use super::request::{self, Request};
use roadstead_model::gallery::plain_text::one_line;
use roadstead_model::gallery::search::answer::{Facets, SearchAnswer, SearchOrder, Total};
use roadstead_model::gallery::search::filter::Facet;
use roadstead_model::gallery::{ArtifactKind, RepositoryCard};

/// The most values of a facet that are offered.
const VALUES: usize = 12;

/// The values of the template `search/results.html`.
#[derive(Debug)]
pub(in crate::gallery) struct Results {
    pub(in crate::gallery) request: Request,
    pub(in crate::gallery) cards: Vec<RepositoryCard>,
    pub(in crate::gallery) total: Total,
    pub(in crate::gallery) filters: Vec<Filter>,
    pub(in crate::gallery) orders: Vec<Order>,
    pub(in crate::gallery) pages: usize,
    /// Whether the numbers of filters are not greater than shown.
    pub(in crate::gallery) are_counts_exact: bool,
}

/// A facet by which results can be filtered.
#[derive(Debug)]
pub(in crate::gallery) struct Filter {
    pub(in crate::gallery) name: &'static str,
    /// The member of the query, if all choices have the same.
    pub(in crate::gallery) member: &'static str,
    /// Whether only one value can be chosen.
    pub(in crate::gallery) is_exclusive: bool,
    pub(in crate::gallery) is_used: bool,
    pub(in crate::gallery) choices: Vec<Choice>,
}

#[derive(Debug)]
pub(in crate::gallery) struct Choice {
    /// The member of the query.
    pub(in crate::gallery) member: &'static str,
    pub(in crate::gallery) label: String,
    pub(in crate::gallery) value: String,
    pub(in crate::gallery) count: Option<u64>,
    pub(in crate::gallery) is_chosen: bool,
}

/// An order of the results, as a link.
#[derive(Debug)]
pub(in crate::gallery) struct Order {
    pub(in crate::gallery) label: &'static str,
    pub(in crate::gallery) url: String,
    pub(in crate::gallery) is_current: bool,
}

impl Results {
    pub(in crate::gallery) fn new(request: Request, answer: SearchAnswer) -> Self {
        let SearchAnswer { cards, total, facets, .. } = answer;
        let flags = Filter::of_flags(&request, &facets);
        let lists =
            [(Facet::Kind, "Kind"), (Facet::OperatingSystem, "System"), (Facet::Architecture, "Machine"), (Facet::Publisher, "Publisher")];
        let filters = std::iter::once(flags).chain(lists.map(|(facet, name)| Filter::of(facet, name, &request, &facets)));
        let filters = filters.filter(|filter| !filter.choices.is_empty()).collect();
        let orders = request::orders().filter(|(order, _)| !request.text.is_empty() || *order != SearchOrder::Relevance);
        let current = if request.text.is_empty() && request.order == SearchOrder::Relevance { SearchOrder::Pulls } else { request.order };
        let orders = orders.map(|(order, label)| Order { label, url: request.url_of_order(order), is_current: order == current }).collect();
        let pages = request::pages(total.count);
        Self { request, cards, total, filters, orders, pages, are_counts_exact: facets.are_exact }
    }

    /// The text of the query, as far as a heading shows it.
    pub(in crate::gallery) fn shown_text(&self) -> String {
        one_line(&self.request.text, 80)
    }

    /// The name of the order, unless it is the usual one.
    pub(in crate::gallery) fn order(&self) -> Option<&'static str> {
        request::orders().find(|(order, _)| *order == self.request.order && *order != SearchOrder::default()).map(|(_, name)| name)
    }

    /// The number of filters that are used.
    pub(in crate::gallery) fn filters_used(&self) -> usize {
        self.request.filters.len()
    }

    /// Whether this is the last page although there are more results.
    pub(in crate::gallery) fn ends_early(&self) -> bool {
        let shown = self.request.page * self.cards.len().max(1);
        self.request.page >= self.pages && (!self.total.is_exact || self.total.count > shown as u64) && self.pages > 1
    }
}

impl Filter {
    fn of_flags(request: &Request, facets: &Facets) -> Self {
        let flags = [(Facet::Verified, "Verified publisher"), (Facet::Signed, "Signed")];
        let choices = flags.into_iter().filter_map(|(facet, label)| {
            let is_chosen = request.has(facet, "");
            let count = facets.count(facet, "");
            (is_chosen || count > 0).then(|| Choice {
                member: request::member(facet),
                label: label.to_owned(),
                value: "1".to_owned(),
                count: Some(count),
                is_chosen,
            })
        });
        Self { name: "Trust", member: "", is_exclusive: false, is_used: false, choices: choices.collect() }
    }

    fn of(facet: Facet, name: &'static str, request: &Request, facets: &Facets) -> Self {
        let choice = |value: &str, count| {
            let kind = if facet == Facet::Kind { ArtifactKind::parse(value) } else { None };
            let label = kind.map_or_else(|| value.to_owned(), |kind| kind.label().to_owned());
            Choice { member: request::member(facet), label, value: value.to_owned(), count, is_chosen: request.has(facet, value) }
        };
        let mut choices: Vec<_> = facets.values(facet).into_iter().map(|(value, count)| choice(value, count)).collect();
        let chosen = request.filters.iter().filter(|(of, _)| *of == facet);
        for (_, value) in chosen {
            if !choices.iter().any(|choice| choice.value == *value) {
                choices.push(choice(value, Some(0)));
            }
        }
        // Chosen values stay, however rare they are.
        choices.sort_by_key(|choice| !choice.is_chosen);
        choices.truncate(VALUES);
        let is_used = choices.iter().any(|choice| choice.is_chosen);
        Self { name, member: request::member(facet), is_exclusive: facet == Facet::Kind, is_used, choices }
    }
}
