//! The tags of a repository (OCI distribution specification, end-8).

use super::access::Target;
use super::failure::Failure;
use super::listing::Listing;
use crate::http::{Call, Reply, Response};
use crate::server::Server;
use roadstead_model::PageSize;
use roadstead_model::oci::TagList;

/// A page of tags in byte order.
pub(super) async fn list(server: &Server, call: &Call, target: &Target, listing: &Listing) -> Result<Response, Failure> {
    let repository = target.repository();
    // Even `n=0` reports whether the repository exists.
    let size = if listing.is_empty() { PageSize::clamped(1) } else { listing.size() };
    let page = server.installation.list_tags(repository, listing.last.as_deref(), size).await?;
    if listing.is_empty() {
        return Ok(Reply::json_for(call, &TagList { name: target.name(), tags: &[] }).into_response());
    }
    let reply = Reply::json_for(call, &TagList { name: target.name(), tags: &page.items });
    Ok(listing.page(reply, page.next.as_deref(), &target.path("tags/list"), None))
}
