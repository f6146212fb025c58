//! The overview of a repository.

use super::page::{Failure, Page};
use super::route::Place;
use super::visit::Visit;

pub(super) async fn page(_visit: &Visit<'_>, _place: &Place) -> Result<Page, Failure> {
    Err(Failure::NotFound)
}
