//! The description by which browsers search here from their address bar (OpenSearch 1.1).

use super::page::{Failure, Page};
use super::urls;
use super::visit::Visit;
use askama::Template;

#[derive(Template)]
#[template(path = "open_search/description.xml", escape = "html")]
struct Description<'a> {
    name: &'a str,
    results: String,
    icon: String,
}

pub(super) fn page(visit: &Visit<'_>) -> Result<Page, Failure> {
    let absolute = |path: &str| urls::absolute(visit.origin(), path);
    let description = Description { name: visit.site(), results: absolute("/search?q={searchTerms}"), icon: absolute(&urls::icon()) };
    Page::rendered("application/opensearchdescription+xml", &description)
}
