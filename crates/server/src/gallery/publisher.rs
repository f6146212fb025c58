//! The repositories of a publisher.

use super::page::{Failure, Page};
use super::visit::Visit;
use roadstead_model::RegistryAlias;

pub(super) async fn page(_visit: &Visit<'_>, _alias: &RegistryAlias) -> Result<Page, Failure> {
    Err(Failure::NotFound)
}
