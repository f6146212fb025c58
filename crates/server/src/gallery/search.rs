//! The results of a search.

use super::page::{Failure, Page};
use super::visit::Visit;

pub(super) async fn page(_visit: &Visit<'_>) -> Result<Page, Failure> {
    Err(Failure::NotFound)
}
