//! The query of a search: our members, and those of gallery.ecr.aws.

use crate::gallery::urls;
use crate::gallery::visit::Visit;
use roadstead_model::gallery::search::answer::{MOST, Search, SearchOrder};
use roadstead_model::gallery::search::filter::{Facet, architecture, operating_system};
use roadstead_model::gallery::search::query::{LONGEST, Query};

/// The results on a page.
const PAGE: usize = 25;
/// The number of pages. Further results are not shown: a person refines the search.
const PAGES: usize = MOST / PAGE;

/// The names of the orders in addresses.
const ORDERS: [(SearchOrder, &str); 4] =
    [(SearchOrder::Relevance, "relevance"), (SearchOrder::Pulls, "pulls"), (SearchOrder::Updated, "updated"), (SearchOrder::Name, "name")];

/// The members that hold the values of a facet, ours first. Members of AWS's gallery are `verified=verified`, `operatingSystems=Linux`,
/// `architecture=ARM+64` or `architectures=ARM+64`, and `popularRegistries=<alias>`.
const MEMBERS: [(Facet, &[&str]); 6] = [
    (Facet::Verified, &["verified"]),
    (Facet::Signed, &["signed"]),
    (Facet::Kind, &["kind"]),
    (Facet::OperatingSystem, &["os", "operatingSystems"]),
    (Facet::Architecture, &["arch", "architectures", "architecture"]),
    (Facet::Publisher, &["popularRegistries"]),
];

/// A search as its address has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::gallery) struct Request {
    pub(in crate::gallery) text: String,
    pub(in crate::gallery) filters: Vec<(Facet, String)>,
    pub(in crate::gallery) order: SearchOrder,
    /// From 1.
    pub(in crate::gallery) page: usize,
}

impl Request {
    pub(in crate::gallery) fn of(visit: &Visit<'_>) -> Self {
        let text = visit.member("q").or_else(|| visit.member("searchTerm")).unwrap_or_default();
        let page = visit.member("page").and_then(|text| text.parse().ok()).unwrap_or(1);
        Self {
            text: text.chars().take(LONGEST).collect(),
            filters: MEMBERS.iter().flat_map(|(facet, names)| values(visit, *facet, names)).collect(),
            order: order(visit.member("sort").as_deref()),
            page: usize::clamp(page, 1, PAGES),
        }
    }

    pub(in crate::gallery) fn search(&self, visit: &Visit<'_>) -> Search {
        let query = Query::parse(&self.text, &visit.origin().authority);
        Search { query, filters: self.filters.clone(), order: self.order, offset: (self.page - 1) * PAGE, limit: PAGE }
    }

    /// Whether nothing is asked but to see what there is.
    pub(in crate::gallery) fn is_empty(&self) -> bool {
        *self == Self { page: 1, ..Self::default() }
    }

    pub(in crate::gallery) fn has(&self, facet: Facet, value: &str) -> bool {
        self.filters.iter().any(|(of, selected)| *of == facet && selected == value)
    }

    /// The address of another page of the results.
    pub(in crate::gallery) fn url_of_page(&self, page: usize) -> String {
        Self { page, ..self.clone() }.url()
    }

    /// The address of the results in another order.
    pub(in crate::gallery) fn url_of_order(&self, order: SearchOrder) -> String {
        Self { order, page: 1, ..self.clone() }.url()
    }

    /// The address of the results for other words.
    pub(in crate::gallery) fn url_of_text(&self, text: &str) -> String {
        Self { text: text.to_owned(), page: 1, ..self.clone() }.url()
    }

    /// The address of the results without filters.
    pub(in crate::gallery) fn url_unfiltered(&self) -> String {
        Self { filters: Vec::new(), page: 1, ..self.clone() }.url()
    }

    fn url(&self) -> String {
        let page = if self.page == 1 { String::new() } else { self.page.to_string() };
        let mut members = vec![("q", self.text.as_str())];
        members.extend(self.filters.iter().map(|(facet, value)| (member(*facet), if value.is_empty() { "1" } else { value })));
        members.extend([("sort", if self.order == SearchOrder::default() { "" } else { name_of(self.order) }), ("page", &page)]);
        urls::with_query(urls::search_page(), &members)
    }
}

/// The order of this name. Unknown ones are ignored.
pub(in crate::gallery) fn order(name: Option<&str>) -> SearchOrder {
    ORDERS.iter().find(|(_, known)| name == Some(known)).map(|(order, _)| *order).unwrap_or_default()
}

/// The orders and their names.
pub(in crate::gallery) fn orders() -> impl Iterator<Item = (SearchOrder, &'static str)> {
    ORDERS.into_iter()
}

/// The number of pages that `count` results fill.
pub(in crate::gallery) fn pages(count: u64) -> usize {
    usize::try_from(count).unwrap_or(MOST).min(MOST).div_ceil(PAGE)
}

/// Our member for a facet.
pub(in crate::gallery) fn member(facet: Facet) -> &'static str {
    MEMBERS.iter().find(|(of, _)| *of == facet).and_then(|(_, names)| names.first()).copied().unwrap_or_default()
}

fn name_of(order: SearchOrder) -> &'static str {
    ORDERS.iter().find(|(of, _)| *of == order).map_or("", |(_, name)| name)
}

fn values(visit: &Visit<'_>, facet: Facet, names: &[&str]) -> Vec<(Facet, String)> {
    if matches!(facet, Facet::Verified | Facet::Signed) {
        return if names.iter().any(|name| visit.is_set(name)) { vec![(facet, String::new())] } else { Vec::new() };
    }
    let given = names.iter().flat_map(|name| visit.members(name));
    let known = given.map(|value| match facet {
        Facet::OperatingSystem => operating_system(&value).map_or(value, str::to_owned),
        Facet::Architecture => architecture(&value).map_or(value, str::to_owned),
        _ => value,
    });
    let mut values: Vec<_> = known.map(|value| (facet, value)).collect();
    values.sort();
    values.dedup();
    values
}
