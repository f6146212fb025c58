//! The gallery as JSON, described by `openapi.json`.

mod image;
mod listing;
mod platform_document;
mod problem;
mod publisher;
mod pulls;
mod repository;
mod repository_document;
mod search;
mod tags;

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
        Api::Image(place, reference) => image::page(visit, place, reference).await?,
        Api::Repository(place) => repository::page(visit, place).await?,
        Api::Tags(place) => tags::page(visit, place).await?,
        Api::Pulls(place) => pulls::page(visit, place).await?,
    };
    Ok(cross_origin::shared(page))
}
