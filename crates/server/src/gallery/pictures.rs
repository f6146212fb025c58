//! Pictures that were pushed with a README.
//!
//! Their addresses name no repository, so that stored HTML stays right when an alias changes.

use super::page::{Failure, Page};
use super::visit::Visit;
use http::header::CACHE_CONTROL;
use roadstead_model::Digest;
use roadstead_model::gallery::readme::picture_type;

pub(super) async fn page(visit: &Visit<'_>, digest: &Digest) -> Result<Page, Failure> {
    let (media_type, bytes) = visit.installation().readme_picture(digest).await?.ok_or(Failure::NotFound)?;
    let media_type = picture_type(&media_type).ok_or(Failure::NotFound)?;
    Ok(Page::new(media_type, bytes).with(CACHE_CONTROL, "public, max-age=31536000, immutable"))
}
