//! Referrers of a manifest (OCI distribution specification, end-12).
//!
//! Every manifest with a subject is indexed when it is pushed, even if the subject is missing. The entries of fallback tags
//! (`sha256-<hex>`), which clients maintain for registries without this endpoint, need not be merged: only manifests with a
//! valid subject count ("Enabling the Referrers API"), and those are indexed.

use super::access::Target;
use super::failure::Failure;
use super::headers::FILTERS_APPLIED;
use super::listing::Listing;
use crate::http::{Call, Reply, Response};
use crate::server::Server;
use http::header::CONTENT_TYPE;
use http::{Method, StatusCode};
use roadstead_model::media_type::{self, OCI_INDEX};
use roadstead_model::{Digest, Page, Referrer, oci};
use std::sync::Arc;

/// Lists a page of referrers as an image index, empty for unknown subjects and repositories.
pub(super) async fn list(
    server: &Server,
    call: &Call,
    target: &Target,
    subject: &Digest,
    artifact_type: Option<&str>,
    listing: &Listing,
) -> Result<Response, Failure> {
    // No stored artifact type is longer.
    let page = if artifact_type.is_some_and(|text| text.len() > media_type::LONGEST) {
        Arc::new(Page { items: Vec::new(), next: None })
    } else {
        let last = listing.last.as_deref();
        server.installation.at(call.arrival).list_referrers(target.repository(), subject, artifact_type, last, listing.size()).await?
    };
    let reply = index(call, listing.entries(&page.items), artifact_type.is_some());
    let filter = artifact_type.map(|value| ("artifactType", value));
    Ok(listing.page(reply, page.next.as_deref(), &target.path(&format!("referrers/{subject}")), filter))
}

/// The response for an unknown registry.
pub(super) fn none(call: &Call, filtered: bool) -> Response {
    index(call, &[], filtered).into_response()
}

fn index(call: &Call, referrers: &[Referrer], filtered: bool) -> Reply {
    let descriptors = referrers.iter().map(|referrer| referrer.descriptor.as_str());
    let reply = match call.method {
        Method::HEAD => Reply::json_head(oci::referrer_list_length(descriptors) as u64),
        _ => Reply::json_text(StatusCode::OK, oci::referrer_list(descriptors)),
    };
    let reply = reply.with_static(CONTENT_TYPE, OCI_INDEX);
    if filtered { reply.with_static(FILTERS_APPLIED, "artifactType") } else { reply }
}
