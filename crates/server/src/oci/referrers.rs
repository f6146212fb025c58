//! The manifests that refer to another one (OCI distribution specification, end-12).
//!
//! Every manifest with a subject is indexed when it is pushed, also while the subject is missing. So the entries of a
//! fallback tag (`sha256-<hex>`) that clients keep for registries without this endpoint are in the answer already: a
//! listed manifest counts only with a valid subject ("Enabling the Referrers API"), and then it was indexed.

use super::access::Target;
use super::error::Failure;
use super::listing::Listing;
use super::reply::{FILTERS_APPLIED, Reply};
use crate::Server;
use crate::http::Response;
use http::StatusCode;
use http::header::{CONTENT_TYPE, LINK};
use roadstead_model::media_type::OCI_INDEX;
use roadstead_model::oci::{ReferrerDescriptor, ReferrerList};
use roadstead_model::{Digest, Page};
use roadstead_registry::Referrer;

/// A page of referrers as an image index. Unknown subjects and repositories have none; that is never an error.
pub(super) async fn list(
    server: &Server,
    target: &Target,
    subject: &Digest,
    artifact_type: Option<&str>,
    listing: &Listing,
) -> Result<Response, Failure> {
    let (registry, name, last) = (target.registry(), target.repository(), listing.last.as_deref());
    let page = if listing.is_empty() {
        Page { items: Vec::new(), next: None }
    } else {
        server.registry.list_referrers(registry, name, subject, artifact_type, last, listing.size()).await?
    };
    let reply = index(page.items, artifact_type.is_some());
    let filter = artifact_type.map(|value| ("artifactType", value));
    Ok(match page.next {
        Some(position) => reply.with(LINK, &listing.link(&target.path(&format!("referrers/{subject}")), &position, filter)),
        None => reply,
    }
    .into_response())
}

/// What is answered for a registry that does not exist.
pub(super) fn none(filtered: bool) -> Response {
    index(Vec::new(), filtered).into_response()
}

fn index(referrers: Vec<Referrer>, filtered: bool) -> Reply {
    let manifests = referrers.into_iter().map(descriptor).collect();
    let list = ReferrerList { schema_version: 2, media_type: OCI_INDEX, manifests };
    let reply = Reply::json(StatusCode::OK, &list).with(CONTENT_TYPE, OCI_INDEX);
    if filtered { reply.with(FILTERS_APPLIED, "artifactType") } else { reply }
}

fn descriptor(referrer: Referrer) -> ReferrerDescriptor {
    ReferrerDescriptor {
        media_type: referrer.media_type,
        digest: referrer.digest.to_string(),
        size: referrer.size,
        artifact_type: referrer.artifact_type,
        annotations: referrer.annotations,
    }
}
