//! The overview of a repository.

use super::page::{Failure, Page};
use super::route::Place;
use super::visit::Visit;
use roadstead_model::Digest;

pub(super) async fn page(_visit: &Visit<'_>, _place: &Place) -> Result<Page, Failure> {
    Err(Failure::NotFound)
}

/// A picture that was pushed beside a README.
pub(super) async fn picture(_visit: &Visit<'_>, _digest: &Digest) -> Result<Page, Failure> {
    Err(Failure::NotFound)
}
