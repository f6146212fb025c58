//! Manifests (OCI distribution specification, end-3, end-7 and end-9).

use super::access::Target;
use super::body;
use super::conditional;
use super::failure::{Code, Failure};
use super::headers::{CONTENT_DIGEST, IMMUTABLE, REVALIDATE, SUBJECT, TAG};
use super::pulling::Puller;
use crate::http::request_body::ReceiveError;
use crate::http::{Body, Call, Reply, Response};
use crate::rates::Pulled;
use crate::server::Server;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, LOCATION};
use http::{Method, StatusCode};
use hyper::body::Incoming;
use roadstead_model::media_type::without_parameters;
use roadstead_model::{Reference, Tag};
use roadstead_registry::{Error, ManifestPush, ManifestPut, StoredManifest};

/// GET and HEAD respond with the stored bytes and the media type of the push, whatever `Accept` says.
pub(super) async fn get(puller: Puller<'_>, target: &Target, reference: &Reference) -> Result<Response, Failure> {
    let Puller { server, call, .. } = puller;
    let manifest = server.installation.at(call.arrival).get_manifest(target.repository(), reference).await?;
    // Whether the manifest is part of an earlier pull depends on its row, which is cheap to read and usually cached.
    let admitted = puller.admit(Pulled::Manifest(manifest.pull))?;
    let reply = if conditional::is_known(&call.headers, &manifest.digest) {
        Reply::empty(StatusCode::NOT_MODIFIED)
    } else {
        let body = match &manifest.bytes {
            _ if call.method == Method::HEAD => Body::empty(),
            Some(bytes) => Body::content(&manifest.digest, bytes.clone()),
            None => Box::pin(large(puller, target, &manifest)).await?,
        };
        puller.count(&manifest, reference);
        Reply::content(StatusCode::OK, body, manifest.size, &manifest.media_type)
    };
    let caching = if matches!(reference, Reference::Digest(_)) { IMMUTABLE } else { REVALIDATE };
    let reply = reply.with(CONTENT_DIGEST, manifest.digest.as_str()).with(ETAG, &conditional::entity_tag(&manifest.digest));
    Ok(admitted.answer(reply.with_static(CACHE_CONTROL, caching).into_response()))
}

/// Returns the bytes of a large manifest, shared with concurrent responses. Otherwise reads them if the budget has room.
async fn large(puller: Puller<'_>, target: &Target, manifest: &StoredManifest) -> Result<Body, Failure> {
    let Puller { server, call, .. } = puller;
    let holder = server.budget.sender(&call.trace);
    let read = async { Ok::<_, Failure>(server.installation.manifest_bytes(target.repository(), &manifest.digest).await?) };
    let bytes = server.shared_content.find_or_read(&manifest.digest, manifest.size, &holder, read).await?;
    Ok(Body::content(&manifest.digest, bytes))
}

/// PUT stores the exact bytes under the tag or digest of the path and under the tags of `?tag=`, atomically.
pub(super) async fn put(
    server: &Server,
    call: &Call,
    target: &Target,
    reference: &Reference,
    tags: &[Tag],
    body: &mut Incoming,
) -> Result<Response, Failure> {
    let condition = conditional::of_push(&call.headers)
        .ok_or_else(|| Failure::new(StatusCode::BAD_REQUEST, Code::Unsupported, "a push has If-Match or If-None-Match, not both"))?;
    let maximum = server.installation.limits().manifest_bytes;
    let received = body::read(server, call, body, maximum).await.map_err(|halted| match halted {
        ReceiveError::TooLarge => Error::ManifestTooLarge.into(),
        halted => Failure::of_body(halted, Code::ManifestInvalid),
    })?;
    let (digest, tag) = match reference {
        Reference::Digest(digest) => (Some(digest.clone()), None),
        Reference::Tag(tag) => (None, Some(tag)),
    };
    let further = tags.iter().filter(|further| Some(*further) != tag);
    let push = ManifestPush {
        bytes: received.bytes,
        media_type: media_type(call),
        digest,
        tags: tag.into_iter().chain(further).cloned().collect(),
        condition,
        create_repository: target.may_create(),
    };
    let put = server.installation.put_manifest(target.repository(), push).await?;
    server.installation.note_pushed(&put, call.client());
    Ok(created(target, &put, tags))
}

fn created(target: &Target, put: &ManifestPut, tags: &[Tag]) -> Response {
    let mut reply = Reply::empty(StatusCode::CREATED)
        .with(LOCATION, &target.path(&format!("manifests/{}", put.digest)))
        .with(CONTENT_DIGEST, put.digest.as_str())
        .with(ETAG, &conditional::entity_tag(&put.digest));
    if let Some(subject) = &put.subject {
        reply = reply.with(SUBJECT, subject.as_str());
    }
    tags.iter().fold(reply, |reply, tag| reply.append(TAG, tag.as_str())).into_response()
}

/// DELETE of a tag keeps the manifest; DELETE of a digest removes its tags too.
pub(super) async fn delete(server: &Server, target: &Target, reference: &Reference) -> Result<Response, Failure> {
    let repository = target.repository();
    match reference {
        Reference::Tag(tag) => server.installation.delete_tag(repository, tag).await?,
        Reference::Digest(digest) => server.installation.delete_manifest(repository, digest).await?,
    }
    Ok(Reply::empty(StatusCode::ACCEPTED).into_response())
}

fn media_type(call: &Call) -> Option<String> {
    let declared = call.headers.get(CONTENT_TYPE)?.to_str().ok().map(without_parameters)?;
    Some(declared.to_owned()).filter(|declared| !declared.is_empty())
}
