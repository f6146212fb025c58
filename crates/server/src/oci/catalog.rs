//! The listing of repositories, `/v2/_catalog` (reserved by the OCI distribution specification, "Extensions").

use super::failure::Failure;
use super::listing::Listing;
use crate::http::{Call, Reply, Response};
use crate::server::Server;
use roadstead_model::oci::RepositoryList;

/// Lists a page of all repositories as `<alias>/<repository>` in bytewise order. All are public, so nothing is filtered.
pub(super) async fn list(server: &Server, call: &Call, listing: &Listing) -> Result<Response, Failure> {
    let page = server.installation.list_all_repositories(listing.last.as_deref(), listing.size()).await?;
    let reply = Reply::json_for(call, &RepositoryList { repositories: listing.entries(&page.items) });
    Ok(listing.page(reply, page.next.as_deref(), "/v2/_catalog", None))
}
