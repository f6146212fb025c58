//! The tags of a repository (OCI distribution specification, end-8).

use super::access::Target;
use super::failure::Failure;
use super::listing::Listing;
use crate::http::{Call, Reply, Response};
use crate::server::Server;
use roadstead_model::oci::TagList;

/// Lists a page of tags in bytewise order. Even `n=0` reports whether the repository exists.
pub(super) async fn list(server: &Server, call: &Call, target: &Target, listing: &Listing) -> Result<Response, Failure> {
    let page = server.installation.at(call.arrival).list_tags(target.repository(), listing.last.as_deref(), listing.size()).await?;
    let reply = Reply::json_for(call, &TagList { name: target.name(), tags: listing.entries(&page.items) });
    Ok(listing.page(reply, page.next.as_deref(), &target.path("tags/list"), None))
}
