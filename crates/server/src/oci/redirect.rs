//! Blobs that clients read from the store itself (`--blob-redirect`).

use super::failure::Failure;
use super::headers::CONTENT_DIGEST;
use crate::http::Reply;
use crate::server::Server;
use http::StatusCode;
use http::header::{CACHE_CONTROL, LOCATION};
use roadstead_registry::StoredBlob;

/// The response that sends a client to the store, for the whole blob or for ranges, which clients ask for again there. `None` if the
/// blob is to be sent from here: a small one, or one of a store without addresses.
pub(super) async fn to_store(server: &Server, blob: &StoredBlob) -> Result<Option<Reply>, Failure> {
    let config = &server.config.blob_redirect;
    if !config.enabled {
        return Ok(None);
    }
    let Some(url) = server.installation.blob_url(blob, config.lifetime).await? else { return Ok(None) };
    let url = config.base.as_deref().map_or_else(|| url.clone(), |base| at_base(base, &url));
    let reply = Reply::empty(StatusCode::TEMPORARY_REDIRECT).with(LOCATION, &url).with(CONTENT_DIGEST, blob.digest.as_str());
    // An address that a proxy keeps is refused once its lifetime is over.
    Ok(Some(reply.with_static(CACHE_CONTROL, "no-store")))
}

/// Replaces scheme and host of a URL by a base, such as that of a CDN.
fn at_base(base: &str, url: &str) -> String {
    let after_scheme = url.find("://").map_or(0, |at| at + 3);
    let path = url[after_scheme..].find('/').map_or("", |at| &url[after_scheme + at..]);
    [base, path].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_replaces_scheme_and_host_only() {
        for (base, url, expected) in [
            ("https://cdn.example", "http://127.0.0.1:7070/bucket/a/b?X-Amz-Date=1", "https://cdn.example/bucket/a/b?X-Amz-Date=1"),
            ("https://cdn.example/layers", "https://bucket.s3.amazonaws.com/a?b=c/d", "https://cdn.example/layers/a?b=c/d"),
            ("http://cdn:8080", "https://host", "http://cdn:8080"),
        ] {
            assert_eq!(at_base(base, url), expected);
        }
    }
}
