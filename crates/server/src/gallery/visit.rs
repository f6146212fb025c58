//! The request for a page as its handler sees it.

use super::layout::Layout;
use super::page::Failure;
use super::route::{Place, Route};
use crate::config::Origin;
use crate::http::{Call, Query};
use crate::server::Server;
use roadstead_model::measure::beginning;
use roadstead_model::{RepositoryKey, Timestamp};
use roadstead_registry::Installation;

/// The maximum length of a member of the query in bytes. The rest is cut off.
const LONGEST_MEMBER: usize = 800;

/// A request for a page.
pub(super) struct Visit<'a> {
    pub(super) server: &'a Server,
    installation: Installation,
    pub(super) call: &'a Call,
    pub(super) now: Timestamp,
    /// The members of the query that the page reads, in the order of [`Route::members`].
    query: Query<'static>,
}

impl<'a> Visit<'a> {
    /// `query` is that of the page, from [`members`].
    pub(super) fn new(server: &'a Server, call: &'a Call, query: String) -> Self {
        let installation = server.installation.at(call.arrival);
        Self { server, call, now: installation.now(), installation, query: Query::parse_form(query) }
    }

    /// The installation at the arrival of the request.
    pub(super) fn installation(&self) -> &Installation {
        &self.installation
    }

    /// The repository that an address names. Any active alias of its registry will do.
    pub(super) async fn key(&self, place: &Place) -> Result<RepositoryKey, Failure> {
        let registry = self.installation().resolve_alias(place.alias.as_str()).await?;
        Ok(RepositoryKey::new(registry, place.repository.clone()))
    }

    /// How the client reached this server.
    pub(super) fn origin(&self) -> &Origin {
        &self.call.origin
    }

    /// The first value of a member of the query that is not empty, without blanks at its ends.
    pub(super) fn member(&self, name: &str) -> Option<String> {
        self.query.get(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// All values of a member of the query.
    pub(super) fn members(&self, name: &str) -> Vec<String> {
        self.query.all(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()).collect()
    }

    /// Whether a member of the query is switched on.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.member(name).is_some_and(|value| !matches!(value.as_str(), "0" | "false" | "no" | "off"))
    }

    /// The name of this gallery.
    pub(super) fn site(&self) -> &str {
        self.server.config.gallery.name.as_deref().unwrap_or(&self.origin().authority)
    }

    pub(super) fn layout(&self, title: impl Into<String>) -> Layout {
        Layout::new(self, title)
    }
}

/// The members of a query that a page reads, in one order and with bounded values: other queries show the same page.
pub(super) fn members(route: &Route, query: &str) -> String {
    const MOST: usize = 20;
    let asked = Query::parse_form(query);
    let mut kept = form_urlencoded::Serializer::new(String::new());
    for name in route.members() {
        for value in asked.all(name).filter(|value| !value.is_empty()).take(MOST) {
            kept.append_pair(name, beginning(&value, LONGEST_MEMBER));
        }
    }
    kept.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_members_that_a_page_reads_make_another_page_of_it() {
        assert_eq!(members(&Route::Search, "utm_source=x&verified=1&q=a+b%20c&q=&page=2"), "q=a+b+c&page=2&verified=1");
        assert_eq!(members(&Route::Search, "page=2&verified=1&q=a+b+c"), "q=a+b+c&page=2&verified=1");
        assert_eq!(members(&Route::Help, "q=a"), "");
        let long = members(&Route::Search, &format!("q={}", "é".repeat(10_000)));
        assert_eq!(long.len(), "q=".len() + 3 * LONGEST_MEMBER);
        assert_eq!(members(&Route::Search, &"kind=a&".repeat(1000)).matches("kind").count(), 20);
    }
}
