//! What is new, as Atom feeds (RFC 4287).

use super::page::{Failure, Page};
use super::route::Place;
use super::visit::Visit;
use roadstead_model::RegistryAlias;

pub(super) async fn of_everything(_visit: &Visit<'_>) -> Result<Page, Failure> {
    Err(Failure::NotFound)
}

pub(super) async fn of_publisher(_visit: &Visit<'_>, _alias: &RegistryAlias) -> Result<Page, Failure> {
    Err(Failure::NotFound)
}

pub(super) async fn of_repository(_visit: &Visit<'_>, _place: &Place) -> Result<Page, Failure> {
    Err(Failure::NotFound)
}
