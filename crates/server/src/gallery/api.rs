//! The gallery as JSON.

use super::page::{Failure, Page};
use super::route::Api;
use super::visit::Visit;

pub(super) async fn page(_visit: &Visit<'_>, _document: &Api) -> Result<Page, Failure> {
    Err(Failure::NotFound)
}

/// What programs get instead of a document.
pub(super) fn failure(failure: Failure, visit: &Visit<'_>) -> Page {
    failure.page(visit)
}
