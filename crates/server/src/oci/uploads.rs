//! Upload sessions (OCI distribution specification, end-4, end-5, end-6, end-11, end-13 and end-14).

use super::access::Target;
use super::body::Chunks;
use super::failure::{Code, Failure};
use super::headers::{CONTENT_DIGEST, UPLOAD_UUID};
use super::operation::Place;
use super::range::{self, Span, received_range};
use crate::http::{Call, Reply, Response};
use crate::server::Server;
use http::StatusCode;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, LOCATION, RANGE};
use hyper::body::{Body, Incoming};
use roadstead_model::{Algorithm, Digest, RepositoryKey};
use roadstead_registry::{Error, Upload};

/// POST: starts a session.
pub(super) async fn start(server: &Server, call: &Call, target: &Target, algorithm: Option<Algorithm>) -> Result<Response, Failure> {
    let installation = server.installation.at(call.arrival);
    let upload = installation.start_upload(target.repository(), target.caller()?, algorithm, target.may_create()).await?;
    Ok(session(StatusCode::ACCEPTED, target, &upload))
}

/// POST with `?digest=`: the whole blob in one request.
pub(super) async fn push(server: &Server, call: &Call, target: &Target, digest: &Digest, body: &mut Incoming) -> Result<Response, Failure> {
    let mut chunks = Chunks::new(server, call, body, None);
    let pushed = server.installation.push_blob(target.repository(), digest, target.may_create(), &mut chunks).await;
    pushed.map_err(|error| chunks.failure(error))?;
    Ok(created(target, digest))
}

/// POST with `?mount=`: links a blob of another repository, since all are public. Starts a session if that fails.
pub(super) async fn mount(
    server: &Server,
    call: &Call,
    target: &Target,
    digest: &Digest,
    from: Option<&Place>,
) -> Result<Response, Failure> {
    let source = match from {
        None => None,
        Some(place) => match server.installation.at(call.arrival).resolve_alias(place.alias.as_str()).await {
            Ok(registry) => Some(RepositoryKey::new(registry, place.repository.clone())),
            Err(Error::RegistryNotFound(_)) => return start(server, call, target, Some(digest.algorithm())).await,
            Err(error) => return Err(error.into()),
        },
    };
    let repository = target.repository();
    if server.installation.mount_blob(repository, digest, source.as_ref(), target.may_create()).await? {
        Ok(created(target, digest))
    } else {
        start(server, call, target, Some(digest.algorithm())).await
    }
}

/// GET: the progress of a session.
pub(super) async fn get(server: &Server, target: &Target, id: &str) -> Result<Response, Failure> {
    let upload = server.installation.find_upload(target.session(id)?).await?;
    Ok(session(StatusCode::NO_CONTENT, target, &upload))
}

/// PATCH: appends a chunk at the start of its `Content-Range`, or at the current offset.
pub(super) async fn append(server: &Server, call: &Call, target: &Target, id: &str, body: &mut Incoming) -> Result<Response, Failure> {
    let (start, mut chunks) = announced_body(server, call, body)?;
    let appended = server.installation.append_upload(target.session(id)?, start, &mut chunks).await;
    Ok(session(StatusCode::ACCEPTED, target, &appended.map_err(|error| part_failure(target, id, error, Some(&chunks)))?))
}

/// PUT: completes a session, after a last chunk if the request has a body.
pub(super) async fn complete(
    server: &Server,
    call: &Call,
    target: &Target,
    id: &str,
    digest: &Digest,
    body: &mut Incoming,
) -> Result<Response, Failure> {
    let name = target.session(id)?;
    if body.is_end_stream() {
        let completed = server.installation.complete_upload(name, digest).await;
        completed.map_err(|error| part_failure(target, id, error, None))?;
    } else {
        let (start, mut chunks) = announced_body(server, call, body)?;
        let completed = server.installation.complete_upload_with(name, start, &mut chunks, digest).await;
        completed.map_err(|error| part_failure(target, id, error, Some(&chunks)))?;
    }
    Ok(created(target, digest))
}

/// DELETE: cancels a session.
pub(super) async fn cancel(server: &Server, target: &Target, id: &str) -> Result<Response, Failure> {
    server.installation.cancel_upload(target.session(id)?).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT).into_response())
}

/// Returns the start offset of the body, if announced, and the body.
fn announced_body<'a>(server: &Server, call: &Call, body: &'a mut Incoming) -> Result<(Option<u64>, Chunks<'a>), Failure> {
    let chunk = announced_chunk(call)?;
    Ok((chunk.map(|chunk| chunk.start), Chunks::new(server, call, body, chunk.map(Span::length))))
}

/// The `Content-Range` of the body, if present. It must agree with `Content-Length`.
fn announced_chunk(call: &Call) -> Result<Option<Span>, Failure> {
    let Some(value) = call.headers.get(CONTENT_RANGE) else { return Ok(None) };
    let refuse = |code, message: &str| Failure::new(StatusCode::BAD_REQUEST, code, message);
    let span = value.to_str().ok().and_then(range::parse_chunk);
    let span = span.ok_or_else(|| refuse(Code::BlobUploadInvalid, "the Content-Range of a chunk is '<start>-<end>'"))?;
    let length = call.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length != span.length()) {
        return Err(refuse(Code::SizeInvalid, "Content-Range and Content-Length do not agree"));
    }
    Ok(Some(span))
}

/// The failure of a chunk. If the chunk is misplaced or concurrent, it names the session, so that the client can resume.
fn part_failure(target: &Target, id: &str, error: Error, chunks: Option<&Chunks<'_>>) -> Failure {
    let misplaced = matches!(error, Error::LayerPartInvalid { .. } | Error::UploadBusy { .. });
    let failure = match chunks {
        Some(chunks) => chunks.failure(error),
        None => error.into(),
    };
    if misplaced { failure.with(LOCATION, location(target, id)).with(UPLOAD_UUID, id) } else { failure }
}

fn session(status: StatusCode, target: &Target, upload: &Upload) -> Response {
    Reply::empty(status)
        .with(LOCATION, &location(target, &upload.id))
        .with(RANGE, &received_range(upload.received))
        .with(UPLOAD_UUID, &upload.id)
        .into_response()
}

fn created(target: &Target, digest: &Digest) -> Response {
    Reply::empty(StatusCode::CREATED)
        .with(LOCATION, &target.path(&format!("blobs/{digest}")))
        .with(CONTENT_DIGEST, digest.as_str())
        .into_response()
}

fn location(target: &Target, id: &str) -> String {
    target.path(&format!("blobs/uploads/{id}"))
}
