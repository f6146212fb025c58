//! The gallery as JSON, described by `openapi.json`.

mod listing;
mod problem;
mod publisher;
mod pulls;
mod repository_document;
mod search;

use super::cross_origin;
use super::page::{Failure, Page};
use super::route::Api;
use super::visit::Visit;
pub(super) use problem::page as failure;

pub(super) async fn page(visit: &Visit<'_>, document: &Api) -> Result<Page, Failure> {
    let page = match document {
        Api::Description => Page::new("application/json", include_str!("api/openapi.json")),
        Api::Search => search::page(visit).await?,
        Api::Publisher(alias) => publisher::page(visit, alias).await?,
        Api::Pulls(place) => pulls::page(visit, place).await?,
        _ => return Err(Failure::NotFound),
    };
    Ok(cross_origin::shared(page))
}
