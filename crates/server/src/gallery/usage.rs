//! How to use a repository, in the words of its owner.

use super::page::{Failure, Page};
use super::repository;
use super::route::Place;
use super::visit::Visit;
use roadstead_registry::TextKind;

pub(super) async fn page(visit: &Visit<'_>, place: &Place) -> Result<Page, Failure> {
    repository::view(visit, place, TextKind::Usage).await
}
