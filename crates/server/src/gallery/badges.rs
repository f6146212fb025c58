//! Badges, for READMEs.

use super::page::{Failure, Page};
use super::route::{Badge, BadgeFormat, Place};
use super::visit::Visit;

pub(super) async fn page(_visit: &Visit<'_>, _place: &Place, _badge: Badge, _format: BadgeFormat) -> Result<Page, Failure> {
    Err(Failure::NotFound)
}
