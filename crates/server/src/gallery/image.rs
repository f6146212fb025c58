//! An image, chart or other artifact.

use super::page::{Failure, Page};
use super::route::Place;
use super::visit::Visit;
use roadstead_model::Reference;

pub(super) async fn page(_visit: &Visit<'_>, _place: &Place, _reference: &Reference) -> Result<Page, Failure> {
    Err(Failure::NotFound)
}
