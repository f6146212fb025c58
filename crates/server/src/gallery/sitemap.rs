//! The addresses of all pages, for search engines (sitemaps.org).

use super::page::{Failure, Page};
use super::visit::Visit;

pub(super) async fn index(_visit: &Visit<'_>) -> Result<Page, Failure> {
    Err(Failure::NotFound)
}

pub(super) async fn page(_visit: &Visit<'_>, _number: u64) -> Result<Page, Failure> {
    Err(Failure::NotFound)
}
