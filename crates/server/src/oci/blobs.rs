//! Blobs of a repository (OCI distribution specification, end-2 and end-10).

use super::access::{self, Target};
use super::conditional;
use super::failure::Failure;
use super::headers::{CONTENT_DIGEST, IMMUTABLE};
use super::multipart;
use super::pulling::Puller;
use super::range::{self, Selection, content_range};
use super::redirect;
use crate::http::{Body, Call, Reply, Response, Share};
use crate::principal::Principal;
use crate::rates::Pulled;
use crate::server::Server;
use http::header::{ACCEPT_RANGES, CACHE_CONTROL, CONTENT_RANGE, ETAG, RANGE};
use http::{Method, StatusCode};
use roadstead_model::Digest;
use roadstead_model::media_type::UNKNOWN;
use roadstead_registry::{Asker, BlobInfo, BlobReader, StoredBlob};

/// GET and HEAD, whole or in ranges. Only GET opens the blob.
pub(super) async fn get(puller: Puller<'_>, target: &Target, digest: &Digest) -> Result<Response, Failure> {
    let Puller { server, call, principal } = puller;
    let admitted = puller.admit(Pulled::Blob)?;
    let not_modified = || Reply::empty(StatusCode::NOT_MODIFIED);
    let is_known = conditional::is_known(&call.headers, digest);
    let reply = if call.method == Method::HEAD {
        let blob = announce(server, call, principal, target, digest).await?;
        // HEAD ignores ranges (RFC 9110, section 14.2).
        if is_known { not_modified() } else { Reply::content(StatusCode::OK, Body::empty(), blob.size, UNKNOWN) }
    } else {
        let blob = server.installation.at(call.arrival).find_blob(target.repository(), digest).await?;
        if !is_known && let Some(reply) = redirect::to_store(server, &blob).await? {
            admitted.charge(blob.size);
            return Ok(reply.into_response());
        }
        if is_known { not_modified() } else { read(server, call, &blob, selection(call, &blob)).await? }
    };
    let reply = reply.with_static(ACCEPT_RANGES, "bytes").with(CONTENT_DIGEST, digest.as_str());
    let reply = reply.with(ETAG, &conditional::entity_tag(digest)).with_static(CACHE_CONTROL, IMMUTABLE);
    Ok(admitted.answer(reply.into_response()))
}

/// Responds to HEAD, which often precedes a push that relies on the response. If the caller may push to the repository, an
/// unreferenced blob is protected from garbage collection. For other callers it is not. They see it only during the first half of its
/// grace period, so that they push it again in the second half: BuildKit and containerd sign in only when challenged, and HEAD
/// does not challenge them.
async fn announce(
    server: &Server,
    call: &Call,
    principal: Option<&Principal>,
    target: &Target,
    digest: &Digest,
) -> Result<BlobInfo, Failure> {
    let asker = async || {
        let may_push = Box::pin(access::may_push(server, call, principal, target)).await?;
        Ok(if may_push { Asker::Pusher } else { Asker::Other(server.config.gc_grace / 2) })
    };
    server.installation.at(call.arrival).look_for_blob(target.repository(), digest, asker).await
}

/// DELETE, refused while a manifest of the repository refers to the blob.
pub(super) async fn delete(server: &Server, target: &Target, digest: &Digest) -> Result<Response, Failure> {
    server.installation.delete_blob(target.repository(), digest).await?;
    Ok(Reply::empty(StatusCode::ACCEPTED).into_response())
}

fn selection(call: &Call, blob: &StoredBlob) -> Selection {
    match call.headers.get(RANGE).and_then(|range| range.to_str().ok()) {
        Some(range) if conditional::range_counts(&call.headers, &blob.digest) => range::select(range, blob.size),
        _ => Selection::Whole,
    }
}

async fn read(server: &Server, call: &Call, blob: &StoredBlob, selection: Selection) -> Result<Reply, Failure> {
    if selection == Selection::Unsatisfiable {
        let reply = Reply::empty(StatusCode::RANGE_NOT_SATISFIABLE);
        return Ok(reply.with(CONTENT_RANGE, &format!("bytes */{}", blob.size)));
    }
    let reader = server.installation.open_blob(blob).await?;
    let Selection::Parts(spans) = selection else {
        let body = read_part(server, call, &reader, 0, blob.size).await?;
        return Ok(Reply::content(StatusCode::OK, body, blob.size, UNKNOWN));
    };
    match spans.as_slice() {
        [span] => {
            let body = read_part(server, call, &reader, span.start, span.length()).await?;
            let reply = Reply::content(StatusCode::PARTIAL_CONTENT, body, span.length(), UNKNOWN);
            Ok(reply.with(CONTENT_RANGE, &content_range(*span, blob.size)))
        }
        spans => {
            let room = room_to_read(server, call, &reader, spans.iter().map(|span| span.length()).sum())?;
            Ok(multipart::reply(&reader, room, spans, blob.size).await?)
        }
    }
}

async fn read_part(server: &Server, call: &Call, reader: &BlobReader, start: u64, length: u64) -> Result<Body, Failure> {
    let room = room_to_read(server, call, reader, length)?;
    Ok(Body::blob(reader.part(start, length).await?, start, length).in_room(room))
}

/// Takes room in the budget for what a bucket sends, before it is asked: it has sent by the time at which a response would be refused.
fn room_to_read(server: &Server, call: &Call, reader: &BlobReader, length: u64) -> Result<Option<Share>, Failure> {
    match reader.read_ahead(length) {
        0 => Ok(None),
        bytes => Ok(Some(server.budget.sender(&call.trace).share(bytes)?)),
    }
}
